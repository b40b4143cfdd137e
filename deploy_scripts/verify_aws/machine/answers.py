"""What each Task is answered in a run that goes well, by the name of its state.

Of AWS's answers only what the workflow reads; their names are held to botocore's models by calls.py.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from deploy_scripts.verify_aws.machine.refusal import InTurn, Refusal
from deploy_scripts.verify_aws.template.example_values import ACCOUNT, REGION, STACK
from functions.plan_training.machine_images import CPU_IMAGE
from functions.read_failure.reading import read_failure

BUCKET = f"{STACK}-{ACCOUNT}-{REGION}"
VERSION = "version-1"
DROP = {
    "source": "drop",
    "idempotency_token": "one-run-a-version",
    "bucket": BUCKET,
    "key": "drops/pets.zip",
    "version_id": VERSION,
    "sequencer": "0055AED6DCD90281E5",
    "event_time": "2026-01-01T00:00:00Z",
}
FOLDER_DROP = {**DROP, "key": "drops/pets/_SUCCESS"}
BY_HAND = {"key": "drops/pets.zip"}

# What EventBridge tells of an execution that was stopped:
# https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
ENDED_EXECUTION: dict[str, Any] = {
    "version": "0",
    "detail-type": "Step Functions Execution Status Change",
    "source": "aws.states",
    "account": ACCOUNT,
    "time": "2026-01-01T00:01:00Z",
    "region": REGION,
    "resources": [f"arn:aws:states:{REGION}:{ACCOUNT}:execution:machine:dead"],
    "detail": {
        "executionArn": f"arn:aws:states:{REGION}:{ACCOUNT}:execution:machine:dead",
        "stateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:machine",
        "name": "dead",
        "status": "ABORTED",
        "startDate": 1767225600000,
        "stopDate": 1767225660000,
        "input": json.dumps(DROP),
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": None,
    },
}
DEAD = ENDED_EXECUTION["detail"]["executionArn"]

NO_ENDPOINT = Refusal("SageMaker.SageMakerException", 'Could not find endpoint "arn:aws:sagemaker:x".')
NO_PARAMETER = Refusal("Ssm.ParameterNotFoundException")
CONDITION_FAILED = Refusal("DynamoDB.ConditionalCheckFailedException")
NO_EC2_CAPACITY = Refusal(
    "Ec2.Ec2Exception",
    "We currently do not have sufficient g5.xlarge capacity in the Availability Zone you requested "
    "(us-east-1a). (Service: Ec2, Status Code: 500, Request ID: 1)",
)

_CHANNEL = {
    "ChannelName": "dataset",
    "DataSource": {
        "S3DataSource": {
            "S3DataType": "S3Prefix",
            "S3Uri": f"s3://{BUCKET}/snapshots/1/dataset.zip",
            "S3DataDistributionType": "FullyReplicated",
        }
    },
}
_IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/dropserve"
PLAN: dict[str, Any] = {
    "accepted": True,
    "reason": None,
    "plan_uri": f"s3://{BUCKET}/runs/1/plan.json",
    "backend": "sagemaker",
    "instance_type": "ml.m5.large",
    "instance_count": 1,
    "use_spot": False,
    "local_storage": False,
    "training_image_uri": f"{_IMAGE}/train:1",
    "serving_image_uri": f"{_IMAGE}/serve:1",
    "ec2_image_id": CPU_IMAGE.image_id,
    "hyperparameters": {"epochs": "3"},
    "input_data_config": [_CHANNEL],
    "network_isolation": True,
    "volume_size_gb": 30,
    "stopping_condition": {"MaxRuntimeInSeconds": 3600},
    "endpoint_instance_type": "ml.m5.large",
    "endpoint_kind": "instances",
    "serverless_memory_mb": 3072,
    "serverless_max_concurrency": 2,
    "output_uri": f"s3://{BUCKET}/runs/1/output",
    "checkpoint_uri": f"s3://{BUCKET}/checkpoints/1",
}
INSPECTION: dict[str, Any] = {
    "accepted": True,
    "reason": None,
    "findings": "",
    "wait_s": 0,
    "dataset": "pets",
    "format": "zip",
    "drop_order_ms": 1000,
}
VERDICT: dict[str, Any] = {
    "promote": True,
    "status": None,
    "reason": "nothing serves yet",
    "accuracy": 0.9,
    "judged_against": "",
    "acceptance_uri": f"s3://{BUCKET}/runs/1/acceptance.json",
    "metrics_uri": f"s3://{BUCKET}/runs/1/metrics.json",
}
_JOB = {"ModelArtifacts": {"S3ModelArtifacts": f"s3://{BUCKET}/runs/1/output/model.tar.gz"}}


def payload(document: Mapping[str, Any]) -> dict[str, Any]:
    """What lambda:invoke gives for a function's answer."""
    return {"StatusCode": 200, "Payload": dict(document)}


def pointer(release: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What GetParameter gives of the live pointer."""
    return {"Parameter": {"Value": json.dumps(release or {})}}


PREVIOUS = {
    "release": "dropserve-0",
    "endpoint_name": "dropserve-0",
    "run_id": "0" * 32,
    "model_data_uri": f"s3://{BUCKET}/runs/0/output/model.tar.gz",
    "accuracy": 0.8,
}


def applied_capacity() -> dict[str, Any]:
    """What GetParameter gives of what a capacity review has applied."""
    values = {"min_instances": 2, "max_instances": 4, "target_invocations_per_instance": 900}
    instead_of = {"min_instances": 1, "max_instances": 6, "target_invocations_per_instance": 600}
    return {"Parameter": {"Value": json.dumps({"values": values, "instead_of": instead_of})}}


def lock(holder: str = "nobody", order_ms: int = 0) -> dict[str, Any]:
    """The deploy lock as UpdateItem gives it."""
    attributes = {"holder": {"S": holder}, "newest_drop_order_ms": {"N": str(order_ms)}}
    empty = {name: {"S": ""} for name in ("newest_drop_key", "newest_drop_sequencer")}
    return {"Attributes": {**attributes, **empty}}


def release_of(key: str, version_id: str, salt: str) -> str:
    """The name of the release that a run of this drop makes."""
    told = json.dumps([BUCKET, key, version_id, salt], separators=(",", ":"))
    return f"{STACK}-{hashlib.md5(told.encode()).hexdigest()}"  # noqa: S324 - as the workflow makes it


def ledger_item(status: str, execution_arn: str) -> dict[str, Any]:
    """What GetItem gives of a run's item."""
    texts = {"status": {"S": status}, "execution_arn": {"S": execution_arn}}
    return {"Item": {**texts, "drop_order_ms": {"N": "1000"}, **_REGISTERED["Attributes"]}}


_PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/pets/1"
# What UpdateItem gives of a run whose model is registered.
_REGISTERED = {"Attributes": {"model_package_arn": {"S": _PACKAGE}}}
# What GetItem gives of a run that was live once.
FORMER = {
    "Item": {
        "status": {"S": "replaced"},
        "accuracy": {"N": "0.9"},
        "model_data_uri": {"S": f"s3://{BUCKET}/runs/9/output/model.tar.gz"},
    }
}
SERVERLESS = {
    "EndpointStatus": "InService",
    "ProductionVariants": [
        {
            "VariantName": "AllTraffic",
            "CurrentServerlessConfig": {"MemorySizeInMB": 3072, "MaxConcurrency": 2},
        }
    ],
}
_READ_FAILURES = (
    "Read failure",
    "Read claim failure",
    "Read spot failure",
    "Read resume failure",
    "Read canary failure",
    "Read rollback failure",
    "Read wrong answers",
)


def _failure_read(call: Any) -> dict[str, Any]:
    return payload(read_failure(call.arguments["Payload"]["error"]))


STRAIGHT: dict[str, Any] = {
    **dict.fromkeys(_READ_FAILURES, _failure_read),
    "Read current version": {"VersionId": VERSION},
    "Read current version before deploy": {"VersionId": VERSION},
    "Inspect dataset": payload(INSPECTION),
    "Plan training": payload(PLAN),
    "Train on SageMaker": _JOB,
    "Train on demand": _JOB,
    "Train on EC2": _JOB,
    "Recheck folder": payload({"changed": False, "reason": "", "advice": ""}),
    "Recheck folder before release": payload({"changed": False, "reason": "", "advice": ""}),
    "Judge model": payload(VERDICT),
    "Read deploy lock": lock(),
    "Read lock holder": {"Status": "SUCCEEDED"},
    "Read applied capacity": NO_PARAMETER,
    "Read applied capacity again": applied_capacity(),
    "Read live release": pointer(),
    "Read live pointer": pointer(),
    "Describe live endpoint": {
        "EndpointStatus": "InService",
        "ProductionVariants": [{"VariantName": "AllTraffic", "CurrentInstanceCount": 2}],
    },
    "Describe endpoint": {"EndpointStatus": "InService"},
    "Set concurrency": payload({"ready": True, "note": ""}),
    "Register model": {"ModelPackageArn": _PACKAGE},
    "Record restored release": _REGISTERED,
    "Record replaced release": _REGISTERED,
    "Audit IAM": payload({"blocked": False, "reason": "no critical finding"}),
    "Accept model": payload({"summary": "answers as in training"}),
    "Describe training instances": {"Reservations": []},
    "Read deploy lock to pause": lock(),
    "Read lock holder to pause": {"Status": "SUCCEEDED"},
    "Read release to pause": pointer(PREVIOUS),
    "Describe endpoint to pause": InTurn(
        ({"EndpointStatus": "InService"}, {"EndpointStatus": "Deleting"}, NO_ENDPOINT)
    ),
    "Describe endpoint to resume": NO_ENDPOINT,
    "Describe endpoint again": {"EndpointStatus": "InService"},
    "Take concurrency away": payload({"ready": True, "note": ""}),
    "Test canary": payload({"summary": "answers as in training"}),
    "Test release": payload({"summary": "answers as in training"}),
    "Read deploy lock to roll back": lock(),
    "Read lock holder to roll back": {"Status": "SUCCEEDED"},
    "Read release to roll back": pointer(PREVIOUS),
    "Read run to roll back to": FORMER,
    "Find model to roll back to": {"Contents": [{"Key": "runs/9/output/model.tar.gz"}]},
    "Read plan to roll back to": {"Body": json.dumps(PLAN)},
    "Set concurrency again": payload({"ready": True, "note": ""}),
    "Accept model again": payload({"summary": "answers as in training"}),
}
