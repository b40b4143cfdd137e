"""`dropserve down`: stop the embedded cloud."""

from deploy_scripts import laptop
from deploy_scripts.options import DebugOption
from deploy_scripts.screen import Screen


def down(debug: DebugOption = False) -> None:
    """Stop the laptop's cloud; its state is kept for the next `up`."""
    screen = Screen()
    if laptop.stop_cloud():
        screen.done("The laptop's cloud is stopped; `dropserve up` starts it again with all that it held")
    else:
        screen.say("The laptop's cloud was not running")
