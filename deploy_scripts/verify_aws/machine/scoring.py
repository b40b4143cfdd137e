"""The state machine that scores photos in the interpreter: what may happen to a job, and how it ends."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from contracts.scoring import BATCH_PHOTOS
from deploy_scripts.verify_aws.check import Subject
from deploy_scripts.verify_aws.machine.refusal import InTurn, Refusal
from deploy_scripts.verify_aws.machine.run import Run, checked, run
from deploy_scripts.verify_aws.template.example_values import SCORING, substituted
from state_machines.language.workflows import workflows_of

_UNNAMED = "Made.UpException"
# Refused for good, they cost their batch alone, and the job goes on.
_OF_A_BATCH = ("Score batch", "Record lost batch")


class Story(NamedTuple):
    """`error`: what the execution ends in; None: it succeeds. `passes`: states that it must come to."""

    name: str
    input: Any
    answers: Mapping[str, Any]
    error: str | None = None
    passes: tuple[str, ...] = ()


_LIVE = {"release": "dropserve-1", "endpoint_name": "dropserve-1", "run_id": "1"}
_PHOTOS = [
    {"Key": f"photos/a/{number}.jpg", "Etag": f'"{number}"', "Size": 9, "LastModified": 1.0}
    for number in range(BATCH_PHOTOS + 1)
]
_ONE_PHOTO = {"Score photos": _PHOTOS[:1]}
_STRAIGHT: dict[str, Any] = {
    "Read live release": {"Parameter": {"Value": json.dumps(_LIVE)}},
    "Describe endpoint": {"ProductionVariants": [{"VariantName": "AllTraffic", "CurrentInstanceCount": 2}]},
    "Score photos": _PHOTOS,
    "Score batch": {"Payload": {"photos": 1, "failed": 0}},
    "Record lost batch": {"Payload": {"photos": 1, "failed": 1}},
    "Join scores": {"Payload": {"photos": 1}},
}
_INPUT = {"prefix": "photos/a/"}


OF_ANOTHER_BUCKET = Story(
    "some of another bucket",
    {"job": "autumn-1", "bucket": "another-bucket", "prefix": "a/", "max_photos": 3, "batches_at_once": 4},
    _STRAIGHT,
    None,
    ("Join scores",),
)


def stories() -> Iterator[Story]:
    """A job that goes well, and the ways in which one does not."""
    yield Story("every photo is scored", _INPUT, _STRAIGHT, None, ("Score batch", "Join scores"))
    yield OF_ANOTHER_BUCKET
    serverless = {"CurrentServerlessConfig": {"MaxConcurrency": 20, "MemorySizeInMB": 2048}}
    described = {"ProductionVariants": [{"VariantName": "AllTraffic", **serverless}]}
    yield _but("by a serverless endpoint", {"Describe endpoint": described})
    yield _but("nothing is there", {"Score photos": []})
    pointers = {"{}": {}, "paused": {**_LIVE, "paused_at": "2026-01-31T12:00:00Z"}}
    for name, pointer in pointers.items():
        read = {"Read live release": {"Parameter": {"Value": json.dumps(pointer)}}}
        yield _but(f"nothing is live: {name}", read, "NoLiveModel")
    lost = Refusal("Ssm.ParameterNotFoundException")
    yield _but("nothing was ever live", {"Read live release": lost}, "NoLiveModel")
    wrong: list[Any] = ["photos/", {}, {"prefix": ""}, {"prefix": 3}, {"prefix": "runs/"}, [], None]
    wrong += [{**_INPUT, "job": "../x"}, {**_INPUT, "bucket": 3}, {**_INPUT, "max_photos": "3"}]
    for each in wrong:
        yield Story(f"input {json.dumps(each)}", each, _STRAIGHT, "InputRefused")


def _but(name: str, changes: Mapping[str, Any], error: str | None = None) -> Story:
    return Story(name, _INPUT, {**_STRAIGHT, **_ONE_PHOTO, **changes}, error)


def refusals(definition: dict[str, Any]) -> Iterator[Story]:
    """Each Task refused for good with every error that it names and one that it does not, and once."""
    for workflow in workflows_of(definition):
        for state, task in workflow["States"].items():
            if task["Type"] != "Task":
                continue
            before = {"Score batch": Refusal(_UNNAMED)} if state == "Record lost batch" else {}
            retried = {error for retrier in task["Retry"] for error in retrier["ErrorEquals"]}
            for error in sorted({*retried, "States.Timeout", _UNNAMED}):
                ends_in = None if state in _OF_A_BATCH else error
                yield _but(f"{state} refused with {error}", {**before, state: Refusal(error)}, ends_in)
                if error in retried:
                    in_turn = InTurn((Refusal(error), _STRAIGHT[state]))
                    yield _but(f"{state} refused once with {error}", {**before, state: in_turn})


def prepared_scoring(subject: Subject) -> dict[str, Any]:
    """The definition with a deployment's values."""
    text = substituted(json.dumps(subject.scoring), subject.main, {}, SCORING)
    definition: dict[str, Any] = json.loads(text)
    return definition


def played(subject: Subject) -> list[tuple[Story, Run]]:
    """Every story and every refusal. Raises NotADefinitionError."""
    definition = prepared_scoring(subject)
    with checked(definition):
        return [
            (story, run(definition, story.input, story.answers))
            for story in (*stories(), *refusals(definition))
        ]


def scoring_problems(subject: Subject, made: list[tuple[Story, Run]]) -> Iterator[str]:
    """Each ends as told, and between them they come to every state."""
    for story, one in made:
        if one.error != story.error:
            yield f"scoring, {story.name}: it ends in {one.error}, not in {story.error}: {one.cause}"
        for state in story.passes:
            if state not in one.states:
                yield f"scoring, {story.name}: it does not come to {state}"
    passed = {state for _, one in made for state in one.states}
    states = {state for workflow in workflows_of(subject.scoring) for state in workflow["States"]}
    for state in sorted(states - passed):
        yield f"no story comes to {state}: write one in machine/scoring.py"
