"""Drift: real answers are counted; a shift is seen, told, drawn, and answered by a training."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.drift import BINS, bin_metric
from deploy_scripts.demo_data import PhotoSet
from functions.drift_review.review import MIN_ANSWERS
from tests.support.waiting import wait_until

# Nobody is sure of anything any more.
UNSURE = [200, 40, 5, 5, 0]


def count_answers(dropserve: Any, release: str, moment: datetime) -> None:
    """What the inference function would have counted of as many answers."""
    dimensions = [{"Name": "service", "Value": "inference"}, {"Name": "release", "Value": release}]
    data = [
        {
            "MetricName": bin_metric("confidence", place),
            "Dimensions": dimensions,
            "Timestamp": moment,
            "StatisticValues": {"SampleCount": count, "Sum": count, "Minimum": 1, "Maximum": 1},
        }
        for place, count in enumerate(UNSURE)
        if count
    ]
    dropserve.client("cloudwatch").put_metric_data(Namespace="dropserve", MetricData=data)


@pytest.fixture
def messages(dropserve: Any, first_release: dict[str, Any]) -> Iterator[str]:
    """A queue with what the topic is told, while drift asks for a training."""
    assert dropserve.run("deploy", "--parameter", "RetrainOnDrift=ask").returncode == 0
    sqs, sns = dropserve.client("sqs"), dropserve.client("sns")
    queue = sqs.create_queue(QueueName="drift-messages")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = dropserve.outputs["NotificationTopicArn"]
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
    yield queue
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=queue)
    assert dropserve.run("deploy", "--parameter", "RetrainOnDrift=no").returncode == 0


def test_real_answers_are_counted(dropserve: Any, live: dict[str, Any], food_photos: PhotoSet) -> None:
    reference = json.loads(read(dropserve, f"runs/{live['run_id']}/metrics.json"))["drift"]
    assert len(reference["confidence"]["counts"]) == BINS
    assert dropserve.json("drift", "--days", "1", "--today")[0]["release"] == live["release"]
    before = dropserve.json("drift")[-1]["answers"]

    dropserve.json("predict", food_photos.held_out[0][1])
    time.sleep(1)  # its log is read for metrics after it was answered

    (review,) = dropserve.json("drift", "--days", "1", "--today")
    assert review["answers"] == before + 1
    # Other tests have asked the same release, too, and some of them about photos that it does not know.
    assert (review["drifted"] is None) == (review["answers"] < MIN_ANSWERS)


def test_a_shift_is_told_drawn_and_answered_by_a_training_once_it_is_approved(
    dropserve: Any, live: dict[str, Any], messages: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    for moment in (now - timedelta(minutes=1), now - timedelta(days=1)):
        count_answers(dropserve, live["release"], moment)

    review = dropserve.json("drift", "--today", "--page", tmp_path / "drift.html")[-1]

    assert review["drifted"] is True
    assert review["statistics"][0]["name"] == "confidence"
    assert review["statistics"][0]["effect"] < 0
    assert f"{review['day']}: the photos have drifted" in (tmp_path / "drift.html").read_text("utf-8")
    shown = dropserve.run("drift")
    assert "drift" in shown.stdout and review["day"] in shown.stdout
    cloudwatch = dropserve.client("cloudwatch")

    def in_alarm() -> bool:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=["dropserve-drift"])["MetricAlarms"]
        return bool(alarm["StateValue"] == "ALARM")

    assert wait_until(in_alarm, timeout_s=90, poll_s=1)

    # By hand nobody is asked; the schedule does it, of the day before.
    assert review["retraining"] is None
    answer = dropserve.client("lambda").invoke(
        FunctionName=dropserve.outputs["DriftReviewFunctionName"],
        Payload=json.dumps({"source": "aws.events", "detail-type": "Scheduled Event"}).encode(),
    )
    scheduled = json.loads(answer["Payload"].read())
    assert "waits for an approval" in scheduled["retraining"]["reason"], scheduled
    approval = wait_until(lambda: approval_in(dropserve, messages))
    refused = dropserve.run("drift", "--approve", f"{approval}x")
    assert refused.returncode == 1 and "no approval of this deployment's" in refused.stderr
    approved = dropserve.json("drift", "--approve", approval)
    ended = wait_until(lambda: ended_run(dropserve, approved["execution_arn"]), timeout_s=240)
    # Of the same photos it is no better.
    dataset = dropserve.json("runs", live["run_id"])["dataset"]
    assert (ended["dataset"], ended["status"]) == (dataset, "champion_kept")
    assert (
        "started for this release in this month already"
        in dropserve.run("drift", "--approve", approval).stderr
    )


def approval_in(dropserve: Any, queue: str) -> str | None:
    """Of a message that asks for one; other messages of the topic are passed over."""
    found = dropserve.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    for each in found.get("Messages", []):
        message = json.loads(each["Body"])["Message"]
        if match := re.search(r"^dropserve drift --approve (\S+)$", message, re.MULTILINE):
            return match[1]
    return None


def ended_run(dropserve: Any, execution_arn: str) -> dict[str, Any] | None:
    execution = dropserve.client("stepfunctions").describe_execution(executionArn=execution_arn)
    run: dict[str, Any] = dropserve.json("runs")[0]
    return run if execution["status"] != "RUNNING" else None


def read(dropserve: Any, key: str) -> bytes:
    body = dropserve.client("s3").get_object(Bucket=dropserve.outputs["BucketName"], Key=key)["Body"]
    return bytes(body.read())
