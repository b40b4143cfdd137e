"""Cases of a new endpoint, and of a run beside another one that waits for its lock."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.faults.matrix.apis import Api
from tests.faults.matrix.cases.case import Case, case_of, own_faults, plan
from tests.faults.matrix.injection import Fault
from tests.faults.matrix.stories import STORIES, Story

# The pauses between tries are cut in these tests: as long as in the product, by more of them.
_PATIENT = {
    "Delete candidate endpoint": {
        "Retry": [
            {
                "ErrorEquals": ["SageMaker.SageMakerException"],
                "IntervalSeconds": 1,
                "BackoffRate": 1,
                "MaxAttempts": 100,
            },
        ]
    }
}


def of_endpoint(state: str, story: Story, api: Api) -> Iterator[Case]:
    """Of an endpoint of a new release: a resume starts one that has served already."""
    if api.operation.name != "CreateEndpoint" or story.acts:
        return
    for kind, prepare in {
        "endpoint does not come up": _serve("broken-serving"),
        "endpoint never comes up": _serve("hanging-serving"),
        "endpoint answers wrongly": plan(
            {"classes": '["poodle", "beagle"]'}, stopping_condition={"MaxRuntimeInSeconds": 60}
        ),
    }.items():
        yield Case(kind, state, story, frozenset({"failed"}), own_faults(story), _PATIENT, prepare)


def _serve(image: str) -> Callable[[Any], None]:
    def prepare(deployment: Any) -> None:
        deployment.change("PlanTrainingFunction", serving_image_uri=image)
        deployment.parameters["PollLimit"] = "20"

    return prepare


def beside_another(state: str, story: Story) -> Iterator[Case]:
    """With the lock held there, until another run waits for it; then it is stopped, or fails."""
    if story is not STORIES[0] or not _holds_lock(story, state):
        return
    ended = case_of("stopped while another run waits", state, story, "ends", Fault("stop"))
    yield Case(ended.kind, state, story, ended.statuses | {"replaced"}, ended.faults, waiter=True)


def _holds_lock(story: Story, state: str) -> bool:
    states = story.states
    first, last = states.index("Acquire deploy lock"), states.index("Release deploy lock")
    return first < states.index(state) <= last
