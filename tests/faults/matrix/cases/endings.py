"""How a run may end whose Task was met by a fault."""

from deploy_scripts.verify_aws.machine.interpreter import GOES_ON
from tests.faults.matrix.stories import Story

SWITCHES = ("Switch live endpoint",)
RECORD = "Record outcome"


def statuses(story: Story, state: str, fate: str, *, answered: bool) -> set[str]:
    """How the run may end: the one status, or "" for none."""
    if fate == "recovers":
        return {story.status}
    if fate == "fails":
        return _after_a_failure(story, state, answered=answered)
    return _after_an_end(story, state)


def _after_a_failure(story: Story, state: str, *, answered: bool) -> set[str]:
    """Before the switch the run fails; after it, and where nothing depends on the Task, it goes on."""
    if state == "Record duplicate":
        return {story.status if answered else ""}
    if state == RECORD:
        # The clean-up writes it.
        return {story.status if story.status in ("live", "restored") else "failed"}
    # Of an endpoint that cannot be deleted, a pause says so.
    if state == "Roll back" or (state == "Delete endpoint to pause" and not answered):
        return {"failed"}
    # A switch that fails is undone.
    switched = state not in SWITCHES and _is_behind(story, state, SWITCHES)
    if state in GOES_ON or story.cleans_up or switched:
        return {story.status}
    return {"failed"}


def _after_an_end(story: Story, state: str) -> set[str]:
    """The clean-up completes what was switched, and takes everything else down."""
    if story.cleans_up or _is_behind(story, state, (RECORD, "Record duplicate")):
        return {story.status}
    if story.acts and story.status != "restored":
        return {"failed"}
    if _is_behind(story, state, SWITCHES) and story.status in ("live", "restored"):
        return {story.status}
    # What is taken back is live until that is done: the clean-up sees which one is.
    return {"failed", "live"} if story.status == "rolled_back" else {"failed"}


def _is_behind(story: Story, state: str, others: tuple[str, ...]) -> bool:
    """Whether the story has come to one of the others when it comes to the state, or the state is one."""
    passed = story.states[: story.states.index(state) + 1]
    return any(other in passed for other in others)
