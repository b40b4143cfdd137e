"""`dropserve down`: stop the local cloud."""

from deploy_scripts import local_target
from deploy_scripts.options import DebugOption
from deploy_scripts.screen import Screen


def down(debug: DebugOption = False) -> None:
    """Stop the local cloud; its state is kept for the next `up`."""
    screen = Screen()
    was_running, save_error = local_target.stop_cloud()
    if save_error:
        screen.say(f"The local cloud is stopped, but could not save its state: {save_error}")
    elif was_running:
        screen.done("The local cloud is stopped; `dropserve up` starts it again with all that it held")
    else:
        screen.say("The local cloud was not running")
