"""S3 events through EventBridge into a state machine."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.cloud_bench import Bench, unique
from tests.support.waiting import wait_until

KEEP = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


@pytest.fixture
def pipeline(bench: Bench, cloud_client: Callable[..., Any]) -> tuple[str, Callable[[int], list[Any]]]:
    """A versioned bucket whose drops start a machine; the bucket and the inputs that came."""
    s3, events, bucket = cloud_client("s3"), cloud_client("events"), unique("drops")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    machine, rule = bench.machine(KEEP), unique("rule")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [bucket]},
            "object": {"key": [{"wildcard": "drops/*.zip"}, {"wildcard": "drops/*/_SUCCESS"}]},
            "reason": [{"anything-but": {"wildcard": ["Copy*"]}}],
        },
    }
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    transformer = {
        "InputPathsMap": {
            "bucket": "$.detail.bucket.name",
            "key": "$.detail.object.key",
            "version": "$.detail.object.version-id",
            "time": "$.time",
            "sequencer": "$.detail.object.sequencer",
        },
        "InputTemplate": '{"bucket": <bucket>, "key": <key>, "version_id": <version>, "at": <time>, '
        '"sequencer": <sequencer>}',
    }
    target = {"Id": "1", "Arn": machine, "RoleArn": bench.role(), "InputTransformer": transformer}
    assert events.put_targets(Rule=rule, Targets=[target])["FailedEntryCount"] == 0
    sfn = cloud_client("stepfunctions")

    def inputs(count: int) -> list[Any]:
        def come() -> list[Any] | None:
            found = sfn.list_executions(stateMachineArn=machine)["executions"]
            return found if len(found) >= count else None

        return [
            json.loads(sfn.describe_execution(executionArn=found["executionArn"])["input"])
            for found in wait_until(come)
        ]

    return bucket, inputs


def test_an_event_names_the_version_and_the_key_as_it_is(
    pipeline: tuple[str, Callable[[int], list[Any]]], cloud_client: Callable[..., Any]
) -> None:
    bucket, inputs = pipeline
    s3, key = cloud_client("s3"), "drops/Hunde + Höfe 100%.zip"
    version = s3.put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"]
    (document,) = inputs(1)
    assert document["version_id"] == version
    assert (document["bucket"], document["key"]) == (bucket, key)


def test_the_events_of_one_key_are_ordered_by_their_sequencers_and_timed_in_whole_seconds(
    pipeline: tuple[str, Callable[[int], list[Any]]], cloud_client: Callable[..., Any]
) -> None:
    bucket, inputs = pipeline
    s3, key = cloud_client("s3"), "drops/again.zip"
    upload = {"Bucket": bucket, "Key": key}
    upload_id = s3.create_multipart_upload(**upload)["UploadId"]
    versions = [s3.put_object(**upload, Body=body)["VersionId"] for body in (b"1", b"2")]
    part = s3.upload_part(**upload, UploadId=upload_id, PartNumber=1, Body=b"3")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(**upload, UploadId=upload_id, MultipartUpload=parts)
    documents = sorted(inputs(3), key=lambda document: int(document["sequencer"], 16))
    assert [document["version_id"] for document in documents] == [*versions, done["VersionId"]]
    for document in documents:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["at"])


def test_multipart_uploads_and_patterns(
    pipeline: tuple[str, Callable[[int], list[Any]]], cloud_client: Callable[..., Any]
) -> None:
    bucket, inputs = pipeline
    s3 = cloud_client("s3")
    s3.put_object(Bucket=bucket, Key="drops/readme.txt", Body=b"x")
    s3.put_object(Bucket=bucket, Key="drops/dogs/_SUCCESS", Body=b"")
    s3.copy_object(
        Bucket=bucket, Key="drops/copy.zip", CopySource={"Bucket": bucket, "Key": "drops/readme.txt"}
    )
    upload = {"Bucket": bucket, "Key": "drops/big.zip"}
    upload_id = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, UploadId=upload_id, PartNumber=1, Body=b"x")
    done = s3.complete_multipart_upload(
        **upload, UploadId=upload_id, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    documents = {document["key"]: document["version_id"] for document in inputs(2)}
    assert set(documents) == {"drops/dogs/_SUCCESS", "drops/big.zip"}
    assert documents["drops/big.zip"] == done["VersionId"]


def test_an_alarm_that_changes_its_state_starts_a_machine_with_the_input_of_the_rule(
    bench: Bench, cloud_client: Callable[..., Any]
) -> None:
    alarms, events, name = cloud_client("cloudwatch"), cloud_client("events"), unique("alarm")
    for each in (name, f"{name}-other"):
        alarms.put_metric_alarm(
            AlarmName=each,
            Namespace="AWS/Lambda",
            MetricName=each,
            Statistic="Sum",
            Period=86400,
            EvaluationPeriods=7,
            Threshold=1,
            ComparisonOperator="LessThanThreshold",
        )
    arn = alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "resources": [arn],
        "detail": {"state": {"value": ["ALARM"]}},
    }
    machine = bench.machine(KEEP)
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    target = {"Id": "1", "Arn": machine, "RoleArn": bench.role(), "Input": '{"action": "pause"}'}
    events.put_targets(Rule=name, Targets=[target])
    for changed, value in ((f"{name}-other", "ALARM"), (name, "OK"), (name, "ALARM"), (name, "ALARM")):
        alarms.set_alarm_state(AlarmName=changed, StateValue=value, StateReason="tried")

    sfn = cloud_client("stepfunctions")
    (begun,) = wait_until(lambda: sfn.list_executions(stateMachineArn=machine)["executions"])
    assert sfn.describe_execution(executionArn=begun["executionArn"])["input"] == '{"action": "pause"}'
