"""Events as AWS's documentation shows them, and which of them each rule of the template is for."""

import json
from typing import Any

from deploy_scripts.verify_aws.machine.answers import ENDED_EXECUTION
from deploy_scripts.verify_aws.template.example_values import ACCOUNT, REGION

BUCKET = f"dropserve-{ACCOUNT}-{REGION}"


def object_created(key: str, bucket: str = BUCKET, reason: str = "PutObject") -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": "2021-11-12T00:00:00Z",
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                "sequencer": "617f08299329d189",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": ACCOUNT,
            "source-ip-address": "1.2.3.4",
            "reason": reason,
        },
    }


ANOTHER_MACHINE = "arn:aws:states:us-east-1:1:stateMachine:another"


def execution_ended(status: str, **changes: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html"""
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:dropserve-training-pipeline"
    detail = {**ENDED_EXECUTION["detail"], "stateMachineArn": machine, "status": status, **changes}
    return {**ENDED_EXECUTION, "detail": detail}


def clean_up_ended(status: str) -> dict[str, Any]:
    """The end of an execution that cleaned up after another one."""
    return execution_ended(status, input=json.dumps(execution_ended("ABORTED")))


def alarm_changed(value: str, alarm: str = "dropserve-idle") -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html"""
    return {
        "version": "0",
        "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
        "detail-type": "CloudWatch Alarm State Change",
        "source": "aws.cloudwatch",
        "account": ACCOUNT,
        "time": "2019-10-02T17:04:40Z",
        "region": REGION,
        "resources": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm}"],
        "detail": {
            "alarmName": alarm,
            "previousState": {"value": "INSUFFICIENT_DATA", "timestamp": "2019-10-02T17:03:31.658+0000"},
            "state": {
                "value": value,
                "reason": "Threshold Crossed",
                "timestamp": "2019-10-02T17:04:40.985+0000",
            },
        },
    }


# Rule -> events that it has to match, and events that it must not.
EXPECTED: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "DropRule": (
        [
            *(object_created(f"drops/{name}") for name in ("pets.zip", "pets.ZIP", "pets.tar")),
            *(object_created(f"drops/team-a/{name}") for name in ("pets.zip", "2026/pets.ZIP")),
            object_created("drops/pets/_SUCCESS"),
            object_created("drops/pets.zip", reason="CompleteMultipartUpload"),
        ],
        [
            *(object_created(f"drops/pets/cat/{name}") for name in ("1.jpg", "zip")),
            *(object_created(key) for key in ("runs/1/model.zip", "snapshots/1/dataset.zip")),
            *(object_created(key) for key in ("uploads/a.jpg", "uploads/a/b.zip", "audits/last.json")),
            *(object_created(key) for key in ("drops/", "drops/pets/", "checkpoints/1/state")),
            object_created("another/folder/of/photos.jpg"),
            object_created("drops/pets.zip", bucket="another-bucket"),
            {**object_created("drops/pets.zip"), "detail-type": "Object Deleted"},
        ],
    ),
    "FailedExecutionRule": (
        [execution_ended("FAILED")],
        [
            *(execution_ended(status) for status in ("RUNNING", "SUCCEEDED", "ABORTED", "TIMED_OUT")),
            execution_ended("FAILED", stateMachineArn=ANOTHER_MACHINE),
            clean_up_ended("FAILED"),
        ],
    ),
    "EndedExecutionRule": (
        [
            *(execution_ended(status) for status in ("ABORTED", "TIMED_OUT")),
            *(clean_up_ended(status) for status in ("ABORTED", "TIMED_OUT")),
        ],
        [
            *(execution_ended(status) for status in ("RUNNING", "SUCCEEDED", "FAILED")),
            execution_ended("ABORTED", stateMachineArn=ANOTHER_MACHINE),
            # One that cleaned up after a clean-up.
            execution_ended("ABORTED", input=json.dumps(clean_up_ended("ABORTED"))),
        ],
    ),
    "IdleRule": (
        [alarm_changed("ALARM")],
        [
            *(alarm_changed(value) for value in ("OK", "INSUFFICIENT_DATA")),
            *(alarm_changed("ALARM", name) for name in ("dropserve-idle-2", "another-idle")),
        ],
    ),
}
