"""How runs go: what is dropped, what AWS and the functions answer, and how each run has to end."""

import json
from dataclasses import replace
from typing import Any

from contracts.workflow import Status
from deploy_scripts.verify_aws.machine.answers import (
    BY_HAND,
    CONDITION_FAILED,
    DEAD,
    DROP,
    ENDED_EXECUTION,
    FOLDER_DROP,
    INSPECTION,
    NO_EC2_CAPACITY,
    NO_ENDPOINT,
    NO_PARAMETER,
    PLAN,
    PREVIOUS,
    SERVERLESS,
    STRAIGHT,
    VERDICT,
    ledger_item,
    lock,
    payload,
    pointer,
    release_of,
)
from deploy_scripts.verify_aws.machine.pause_scenarios import pauses
from deploy_scripts.verify_aws.machine.refusal import InTurn, Refusal
from deploy_scripts.verify_aws.machine.rollback_scenarios import watches_and_rollbacks
from deploy_scripts.verify_aws.machine.scenario import Scenario, ended, left_to_clean_up
from state_machines.stages.train import INSTANCE_TRIES

_REFUSED = Refusal("Lambda.AWSLambdaException")
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
_ON_EC2 = {**PLAN, "backend": "ec2", "instance_type": "g5.xlarge"}
_FOLDER = {**INSPECTION, "format": "folder"}
_CHANGED = payload({"changed": True, "reason": "photos came late", "advice": "dropserve run"})
_INSTANCE = {"Reservations": [{"Instances": [{"InstanceId": "i-0123456789abcdef0"}]}]}
# Where the answer of CreateTrainingJob was lost, and it is tried again.
_TAKEN = Refusal("SageMaker.ResourceInUseException")
_LIMIT = Refusal("SageMaker.ResourceLimitExceededException")

STRAIGHT_RUN = Scenario("a zip is trained on SageMaker and released", "live", passes=("Create endpoint",))


def scenarios() -> list[Scenario]:
    """Every story but those in which a Task is refused: refusals.py makes them of these."""
    return [
        STRAIGHT_RUN,
        *_other_ways_to_live(),
        *_ends_before_training(),
        *_ends_before_release(),
        *_waits(),
        *watches_and_rollbacks(),
        *_clean_ups(),
        *pauses(),
    ]


def _other_ways_to_live() -> list[Scenario]:
    releasing = {"Read_live_release": pointer(PREVIOUS)}
    judged = {"Judge_model": payload({**VERDICT, "judged_against": PREVIOUS["run_id"]})}
    first = payload(VERDICT)
    again = payload({**VERDICT, "judged_against": PREVIOUS["run_id"]})
    spot = payload({**PLAN, "use_spot": True})
    folder = {"Inspect_dataset": payload(_FOLDER)}
    return [
        ended("a run by hand", "live", "Switch live endpoint", BY_HAND),
        ended("a release replaces another", "live", "Delete previous model", **releasing, **judged),
        ended(
            "a release that went live meanwhile is judged against",
            "live",
            "Delete previous model",
            **releasing,
            Judge_model=InTurn((first, again)),
        ),
        ended("training on EC2", "live", "Train on EC2", Plan_training=payload(_ON_EC2)),
        ended("training on spot capacity", "live", "Train on SageMaker", Plan_training=spot),
        ended(
            "no spot capacity: on demand",
            "live",
            "Train on demand",
            Plan_training=spot,
            Train_on_SageMaker=_NO_SPOT,
        ),
        ended(
            "a training job whose answer was lost",
            "live",
            "Stop lost job on SageMaker",
            Train_on_SageMaker=InTurn((_TAKEN, STRAIGHT["Train on SageMaker"])),
        ),
        ended(
            "a training job on demand whose answer was lost",
            "live",
            "Stop lost job on demand",
            Plan_training=spot,
            Train_on_SageMaker=_NO_SPOT,
            Train_on_demand=InTurn((_TAKEN, STRAIGHT["Train on demand"])),
        ),
        ended("a folder", "live", "Recheck folder before release", FOLDER_DROP, **folder),
        ended(
            "a serverless endpoint",
            "live",
            "Create serverless configuration",
            Plan_training=payload({**PLAN, "endpoint_kind": "serverless"}),
            Describe_endpoint=SERVERLESS,
        ),
        ended("the first release", "live", "Create model", Read_live_release=NO_PARAMETER),
        ended(
            "a quota that has no room for as many instances",
            "live",
            "Delete endpoint configuration",
            **releasing,
            **judged,
            Create_endpoint=InTurn((_LIMIT, {})),
        ),
        ended(
            "the lock of an execution that nobody knows any more",
            "live",
            "Acquire deploy lock",
            Read_deploy_lock=lock(DEAD),
            Read_lock_holder=Refusal("Sfn.ExecutionDoesNotExistException"),
        ),
        ended(
            "the lock of an execution that died",
            "live",
            "Read lock holder",
            Read_deploy_lock=lock(DEAD),
        ),
        ended(
            "somebody was quicker to take the lock",
            "live",
            "Wait for deploy lock",
            Acquire_deploy_lock=InTurn((CONDITION_FAILED, {})),
        ),
    ]


def _ends_before_training() -> list[Scenario]:
    refused_plan = payload({"accepted": False, "reason": "too dear", "plan_uri": ""})
    refused_drop = payload({**INSPECTION, "accepted": False, "reason": "no photos"})
    return [
        ended(
            "a drop that is announced again", "duplicate", "Drop already handled", Claim_drop=CONDITION_FAILED
        ),
        ended(
            "a drop that cannot be claimed",
            "failed",
            "Read claim failure",
            Claim_drop=Refusal("DynamoDB.AmazonDynamoDBException"),
        ),
        ended(
            "a drop that is announced again and cannot be claimed",
            "duplicate",
            "Record duplicate",
            Claim_drop=Refusal("DynamoDB.AmazonDynamoDBException"),
            Record_outcome=CONDITION_FAILED,
        ),
        ended("an input without a key", "rejected", "Input valid?", {}),
        ended(
            "a drop that was dropped again",
            "superseded",
            "Newer version?",
            Read_current_version={"VersionId": "version-2"},
        ),
        ended("a drop without photos", "rejected", "Dataset usable?", Inspect_dataset=refused_drop),
        ended("a plan over budget", "rejected", "Plan affordable?", Plan_training=refused_plan),
    ]


def _ends_before_release() -> list[Scenario]:
    folder = {"Inspect_dataset": payload(_FOLDER)}
    worse = payload({**VERDICT, "promote": False, "status": "champion_kept", "reason": "worse"})
    again = {**FOLDER_DROP, "idempotency_token": "0123-rerun"}
    on_ec2 = {"Plan_training": payload(_ON_EC2)}
    return [
        ended("a model that is worse", "champion_kept", "Model better?", Judge_model=worse),
        ended(
            "a newer drop was released",
            "superseded",
            "Deploy lock free?",
            Read_deploy_lock=lock(order_ms=2000),
        ),
        ended(
            "dropped again while it trained",
            "superseded",
            "Newer version before deploy?",
            Read_current_version_before_deploy={"VersionId": "version-2"},
        ),
        ended(
            "a folder that changed while it trained",
            "superseded",
            "Start new run",
            FOLDER_DROP,
            **folder,
            Recheck_folder=_CHANGED,
        ),
        ended(
            "a folder that changed once more",
            "superseded",
            "Folder changed?",
            again,
            **folder,
            Recheck_folder=_CHANGED,
        ),
        ended(
            "a folder that changed before its release",
            "superseded",
            "Start new run before release",
            FOLDER_DROP,
            **folder,
            Recheck_folder_before_release=_CHANGED,
        ),
        ended(
            "a critical finding",
            "blocked",
            "Delete candidate model",
            Audit_IAM=payload({"blocked": True, "reason": "a role may do everything"}),
        ),
        ended(
            "a model that cannot be created",
            "failed",
            "Delete candidate configuration",
            Create_model=Refusal("SageMaker.AmazonSageMakerException"),
            Describe_candidate_endpoint=NO_ENDPOINT,
        ),
        ended(
            "an endpoint that answers otherwise", "failed", "Delete candidate model", Accept_model=_REFUSED
        ),
        ended(
            "an instance that trains on",
            "failed",
            "Terminate training instances",
            **on_ec2,
            Train_on_EC2=Refusal("States.HeartbeatTimeout", ""),
            Describe_training_instances=_INSTANCE,
        ),
        ended(
            "a switch that fails",
            "failed",
            "Delete candidate model",
            Switch_live_endpoint=Refusal("Ssm.SsmException"),
        ),
        left_to_clean_up(
            "a switch that fails and cannot be undone",
            "Live release unknown",
            Switch_live_endpoint=Refusal("Ssm.SsmException"),
            Restore_live_endpoint=Refusal("Ssm.SsmException"),
        ),
    ]


def _waits() -> list[Scenario]:
    """Loops that wait, to their end and to their limit; PollLimit is 2 here (interpreter.py)."""
    on_ec2 = {"Plan_training": payload(_ON_EC2)}
    creating = {"EndpointStatus": "Creating"}
    arriving = payload({**INSPECTION, "wait_s": 60})
    busy = payload({"ready": False, "note": ""})
    held = {"Read_deploy_lock": lock(DEAD), "Read_lock_holder": {"Status": "RUNNING"}}
    return [
        ended(
            "a folder that still arrives",
            "live",
            "Wait for upload",
            Inspect_dataset=InTurn((arriving, arriving, payload(INSPECTION))),
        ),
        ended(
            "a folder that arrives for ever",
            "rejected",
            "Wait for upload",
            Inspect_dataset=payload({**INSPECTION, "wait_s": 60, "reason": "it never came to rest"}),
        ),
        ended(
            "an instance that EC2 has no room for at first",
            "live",
            "Wait for EC2 capacity",
            **on_ec2,
            Train_on_EC2=InTurn((*[NO_EC2_CAPACITY] * INSTANCE_TRIES, STRAIGHT["Train on EC2"])),
        ),
        ended(
            "an instance that EC2 has no room for in half a day",
            "failed",
            "Wait for EC2 capacity",
            **on_ec2,
            Train_on_EC2=NO_EC2_CAPACITY,
        ),
        ended(
            "an endpoint that takes its time",
            "live",
            "Wait for endpoint",
            Describe_endpoint=InTurn((creating, creating, {"EndpointStatus": "InService"})),
        ),
        ended("an endpoint that never comes", "failed", "Wait for endpoint", Describe_endpoint=creating),
        ended(
            "an endpoint that fails",
            "failed",
            "Endpoint in service?",
            Describe_endpoint={"EndpointStatus": "Failed", "FailureReason": "the container did not start"},
        ),
        ended(
            "concurrency that takes its time",
            "live",
            "Wait for provisioned concurrency",
            Set_concurrency=InTurn((busy, STRAIGHT["Set concurrency"])),
        ),
        ended(
            "concurrency that never comes",
            "failed",
            "Wait for provisioned concurrency",
            Set_concurrency=busy,
        ),
        ended("concurrency that fails", "failed", "Delete candidate model", Set_concurrency=_REFUSED),
        ended("a lock that is held on", "failed", "Wait for deploy lock", **held),
    ]


def _clean_ups() -> list[Scenario]:
    """Executions that an event of an ended one starts."""
    unfinished = {"Read_run_to_clean_up": ledger_item("running", DEAD)}
    candidate = release_of(DROP["key"], DROP["version_id"], DROP["idempotency_token"])
    switched = {**PREVIOUS, "release": candidate, "previous": PREVIOUS}
    canary = {**PREVIOUS, "canary": {"release": candidate, "endpoint_name": candidate, "share": 0.1}}
    stories: list[tuple[str, Status | None, str, dict[str, Any]]] = [
        ("an execution that was stopped", "failed", "Delete candidate model", unfinished),
        (
            "an execution that was stopped before the first release",
            "failed",
            "Delete candidate model",
            {**unfinished, "Read_live_pointer": NO_PARAMETER},
        ),
        (
            "an execution that was stopped after the switch",
            "live",
            "Delete previous model",
            {**unfinished, "Read_live_pointer": pointer(switched)},
        ),
        (
            "an execution that was stopped with a canary",
            "failed",
            "Roll back",
            {**unfinished, "Read_live_pointer": pointer(canary)},
        ),
        (
            "an execution that had cleaned up itself",
            None,
            "Nothing to clean up",
            {"Read_run_to_clean_up": ledger_item("failed", DEAD)},
        ),
        ("an execution that was stopped before it claimed its drop", "failed", "Record outcome", {}),
    ]
    return [
        replace(ended(name, ending, passes, ENDED_EXECUTION, **changes), error=None)
        for name, ending, passes, changes in stories
    ]
