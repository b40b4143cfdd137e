"""`dropserve down`: stop the local cloud."""

from deploy_scripts import local_target
from deploy_scripts.options import DebugOption
from deploy_scripts.screen import Screen


def down(debug: DebugOption = False) -> None:
    """Stop the local cloud; its state is kept for the next `up`."""
    screen = Screen()
    if local_target.stop_cloud():
        screen.done("The local cloud is stopped; `dropserve up` starts it again with all that it held")
    else:
        screen.say("The local cloud was not running")
