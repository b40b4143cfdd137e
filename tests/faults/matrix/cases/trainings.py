"""Cases of a training: it fails, hangs, is reclaimed, has no room, or its execution ends beside it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from state_machines.stages.train import INSTANCE_TRIES
from tests.faults.matrix.apis import CAPACITY_THAT_COMES, Api
from tests.faults.matrix.cases.case import Case, case_of, own_faults, plan, tasks
from tests.faults.matrix.injection import Fault
from tests.faults.matrix.stories import STORIES, Story

# A training runs so long after its call.
_RUNS_AFTER_S = 2.0


def of_training(state: str, story: Story, task: Mapping[str, Any]) -> Iterator[Case]:
    resource = task["Resource"]
    if resource.endswith("sagemaker:createTrainingJob.sync"):
        for kind, given in _TRAININGS.items():
            yield Case(
                f"training {kind}",
                state,
                story,
                frozenset({"failed"}),
                own_faults(story),
                prepare=plan(given),
            )
        lacking = {"fail": "CapacityError: Unable to provision requested ML compute capacity."}
        if story is STORIES[0]:
            yield Case(
                "training is reclaimed",
                state,
                story,
                frozenset({"live"}),
                prepare=plan(lacking, use_spot=True, stopping_condition=_SPOT_LIMITS),
            )
        yield from _while_it_trains(state, story, plan(_HANGS, limit_s=_LONG_S))
        lost = case_of("loses its answer while it trains", state, story, "recovers", _lost(state))
        yield replace(lost, prepare=plan(_TAKES_ITS_TIME, limit_s=_LONG_S), trains_once=True)
    elif resource.endswith(".waitForTaskToken"):
        beats = {state: {"HeartbeatSeconds": 2}}
        for behaviour in ("fails", "hangs", "reclaimed"):
            yield Case(
                f"training instance {behaviour}",
                state,
                story,
                frozenset({"failed"}),
                changes=beats,
                prepare=_boot(behaviour),
            )
        yield from _while_it_trains(state, story, _boot("hangs"))
        yield from _without_room_at_first(state, story)


def _without_room_at_first(state: str, story: Story) -> Iterator[Case]:
    """One pause is waited for; the second try after it has an instance."""
    for code, status, sentence in CAPACITY_THAT_COMES:
        error = Api.of(tasks()[state]["Resource"]).error(code, status, sentence)
        lacking = Fault("refuse", *error, calls=INSTANCE_TRIES + 1)
        short = {"Wait for EC2 capacity": {"Seconds": 1}}
        yield case_of(f"{code} at first", state, story, "recovers", lacking, changes=short)


# At the first moment, and once the program runs.
_MOMENTS_S = {"stopped": ("stop", _RUNS_AFTER_S), "execution times out": ("time_out", 0.0)}


def _while_it_trains(state: str, story: Story, prepare: Callable[[Any], None]) -> Iterator[Case]:
    """The execution ends beside a training that would go on for minutes."""
    for kind, (effect, after_s) in _MOMENTS_S.items():
        ended = case_of(f"{kind} while it trains", state, story, "ends", Fault(effect, after_s=after_s))
        yield replace(ended, prepare=prepare)


def _lost(state: str) -> Fault:
    error = Api.of(tasks()[state]["Resource"]).error("InternalFailure", 500)
    return Fault("lose", *error)


_SPOT_LIMITS = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120}
# Longer than is waited for what has to end.
_LONG_S = 110
_HANGS = {"sleep_s": "600"}
# Longer than until the call is tried again.
_TAKES_ITS_TIME = {"sleep_s": "15"}
# What the small training program is told.
_TRAININGS = {
    "fails": {"fail_later": "the photos are of another planet"},
    "dies half way": {"die": "now"},
    "hangs": {"sleep_s": "600"},
    "writes a broken artefact": {"classes": "not JSON"},
}


def _boot(behaviour: str) -> Callable[[Any], None]:
    return lambda deployment: deployment.boot(behaviour)
