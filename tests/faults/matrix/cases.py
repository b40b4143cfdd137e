"""The cases: each Task of the rendered state machine, met by each kind of fault that can meet it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from deploy_scripts.project import STATE_MACHINE
from deploy_scripts.verify_aws.machine.interpreter import GOES_ON
from tests.faults.matrix.apis import Api
from tests.faults.matrix.injection import Fault
from tests.faults.matrix.stories import STORIES, Story, story_of

SWITCHES = ("Switch live endpoint",)
MARKS = ("Mark as paused",)
RECORD = "Record outcome"
CLAIM = "Claim drop"
# Longer than the limit that a late Task gets in its case.
LIMIT_S, LATE_S = 1, 1.8
# A training runs so long after its call.
_RUNS_AFTER_S = 2.0


# Kinds that differ in a name alone: every other Task gets the one, the rest the other.
_IN_TURN = (
    ("throttled once", "fails inside once"),
    ("stopped", "execution times out"),
    ("function times out", "function runs out of memory"),
)


# What passes by itself: the run ends as without it.
_PASSING = ("throttled once", "fails inside once", "loses its answer once")


@dataclass(frozen=True)
class Case:
    """`state` is met by a fault of this `kind` in the execution that the story is about."""

    kind: str
    state: str
    story: Story
    statuses: frozenset[str]
    """One of which the run has in the ledger at the end; "" where the ledger may not have it."""
    faults: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prepare: Callable[[Any], None] | None = None
    """Called with the deployment after the story has begun."""
    leaves: bool = False
    """Something is not to be removed, or both releases stay: those, and no more."""
    silent: bool = False
    """Nobody can be told."""
    waiter: bool = False
    """A second drop waits for the lock that the first run holds meanwhile."""
    trains_once: bool = False
    """One training job of the run comes to its end, and every other one was stopped."""

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.state}"

    @property
    def is_run_again(self) -> bool:
        """Whether the drop is run once more after it: once a state, after the hardest of its faults."""
        return self.story.both_stay or self.kind not in ("refused", "answers late")


@cache
def definition() -> dict[str, Any]:
    """The rendered state machine."""
    read: dict[str, Any] = json.loads(STATE_MACHINE.read_text("utf-8"))
    return read


def tasks() -> dict[str, dict[str, Any]]:
    """Every Task state, by its name."""
    return {name: state for name, state in definition()["States"].items() if state["Type"] == "Task"}


def cases() -> list[Case]:
    """All of them, those of a story side by side."""
    made = []
    for number, (state, task) in enumerate(tasks().items()):
        others = {kinds[number % 2] for kinds in _IN_TURN}
        made += [case for case in _of_task(state, task) if case.kind not in others]
    order = {story.name: number for number, story in enumerate(STORIES)}
    return sorted(made, key=lambda case: order[case.story.name])


def groups() -> list[list[Case]]:
    """All cases, as they are run: of errors that pass, those of one kind and story meet one execution."""
    made: dict[tuple[str, ...], list[Case]] = {}
    for case in cases():
        key = (case.story.name, case.kind) if case.kind in _PASSING else (case.name,)
        made.setdefault(key, []).append(case)
    return list(made.values())


def together(group: list[Case]) -> Case:
    """One case of a group: each of its Tasks is met by its own fault."""
    first = group[0]
    if len(group) == 1:
        return first
    met = {case.state: case.faults[case.state] for case in group}
    return replace(first, state=f"every Task of {first.story.name}", faults={**_own(first.story), **met})


def case_named(name: str) -> Case:
    """Raises LookupError when there is none."""
    for state, task in tasks().items():
        for case in _of_task(state, task) if name.endswith(f": {state}") else ():
            if case.name == name:
                return case
    raise LookupError(f"there is no case {name}")


def _of_task(state: str, task: Mapping[str, Any]) -> Iterator[Case]:
    story = story_of(state)
    api = Api.of(task["Resource"])
    throttled, failing, refused = api.throttled(), api.error("InternalFailure", 500), api.refused(state)
    yield _case("throttled once", state, story, "recovers", Fault("refuse", *throttled))
    yield _case("fails inside once", state, story, "recovers", Fault("refuse", *failing))
    yield _case("loses its answer once", state, story, "recovers", Fault("lose", *failing))
    yield _case("refused", state, story, "fails", Fault("refuse", *refused, calls=None))
    late = {state: {"TimeoutSeconds": LIMIT_S}}
    yield _case(
        "answers late", state, story, "fails", Fault("late", delay_s=LATE_S, calls=None), changes=late
    )
    yield _case("stopped", state, story, "ends", Fault("stop"))
    yield _case("execution times out", state, story, "ends", Fault("time_out"))
    for kind, error in _FUNCTION_ERRORS if api.is_function else ():
        yield _case(kind, state, story, "fails", Fault("lose", *error, calls=None))
    if api.service in ("dynamodb", "ssm", "sns") and story is STORIES[0]:
        yield _away(state, story, api)
    yield from _of_training(state, story, task)
    yield from _of_endpoint(state, story, api)
    yield from _beside_another(state, story)


def _function_error(name: str, message: str) -> tuple[str, str]:
    """As the Task gets it: its name and its Cause."""
    return name, json.dumps({"errorType": name, "errorMessage": f"RequestId: 1 Error: {message}"})


# https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html and
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_FUNCTION_ERRORS = (
    ("function times out", _function_error("Sandbox.Timedout", "Task timed out after 900.00 seconds")),
    (
        "function runs out of memory",
        _function_error("Runtime.ExitError", "Runtime exited with error: signal: killed"),
    ),
)


# -- what comes of it


def _case(
    kind: str,
    state: str,
    story: Story,
    fate: str,
    fault: Fault,
    *,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Case:
    # A fault of the story itself comes after the case's.
    faults = {name: (base,) for name, base in story.faults.items()}
    faults[state] = (fault, *faults.get(state, ()))
    refused = fate == "fails" and fault.effect == "refuse"
    return Case(
        kind,
        state,
        story,
        frozenset(statuses(story, state, fate, answered=fault.effect != "refuse")),
        faults,
        {**story.changes, **(changes or {})},
        leaves=story.both_stay or (refused and Api.of(tasks()[state]["Resource"]).removes),
        # What ends between the ledger and the topic is not told again.
        silent=(fate == "ends" and state == RECORD)
        or (refused and tasks()[state]["Resource"].startswith("arn:aws:states:::sns:")),
    )


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


def _away(state: str, story: Story, api: Api) -> Case:
    """From there on every call of the service fails, to the end of the execution."""
    away = Fault("refuse", *api.error("ServiceUnavailable", 503), calls=None, since=state)
    of_service = [each for each, task in tasks().items() if Api.of(task["Resource"]).service == api.service]
    faults = dict.fromkeys(of_service, (away,))
    case = _case(f"{api.service} is away from", state, story, "fails", away)
    return Case(
        case.kind,
        state,
        story,
        case.statuses,
        faults,
        silent=api.service == "sns",
    )


# -- trainings, endpoints, two runs


def _of_training(state: str, story: Story, task: Mapping[str, Any]) -> Iterator[Case]:
    resource = task["Resource"]
    if resource.endswith("sagemaker:createTrainingJob.sync"):
        for kind, given in _TRAININGS.items():
            yield Case(
                f"training {kind}", state, story, frozenset({"failed"}), _own(story), prepare=_plan(given)
            )
        lacking = {"fail": "CapacityError: Unable to provision requested ML compute capacity."}
        if story is STORIES[0]:
            yield Case(
                "training is reclaimed",
                state,
                story,
                frozenset({"live"}),
                prepare=_plan(lacking, use_spot=True, stopping_condition=_SPOT_LIMITS),
            )
        yield from _while_it_trains(state, story, _plan(_HANGS, limit_s=_LONG_S))
        lost = _case("loses its answer while it trains", state, story, "recovers", _lost(state))
        yield replace(lost, prepare=_plan(_TAKES_ITS_TIME, limit_s=_LONG_S), trains_once=True)
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


# At the first moment, and once the program runs.
_MOMENTS_S = {"stopped": ("stop", _RUNS_AFTER_S), "execution times out": ("time_out", 0.0)}


def _while_it_trains(state: str, story: Story, prepare: Callable[[Any], None]) -> Iterator[Case]:
    """The execution ends beside a training that would go on for minutes."""
    for kind, (effect, after_s) in _MOMENTS_S.items():
        ended = _case(f"{kind} while it trains", state, story, "ends", Fault(effect, after_s=after_s))
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


def _own(story: Story) -> dict[str, tuple[Fault, ...]]:
    return {name: (fault,) for name, fault in story.faults.items()}


def _plan(given: Mapping[str, str], *, limit_s: int = 3, **changes: Any) -> Callable[[Any], None]:
    def prepare(deployment: Any) -> None:
        plan = deployment.answers["PlanTrainingFunction"]
        limits = {"stopping_condition": {**plan["stopping_condition"], "MaxRuntimeInSeconds": limit_s}}
        told = {**plan["hyperparameters"], **given}
        deployment.change("PlanTrainingFunction", **{**limits, **changes, "hyperparameters": told})

    return prepare


def _boot(behaviour: str) -> Callable[[Any], None]:
    return lambda deployment: deployment.boot(behaviour)


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


def _of_endpoint(state: str, story: Story, api: Api) -> Iterator[Case]:
    """Of an endpoint of a new release: a resume starts one that has served already."""
    if api.operation.name != "CreateEndpoint" or story.acts:
        return
    for kind, prepare in {
        "endpoint does not come up": _serve("broken-serving"),
        "endpoint never comes up": _serve("hanging-serving"),
        "endpoint answers wrongly": _plan(
            {"classes": '["poodle", "beagle"]'}, stopping_condition={"MaxRuntimeInSeconds": 60}
        ),
    }.items():
        yield Case(kind, state, story, frozenset({"failed"}), _own(story), _PATIENT, prepare)


def _serve(image: str) -> Callable[[Any], None]:
    def prepare(deployment: Any) -> None:
        deployment.change("PlanTrainingFunction", serving_image_uri=image)
        deployment.parameters["PollLimit"] = "20"

    return prepare


def _beside_another(state: str, story: Story) -> Iterator[Case]:
    """With the lock held there, until another run waits for it; then it is stopped, or fails."""
    if story is not STORIES[0] or not _holds_lock(story, state):
        return
    ended = _case("stopped while another run waits", state, story, "ends", Fault("stop"))
    yield Case(ended.kind, state, story, ended.statuses | {"replaced"}, ended.faults, waiter=True)


def _holds_lock(story: Story, state: str) -> bool:
    states = story.states
    first, last = states.index("Acquire deploy lock"), states.index("Release deploy lock")
    return first < states.index(state) <= last
