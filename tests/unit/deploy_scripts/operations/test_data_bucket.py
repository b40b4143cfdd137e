"""The bucket's settings without which a drop begins nothing."""

from typing import Any

import pytest

from deploy_scripts.cloudformation.data_bucket import restore_drop_events
from deploy_scripts.cloudformation.drift import check_drift
from deploy_scripts.errors import CliError

EVENTS = {"EventBridgeConfiguration": {}}
OTHERS = {"TopicConfigurations": [{"TopicArn": "arn:aws:sns:::mine", "Events": ["s3:ObjectRemoved:*"]}]}


def test_a_sound_bucket_is_left_alone(stubbed: Any) -> None:
    said: list[str] = []
    stubbed.answer("s3", "get_bucket_versioning", {"Status": "Enabled"})
    stubbed.answer("s3", "get_bucket_notification_configuration", {**OTHERS, **EVENTS})
    restore_drop_events(stubbed.aws.s3, "data", say=said.append)
    stubbed.assert_all_asked()
    assert said == []


@pytest.mark.parametrize("versioning", [{}, {"Status": "Suspended"}])
@pytest.mark.parametrize("notifications", [{}, OTHERS])
def test_what_is_off_is_turned_on_and_the_rest_stays(
    stubbed: Any, versioning: dict[str, Any], notifications: dict[str, Any]
) -> None:
    said: list[str] = []
    stubbed.answer("s3", "get_bucket_versioning", versioning)
    enabled = {"VersioningConfiguration": {"Status": "Enabled"}}
    stubbed.answer("s3", "put_bucket_versioning", {}, Bucket="data", **enabled)
    stubbed.answer("s3", "get_bucket_notification_configuration", notifications)
    wanted = {"NotificationConfiguration": {**notifications, **EVENTS}}
    stubbed.answer("s3", "put_bucket_notification_configuration", {}, Bucket="data", **wanted)
    restore_drop_events(stubbed.aws.s3, "data", say=said.append)
    stubbed.assert_all_asked()
    assert len(said) == 2


def _drift(name: str, kind: str, status: str) -> dict[str, Any]:
    return {
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/dropserve/1",
        "LogicalResourceId": name,
        "ResourceType": kind,
        "StackResourceDriftStatus": status,
        "Timestamp": "2026-11-22T00:00:00Z",
        "PropertyDifferences": [
            {
                "PropertyPath": "/Timeout",
                "ExpectedValue": "60",
                "ActualValue": "7",
                "DifferenceType": "NOT_EQUAL",
            }
        ],
    }


def _detected(stubbed: Any, *drifts: dict[str, Any]) -> None:
    stubbed.answer("cloudformation", "detect_stack_drift", {"StackDriftDetectionId": "1"})
    status = {
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/dropserve/1",
        "StackDriftDetectionId": "1",
        "Timestamp": "2026-11-22T00:00:00Z",
    }
    for each in ("DETECTION_IN_PROGRESS", "DETECTION_COMPLETE"):
        stubbed.answer(
            "cloudformation", "describe_stack_drift_detection_status", {**status, "DetectionStatus": each}
        )
    stubbed.answer("cloudformation", "describe_stack_resource_drifts", {"StackResourceDrifts": list(drifts)})


def test_what_was_changed_is_told(stubbed: Any) -> None:
    warned: list[str] = []
    changed = _drift("Function", "AWS::Lambda::Function", "MODIFIED")
    _detected(stubbed, changed)
    check_drift(stubbed.aws.cloudformation, "dropserve", warn=warned.append)
    assert warned == [
        "Changed since it was deployed, and left so: Function (AWS::Lambda::Function): /Timeout is 7, not 60"
    ]


def test_what_is_gone_is_no_deployment(stubbed: Any) -> None:
    _detected(stubbed, _drift("DropRule", "AWS::Events::Rule", "DELETED"))
    with pytest.raises(CliError, match=r"is gone: DropRule \(AWS::Events::Rule\)\."):
        check_drift(stubbed.aws.cloudformation, "dropserve", warn=print)
