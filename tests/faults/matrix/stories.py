"""How a run comes to each Task: a story of deploy_scripts/verify_aws that is really run on the local cloud.

The states of a story come from there: a state that is new on its way is on this one's way as well.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from deploy_scripts.project import STATE_MACHINE
from deploy_scripts.verify_aws.machine.answers import BUCKET
from deploy_scripts.verify_aws.machine.run import Run, checked
from deploy_scripts.verify_aws.machine.run import run as play
from deploy_scripts.verify_aws.machine.scenarios import scenarios
from deploy_scripts.verify_aws.template.example_values import STACK
from tests.faults.matrix.deployment import WATCHED, Deployment, ended_with_all
from tests.faults.matrix.injection import Fault

PAUSE, RESUME = {"action": "pause"}, {"action": "resume"}
_SPOT = {
    "use_spot": True,
    "stopping_condition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
}
_NO_SSM = Fault("refuse", "Ssm.SsmException", "Rate exceeded", calls=None)
_NO_LEDGER = Fault("refuse", "DynamoDB.AmazonDynamoDBException", "Rate exceeded", calls=None)
_NAME_TAKEN = Fault("refuse", "SageMaker.ResourceInUseException", "Training job names must be unique")
_NO_ACCEPTANCE = Fault("refuse", "AcceptanceError", '{"errorMessage": "it answers otherwise"}', calls=None)


@dataclass(frozen=True)
class Story:
    """`name` is that of the scenario; `begin` makes ready, and gives the input of the execution."""

    name: str
    status: str
    """Of the run in the ledger, when nothing more goes wrong."""
    begin: Callable[[Deployment], Any]
    faults: Mapping[str, Fault] = field(default_factory=dict)
    cleans_up: bool = False
    """The execution cleans up after another one, and ends that one's run."""
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Fields of states, in every case of it."""
    acts: bool = False
    """It pauses, resumes or rolls back."""
    both_stay: bool = False
    """Nobody could take the release back: a person has to look."""

    @property
    def states(self) -> tuple[str, ...]:
        """The states that its execution passes, in order."""
        return _played()[self.name].states


_VALUES = {
    **WATCHED,
    "StackName": STACK,
    "DataBucket": BUCKET,
    "LiveAlarms": "none",
    "CanaryAlarms": "none",
    "PollLimit": "2",
    "PollSeconds": "1",
    "DrainSeconds": "0",
    "MinInstances": "1",
    "MaxInstances": "2",
    "TargetInvocationsPerInstance": "600",
}


@cache
def _played() -> dict[str, Run]:
    """Every story in the interpreter, by its name."""
    told = {each.name: each for each in scenarios()}
    definition = _definition()
    with checked(definition):
        return {
            each.name: play(definition, told[each.name].input, told[each.name].answers) for each in STORIES
        }


@cache
def _definition() -> dict[str, Any]:
    text = STATE_MACHINE.read_text("utf-8")
    for name, value in _VALUES.items():
        text = text.replace(f"${{{name}}}", value)
    definition: dict[str, Any] = json.loads(text.replace("${KmsKeyArn}", ""))
    return definition


def _drop(deployment: Deployment) -> Any:
    return deployment.drop()


def _on_ec2(behaviour: str) -> Callable[[Deployment], Any]:
    def begin(deployment: Deployment) -> Any:
        deployment.boot(behaviour)
        deployment.change("PlanTrainingFunction", **EC2)
        return deployment.drop()

    return begin


# An instance of its own; no machine image is asked for on the local cloud.
EC2 = {"backend": "ec2", "ec2_image_id": "ami-0123456789abcdef0", "plan_uri": "s3://none/plan.json"}


def _without_spot_capacity(deployment: Deployment) -> Any:
    given = {**deployment.answers["PlanTrainingFunction"]["hyperparameters"], "fail": "CapacityError: none"}
    deployment.change("PlanTrainingFunction", hyperparameters=given, **_SPOT)
    return deployment.drop()


def _folder(*, changed: bool) -> Callable[[Deployment], Any]:
    def begin(deployment: Deployment) -> Any:
        rechecked = {"changed": changed, "reason": "photos came late", "advice": "dropserve run"}
        deployment.change("InspectDatasetFunction", format="folder", **rechecked)
        return deployment.drop("drops/dogs/_SUCCESS")

    return begin


def _serverless(deployment: Deployment) -> Any:
    deployment.serve_without_instances()
    return deployment.drop()


def _announced_again(deployment: Deployment) -> Any:
    event = deployment.drop()
    ended = deployment.run(event)
    assert ended.item["status"] == "live"
    return event


def _held_by_the_dead(begin: Callable[[Deployment], Any]) -> Callable[[Deployment], Any]:
    def hold(deployment: Deployment) -> Any:
        # First: what it runs takes and releases the lock itself.
        document = begin(deployment)
        done = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
        dead = deployment.bench.start(done)
        deployment.bench.finished(dead)
        deployment.hold_lock(dead)
        return document

    return hold


def _ended_at(state: str, begin: Callable[[Deployment], Any] = _drop) -> Callable[[Deployment], Any]:
    """The event of an execution that was stopped there."""

    def stopped(deployment: Deployment) -> Any:
        deployment.faults = {state: [Fault("stop")]}
        document = begin(deployment)
        execution = deployment.start(document, as_it_is="action" in document)
        ended_with_all(deployment, execution)
        deployment.faults = {}
        return deployment.end_of(execution)

    return stopped


def _not_taken_back(deployment: Deployment) -> Any:
    """The event of an execution that could not take its release back."""
    deployment.faults = {"Test release": [_NO_ACCEPTANCE], "Roll back": [_NO_SSM]}
    execution = deployment.start(deployment.drop())
    deployment.ended(execution)
    deployment.faults = {}
    return deployment.end_of(execution)


def _pause(deployment: Deployment) -> Any:
    return dict(PAUSE)


def _resume(deployment: Deployment) -> Any:
    deployment.pause()
    assert "paused_at" in deployment.live()
    return dict(RESUME)


def _drop_in_a_pause(deployment: Deployment) -> Any:
    _resume(deployment)
    return deployment.drop()


def _rollback(deployment: Deployment) -> Any:
    former = deployment.keep_live()
    assert deployment.run(deployment.drop()).item["status"] == "live"
    return {"action": "rollback", "to": former}


_QUOTA = {
    "Describe live endpoint": Fault(
        "answer", result={"ProductionVariants": [{"CurrentInstanceCount": 2}]}, calls=None
    ),
    "Create endpoint": Fault("refuse", "SageMaker.ResourceLimitExceededException", "The account-level limit"),
}
_CHANGED = {"changed": True, "reason": "photos came late", "advice": "dropserve run"}
_FAILED_ENDPOINT = {"EndpointStatus": "Failed", "FailureReason": "no capacity"}

STORIES = (
    Story("a release replaces another", "live", _drop),
    Story("an endpoint that answers otherwise", "failed", _drop, {"Accept model": _NO_ACCEPTANCE}),
    Story("a switch that fails", "failed", _drop, {"Switch live endpoint": _NO_SSM}),
    Story("a drop that is announced again", "duplicate", _announced_again),
    Story("a drop that cannot be claimed", "failed", _drop, {"Claim drop": _NO_LEDGER}),
    Story("training on EC2", "live", _on_ec2("trains")),
    Story(
        "an instance that trains on",
        "failed",
        _on_ec2("hangs"),
        changes={"Train on EC2": {"HeartbeatSeconds": 2}},
    ),
    Story("no spot capacity: on demand", "live", _without_spot_capacity),
    Story("a training job whose answer was lost", "live", _drop, {"Train on SageMaker": _NAME_TAKEN}),
    Story(
        "a training job on demand whose answer was lost",
        "live",
        _without_spot_capacity,
        {"Train on demand": _NAME_TAKEN},
    ),
    Story("a folder", "live", _folder(changed=False)),
    Story("a folder that changed while it trained", "superseded", _folder(changed=True)),
    Story(
        "a folder that changed before its release",
        "superseded",
        _folder(changed=False),
        {"Recheck folder before release": Fault("answer", result=_CHANGED, calls=None)},
    ),
    Story("a serverless endpoint", "live", _serverless),
    Story("a quota that has no room for as many instances", "live", _drop, _QUOTA),
    Story("the lock of an execution that died", "live", _held_by_the_dead(_drop)),
    Story("an execution that was stopped", "failed", _ended_at("Accept model"), cleans_up=True),
    Story(
        "an execution that was stopped after the switch",
        "live",
        _ended_at("Record newest drop"),
        cleans_up=True,
    ),
    Story("wrong answers of a release", "rolled_back", _drop, {"Test release": _NO_ACCEPTANCE}),
    Story("a canary that does not begin", "failed", _drop, {"Start canary": _NO_SSM}),
    Story("a rollback", "restored", _rollback, acts=True),
    Story("a rollback beside an execution that died", "restored", _held_by_the_dead(_rollback), acts=True),
    Story("a pause", "paused", _pause, acts=True),
    Story("a pause beside an execution that died", "paused", _held_by_the_dead(_pause), acts=True),
    Story("a pause that cannot be marked", "failed", _pause, {"Mark as paused": _NO_SSM}, acts=True),
    Story("a resume", "resumed", _resume, acts=True),
    Story(
        "a resume that answers otherwise",
        "failed",
        _resume,
        {"Accept model again": _NO_ACCEPTANCE},
        acts=True,
    ),
    Story("a resume that cannot be marked", "failed", _resume, {"Mark as resumed": _NO_SSM}, acts=True),
    Story(
        "a resume where an endpoint has failed",
        "resumed",
        _resume,
        {"Describe endpoint to resume": Fault("answer", result=_FAILED_ENDPOINT)},
        acts=True,
    ),
    Story(
        "a drop that fails during a pause", "failed", _drop_in_a_pause, {"Set concurrency": _NO_ACCEPTANCE}
    ),
    Story(
        "a release that nobody can take back",
        "failed",
        _not_taken_back,
        {"Roll back": _NO_SSM},
        cleans_up=True,
        both_stay=True,
    ),
)


def story_of(state: str) -> Story:
    """The first one whose execution comes to this state. Raises LookupError when none does."""
    for story in STORIES:
        if state in story.states:
            return story
    raise LookupError(f"no story comes to {state}: write one in tests/faults/matrix/stories.py")
