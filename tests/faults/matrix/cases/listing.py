"""The cases: each Task of the rendered state machine, met by each kind of fault that can meet it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.faults.matrix.apis import Api
from tests.faults.matrix.cases.case import Case, case_of, own_faults, tasks
from tests.faults.matrix.cases.releases import beside_another, of_endpoint
from tests.faults.matrix.cases.trainings import of_training
from tests.faults.matrix.injection import Fault
from tests.faults.matrix.stories import STORIES, Story, story_of

# Longer than the limit that a late Task gets in its case.
LIMIT_S, LATE_S = 1, 1.8
# Kinds that differ in a name alone: every other Task gets the one, the rest the other.
_IN_TURN = (
    ("throttled once", "fails inside once"),
    ("stopped", "execution times out"),
    ("function times out", "function runs out of memory"),
)


# What passes by itself: the run ends as without it.
_PASSING = ("throttled once", "fails inside once", "loses its answer once")


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
    return replace(
        first, state=f"every Task of {first.story.name}", faults={**own_faults(first.story), **met}
    )


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
    yield case_of("throttled once", state, story, "recovers", Fault("refuse", *throttled))
    yield case_of("fails inside once", state, story, "recovers", Fault("refuse", *failing))
    yield case_of("loses its answer once", state, story, "recovers", Fault("lose", *failing))
    yield case_of("refused", state, story, "fails", Fault("refuse", *refused, calls=None))
    late = {state: {"TimeoutSeconds": LIMIT_S}}
    yield case_of(
        "answers late", state, story, "fails", Fault("late", delay_s=LATE_S, calls=None), changes=late
    )
    yield case_of("stopped", state, story, "ends", Fault("stop"))
    yield case_of("execution times out", state, story, "ends", Fault("time_out"))
    for kind, error in _FUNCTION_ERRORS if api.is_function else ():
        yield case_of(kind, state, story, "fails", Fault("lose", *error, calls=None))
    if api.service in ("dynamodb", "ssm", "sns") and story is STORIES[0]:
        yield _away(state, story, api)
    yield from of_training(state, story, task)
    yield from of_endpoint(state, story, api)
    yield from beside_another(state, story)


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


def _away(state: str, story: Story, api: Api) -> Case:
    """From there on every call of the service fails, to the end of the execution."""
    away = Fault("refuse", *api.error("ServiceUnavailable", 503), calls=None, since=state)
    of_service = [each for each, task in tasks().items() if Api.of(task["Resource"]).service == api.service]
    faults = dict.fromkeys(of_service, (away,))
    case = case_of(f"{api.service} is away from", state, story, "fails", away)
    return Case(
        case.kind,
        state,
        story,
        case.statuses,
        faults,
        silent=api.service == "sns",
    )
