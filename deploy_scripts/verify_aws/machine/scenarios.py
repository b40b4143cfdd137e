"""How runs go: what is dropped, what AWS and the functions answer, and how each run has to end."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contracts.workflow import Status
from deploy_scripts.verify_aws.machine.answers import (
    BY_HAND,
    DROP,
    ENDED_EXECUTION,
    FOLDER_DROP,
    INSPECTION,
    PLAN,
    PREVIOUS,
    STRAIGHT,
    VERDICT,
    ledger_item,
    lock,
    payload,
    pointer,
)
from deploy_scripts.verify_aws.machine.run import InTurn, Refusal
from functions.read_input.reading import read_input

_REFUSED = Refusal("Lambda.AWSLambdaException")
_CONDITION = Refusal("DynamoDB.ConditionalCheckFailedException")
_NO_SPOT = Refusal(
    "States.TaskFailed",
    json.dumps(
        {
            "TrainingJobName": "dropserve-1-0",
            "TrainingJobStatus": "Failed",
            "FailureReason": "CapacityError: Unable to provision requested ML compute capacity.",
        }
    ),
)
_NO_ENDPOINT = Refusal("SageMaker.SageMakerException", 'Could not find endpoint "arn:aws:sagemaker:x".')
_ON_EC2 = {**PLAN, "backend": "ec2", "instance_type": "g5.xlarge"}
_FOLDER = {**INSPECTION, "format": "folder"}
_CHANGED = payload({"changed": True, "reason": "photos came late", "advice": "dropserve run"})
_INSTANCE = {"Reservations": [{"Instances": [{"InstanceId": "i-0123456789abcdef0"}]}]}
_NO_PARAMETER = Refusal("Ssm.ParameterNotFoundException")
_LIMIT = Refusal("SageMaker.ResourceLimitExceededException")
_DEAD = ENDED_EXECUTION["detail"]["executionArn"]


@dataclass(frozen=True, eq=False)
class Scenario:
    """`ending` is the status in the ledger, None where nothing is recorded; `error` how the execution ends
    (None: it succeeds).
    """

    name: str
    ending: Status | None
    input: Mapping[str, Any] = field(default_factory=lambda: DROP)
    changes: Mapping[str, Any] = field(default_factory=dict)
    passes: tuple[str, ...] = ()
    error: str | None = None

    @property
    def answers(self) -> dict[str, Any]:
        return {**STRAIGHT, "Read input": read_input(self.input), **self.changes}

    def but(
        self, name: str, ending: Status | None, error: str | None, changes: Mapping[str, Any]
    ) -> "Scenario":
        """The same with other answers, and what comes of it; which states it passes is not said."""
        return replace(
            self, name=name, ending=ending, error=error, changes={**self.changes, **changes}, passes=()
        )


STRAIGHT_RUN = Scenario("a zip is trained on SageMaker and released", "live", passes=("Create endpoint",))


def _ended(
    name: str, ending: Status | None, passes: str, input_: Mapping[str, Any] = DROP, **changes: Any
) -> Scenario:
    named = {state.replace("_", " "): answer for state, answer in changes.items()}
    error = {"failed": "RunFailed", "blocked": "RunBlocked"}.get(ending or "")
    return Scenario(name, ending, input_, named, (passes,), error)


def scenarios() -> list[Scenario]:
    """Every story but those in which a Task is refused: refusals.py makes them of these."""
    return [
        STRAIGHT_RUN,
        *_other_ways_to_live(),
        *_ends_before_training(),
        *_ends_before_release(),
        *_waits(),
        *_clean_ups(),
    ]


def _other_ways_to_live() -> list[Scenario]:
    releasing = {"Read_live_release": pointer(PREVIOUS)}
    judged = {"Judge_model": payload({**VERDICT, "judged_against": PREVIOUS["run_id"]})}
    first = payload(VERDICT)
    again = payload({**VERDICT, "judged_against": PREVIOUS["run_id"]})
    spot = payload({**PLAN, "use_spot": True})
    folder = {"Inspect_dataset": payload(_FOLDER)}
    return [
        _ended("a run by hand", "live", "Switch live endpoint", BY_HAND),
        _ended("a release replaces another", "live", "Delete previous model", **releasing, **judged),
        _ended(
            "a release that went live meanwhile is judged against",
            "live",
            "Delete previous model",
            **releasing,
            Judge_model=InTurn((first, again)),
        ),
        _ended("training on EC2", "live", "Train on EC2", Plan_training=payload(_ON_EC2)),
        _ended("training on spot capacity", "live", "Train on SageMaker", Plan_training=spot),
        _ended(
            "no spot capacity: on demand",
            "live",
            "Train on demand",
            Plan_training=spot,
            Train_on_SageMaker=_NO_SPOT,
        ),
        _ended("a folder", "live", "Recheck folder before release", FOLDER_DROP, **folder),
        _ended("the first release", "live", "Create model", Read_live_release=_NO_PARAMETER),
        _ended(
            "a quota that has no room for as many instances",
            "live",
            "Delete endpoint configuration",
            **releasing,
            **judged,
            Create_endpoint=InTurn((_LIMIT, {})),
        ),
        _ended(
            "the lock of an execution that nobody knows any more",
            "live",
            "Acquire deploy lock",
            Read_deploy_lock=lock(_DEAD),
            Read_lock_holder=Refusal("Sfn.ExecutionDoesNotExistException"),
        ),
        _ended(
            "the lock of an execution that died",
            "live",
            "Read lock holder",
            Read_deploy_lock=lock(_DEAD),
        ),
        _ended(
            "somebody was quicker to take the lock",
            "live",
            "Wait for deploy lock",
            Acquire_deploy_lock=InTurn((_CONDITION, {})),
        ),
    ]


def _ends_before_training() -> list[Scenario]:
    refused_plan = payload({"accepted": False, "reason": "too dear", "plan_uri": ""})
    refused_drop = payload({**INSPECTION, "accepted": False, "reason": "no photos"})
    return [
        _ended("a drop that is announced again", "duplicate", "Drop already handled", Claim_drop=_CONDITION),
        _ended("an input without a key", "rejected", "Input valid?", {}),
        _ended(
            "a drop that was dropped again",
            "superseded",
            "Newer version?",
            Read_current_version={"VersionId": "version-2"},
        ),
        _ended("a drop without photos", "rejected", "Dataset usable?", Inspect_dataset=refused_drop),
        _ended("a plan over budget", "rejected", "Plan affordable?", Plan_training=refused_plan),
    ]


def _ends_before_release() -> list[Scenario]:
    folder = {"Inspect_dataset": payload(_FOLDER)}
    worse = payload({**VERDICT, "promote": False, "status": "champion_kept", "reason": "worse"})
    again = {**FOLDER_DROP, "idempotency_token": "0123-rerun"}
    on_ec2 = {"Plan_training": payload(_ON_EC2)}
    return [
        _ended("a model that is worse", "champion_kept", "Model better?", Judge_model=worse),
        _ended(
            "a newer drop was released",
            "superseded",
            "Deploy lock free?",
            Read_deploy_lock=lock(order_ms=2000),
        ),
        _ended(
            "dropped again while it trained",
            "superseded",
            "Newer version before deploy?",
            Read_current_version_before_deploy={"VersionId": "version-2"},
        ),
        _ended(
            "a folder that changed while it trained",
            "superseded",
            "Start new run",
            FOLDER_DROP,
            **folder,
            Recheck_folder=_CHANGED,
        ),
        _ended(
            "a folder that changed once more",
            "superseded",
            "Folder changed?",
            again,
            **folder,
            Recheck_folder=_CHANGED,
        ),
        _ended(
            "a folder that changed before its release",
            "superseded",
            "Start new run before release",
            FOLDER_DROP,
            **folder,
            Recheck_folder_before_release=_CHANGED,
        ),
        _ended(
            "a critical finding",
            "blocked",
            "Delete candidate model",
            Audit_IAM=payload({"blocked": True, "reason": "a role may do everything"}),
        ),
        _ended(
            "a model that cannot be created",
            "failed",
            "Delete candidate configuration",
            Create_model=Refusal("SageMaker.AmazonSageMakerException"),
            Describe_candidate_endpoint=_NO_ENDPOINT,
        ),
        _ended(
            "an endpoint that answers otherwise", "failed", "Delete candidate model", Accept_model=_REFUSED
        ),
        _ended(
            "an instance that trains on",
            "failed",
            "Terminate training instances",
            **on_ec2,
            Train_on_EC2=Refusal("States.HeartbeatTimeout", ""),
            Describe_training_instances=_INSTANCE,
        ),
        _ended(
            "a switch that fails",
            "failed",
            "Delete candidate model",
            Switch_live_endpoint=Refusal("Ssm.SsmException"),
        ),
        _ended(
            "a switch that fails and cannot be undone",
            "failed",
            "Read switch failure",
            Switch_live_endpoint=Refusal("Ssm.SsmException"),
            Restore_live_endpoint=Refusal("Ssm.SsmException"),
        ),
    ]


def _waits() -> list[Scenario]:
    """Loops that wait, to their end and to their limit; PollLimit is 2 here (interpreter.py)."""
    creating = {"EndpointStatus": "Creating"}
    arriving = payload({**INSPECTION, "wait_s": 60})
    busy = payload({"ready": False, "note": ""})
    held = {"Read_deploy_lock": lock(_DEAD), "Read_lock_holder": {"Status": "RUNNING"}}
    return [
        _ended(
            "a folder that still arrives",
            "live",
            "Wait for upload",
            Inspect_dataset=InTurn((arriving, arriving, payload(INSPECTION))),
        ),
        _ended(
            "a folder that arrives for ever",
            "rejected",
            "Wait for upload",
            Inspect_dataset=payload({**INSPECTION, "wait_s": 60, "reason": "it never came to rest"}),
        ),
        _ended(
            "an endpoint that takes its time",
            "live",
            "Wait for endpoint",
            Describe_endpoint=InTurn((creating, creating, {"EndpointStatus": "InService"})),
        ),
        _ended("an endpoint that never comes", "failed", "Wait for endpoint", Describe_endpoint=creating),
        _ended(
            "an endpoint that fails",
            "failed",
            "Endpoint in service?",
            Describe_endpoint={"EndpointStatus": "Failed", "FailureReason": "the container did not start"},
        ),
        _ended(
            "concurrency that takes its time",
            "live",
            "Wait for provisioned concurrency",
            Set_concurrency=InTurn((busy, STRAIGHT["Set concurrency"])),
        ),
        _ended(
            "concurrency that never comes",
            "failed",
            "Wait for provisioned concurrency",
            Set_concurrency=busy,
        ),
        _ended("concurrency that fails", "failed", "Delete candidate model", Set_concurrency=_REFUSED),
        _ended("a lock that is held on", "failed", "Wait for deploy lock", **held),
    ]


def _clean_ups() -> list[Scenario]:
    """Executions that an event of an ended one starts."""
    run_id = hashlib.md5(  # noqa: S324 - as the workflow makes it
        json.dumps(
            [DROP["bucket"], DROP["key"], DROP["version_id"], DROP["idempotency_token"]],
            separators=(",", ":"),
        ).encode()
    ).hexdigest()
    unfinished = {"Read_run_to_clean_up": ledger_item("running", _DEAD)}
    switched = {**PREVIOUS, "run_id": run_id, "previous": PREVIOUS}
    stories: list[tuple[str, Status | None, str, dict[str, Any]]] = [
        ("an execution that was stopped", "failed", "Delete candidate model", unfinished),
        (
            "an execution that was stopped before the first release",
            "failed",
            "Delete candidate model",
            {**unfinished, "Read_live_pointer": _NO_PARAMETER},
        ),
        (
            "an execution that was stopped after the switch",
            "live",
            "Delete previous model",
            {**unfinished, "Read_live_pointer": pointer(switched)},
        ),
        (
            "an execution that had cleaned up itself",
            None,
            "Nothing to clean up",
            {"Read_run_to_clean_up": ledger_item("failed", _DEAD)},
        ),
        ("an execution that claimed nothing", None, "Nothing to clean up", {}),
    ]
    return [
        replace(_ended(name, ending, passes, ENDED_EXECUTION, **changes), error=None)
        for name, ending, passes, changes in stories
    ]
