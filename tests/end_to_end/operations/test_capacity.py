"""The capacity review on the local cloud: what was really asked, what is recommended, and that it stays."""

import json
import time
from typing import Any

import pytest

from deploy_scripts.demo_data import PhotoSet

# More than a day, and more requests than a review needs.
EVERY_S, HOURS, A_MINUTE = 600, 30, 30.0


@pytest.fixture
def past_traffic(dropserve: Any, first_release: dict[str, Any]) -> None:
    """What Lambda and SageMaker would have sent the day before; on AWS no client may send it."""
    function = dropserve.outputs["InferenceFunctionName"]
    endpoint = dropserve.json("status")["endpoint"]
    of_function = [{"Name": "FunctionName", "Value": function}]
    of_endpoint = [
        {"Name": "EndpointName", "Value": endpoint},
        {"Name": "VariantName", "Value": "AllTraffic"},
    ]
    figures = [
        (
            "AWS/Lambda",
            of_function,
            {"Invocations": A_MINUTE, "Duration": 300.0, "ConcurrentExecutions": 2.0},
        ),
        (
            "AWS/SageMaker",
            of_endpoint,
            {"Invocations": A_MINUTE, "InvocationsPerInstance": A_MINUTE, "ModelLatency": 40_000.0},
        ),
    ]
    now = int(time.time()) // 60 * 60
    moments = range(now - HOURS * 3600, now - 600, EVERY_S)
    cloudwatch = dropserve.client("cloudwatch")
    for namespace, dimensions, values in figures:
        data = [
            {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value}
            for at in moments
            for name, value in values.items()
        ]
        for begin in range(0, len(data), 500):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[begin : begin + 500])


def test_real_requests_are_counted_and_are_too_few(
    dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet
) -> None:
    dropserve.json("predict", food_photos.held_out[0][1])
    time.sleep(60 - time.time() % 60)  # a minute is told once it is over

    found = dropserve.json("capacity")

    assert found["traffic"]["requests"] >= 1
    assert found["traffic"]["duration_s"] > 0
    assert found["traffic"]["most_concurrency"] >= 1
    assert 0 < found["traffic"]["provisioned_utilization"] <= 1
    assert found["reason"].startswith("too little data")
    assert found["recommended"] is None
    assert found["today"]["settings"] == {
        "reserved_concurrency": 6,
        "provisioned_concurrency": 3,
        "min_instances": 1,
        "max_instances": 6,
        "target_invocations_per_instance": 600,
    }
    refused = dropserve.run("capacity", "--apply")
    assert refused.returncode == 1
    assert "too little data" in refused.stderr


@pytest.mark.usefixtures("past_traffic")
def test_what_is_applied_stays_until_the_deployment_says_otherwise(dropserve: Any) -> None:
    applied = dropserve.json("capacity", "--apply")

    wanted = applied["recommended"]["settings"]
    assert applied["applied"]["done"]
    assert wanted["provisioned_concurrency"] < 3
    assert wanted["target_invocations_per_instance"] != 600
    assert _set_now(dropserve) == wanted
    document = dropserve.client("s3").get_object(
        Bucket=dropserve.outputs["BucketName"], Key=applied["review_uri"].split("/", 3)[3]
    )
    assert json.loads(document["Body"].read())["recommended"]["settings"] == wanted

    # A deployment that changes nothing of it, a pause and a resume keep it.
    assert dropserve.run("deploy").returncode == 0
    assert dropserve.json("pause")["status"] == "paused"
    assert dropserve.json("resume")["status"] == "resumed"
    assert _set_now(dropserve) == wanted

    # Who deploys another value has spoken later.
    assert dropserve.run("deploy", "--parameter", "ProvisionedConcurrency=2").returncode == 0
    try:
        assert _set_now(dropserve) == {**wanted, "provisioned_concurrency": 2}
    finally:
        dropserve.run("deploy", "--parameter", "ProvisionedConcurrency=3")
    assert dropserve.json("capacity", "--reset")["applied"]["done"]
    assert _set_now(dropserve) == {
        "reserved_concurrency": 6,
        "provisioned_concurrency": 3,
        "min_instances": 1,
        "max_instances": 6,
        "target_invocations_per_instance": 600,
    }


def _set_now(dropserve: Any) -> dict[str, int | None]:
    settings: dict[str, int | None] = dropserve.json("capacity")["today"]["settings"]
    return settings
