"""`dropserve down`: stop the embedded cloud."""

from deploy_scripts import laptop
from deploy_scripts.options import DebugOption
from deploy_scripts.screen import Screen


def down(debug: DebugOption = False) -> None:
    """Stop the laptop's cloud; its state is kept for the next `up`."""
    screen = Screen()
    was_running, save_error = laptop.stop_cloud()
    if save_error:
        screen.say(f"The laptop's cloud is stopped, but could not save its state: {save_error}")
    elif was_running:
        screen.done("The laptop's cloud is stopped; `dropserve up` starts it again with all that it held")
    else:
        screen.say("The laptop's cloud was not running")
