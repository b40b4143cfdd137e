"""What is read of AWS, in its own answers' form, and the event and variables that a review takes."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from functions.capacity_review.handler import ReviewInputError, _read
from functions.capacity_review.metrics import metric_count, read_traffic
from functions.capacity_review.settings import read_settings
from functions.capacity_review.today import Concurrency, Today, read_endpoint, read_instance_quota
from functions.common.errors import SettingsError
from tests.unit.capacity_review.demands import REFERENCE

VARIABLES = {
    "DATA_BUCKET": "bucket",
    "LEDGER_TABLE": "ledger",
    "INFERENCE_FUNCTION": "inference",
    "INFERENCE_MEMORY_MB": "1024",
    "ARCHITECTURE": "x86_64",
    "SET_CONCURRENCY_FUNCTION": "set-concurrency",
    "LIVE_POINTER_PARAMETER": "/dropserve/live",
    "CAPACITY_PARAMETER": "/dropserve/capacity",
    "AWS_REGION": "us-east-1",
    "CAPACITY_REVIEW": "apply",
    "RESERVED_CONCURRENCY": "6",
    "PROVISIONED_CONCURRENCY": "3",
    "MIN_INSTANCES": "1",
    "MAX_INSTANCES": "6",
    "TARGET_INVOCATIONS_PER_INSTANCE": "600",
    "CAPACITY_MAX_RESERVED": "100",
    "CAPACITY_MAX_PROVISIONED": "10",
    "CAPACITY_MAX_INSTANCES": "6",
    "CAPACITY_MAX_MONTHLY_USD": "250.5",
}


def test_metrics_become_minutes_and_seconds() -> None:
    client = boto3.client("cloudwatch", region_name="us-east-1")
    until, first = datetime(2026, 1, 3, 4, 5, 30, tzinfo=UTC), datetime(2026, 1, 2, 10, 0, tzinfo=UTC)
    values = {"invocations": 12.0, "duration_s": 250.0, "model_latency_s": 40_000.0}
    asked = {"MetricDataQueries": ANY, "EndTime": datetime(2026, 1, 3, 4, 5, tzinfo=UTC), "ScanBy": ANY}
    with Stubber(client) as stub:
        for token, name in enumerate(values):
            page = {"Id": name, "Timestamps": [first], "Values": [values[name]]}
            more = {"NextToken": str(token)} if token < 2 else {}
            before = {"NextToken": str(token - 1)} if token else {}
            expected = {**asked, "StartTime": datetime(2025, 12, 27, 4, 5, tzinfo=UTC), **before}
            stub.add_response("get_metric_data", {"MetricDataResults": [page], **more}, expected)
        traffic = read_traffic("inference", "live", "dropserve-1", until=until, days=7, cloudwatch=client)

    minute = int(first.timestamp()) // 60
    assert traffic.invocations == {minute: 12.0}
    assert traffic.duration_s == {minute: 0.25}
    assert traffic.model_latency_s == {minute: 0.04}
    assert traffic.throttles == {}
    assert metric_count(with_endpoint=True) == 10


def test_settings_are_typed_and_a_fault_is_named() -> None:
    settings = read_settings(VARIABLES)
    assert settings.applies
    assert settings.deployed == REFERENCE
    assert settings.limits.monthly_usd == 250.5
    with pytest.raises(SettingsError, match="CAPACITY_REVIEW"):
        read_settings({**VARIABLES, "CAPACITY_REVIEW": "maybe"})
    with pytest.raises(SettingsError, match="CAPACITY_MAX_INSTANCES"):
        read_settings({**VARIABLES, "CAPACITY_MAX_INSTANCES": "0"})


@pytest.mark.parametrize(
    ("event", "applies", "expected"),
    [
        ({}, "apply", (False, False, 14)),
        ({"apply": True, "days": 3}, "report", (True, False, 3)),
        ({"reset": True}, "report", (False, True, 14)),
        ({"source": "aws.events"}, "apply", (True, False, 14)),
        ({"source": "aws.events"}, "report", (False, False, 14)),
    ],
)
def test_a_schedule_applies_where_the_deployment_says_so(
    event: dict[str, Any], applies: str, expected: tuple[bool, bool, int]
) -> None:
    assert _read(event, read_settings({**VARIABLES, "CAPACITY_REVIEW": applies})) == expected


@pytest.mark.parametrize(
    "event",
    [
        {"apply": "yes"},
        {"apply": True, "reset": True},
        {"days": 0},
        {"days": 16},
        {"days": 2.5},
        {"days": True},
    ],
)
def test_a_wrong_event_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(ReviewInputError):
        _read(event, read_settings(VARIABLES))


def test_no_endpoint_is_read_where_none_serves() -> None:
    client = boto3.client("sagemaker", region_name="us-east-1")
    assert read_endpoint(None, sagemaker=client, autoscaling=None) is None
    paused = {"endpoint_name": "dropserve-1", "paused_at": "2026-01-01T00:00:00Z"}
    assert read_endpoint(paused, sagemaker=client, autoscaling=None) is None
    with Stubber(client) as stub:
        message = 'Could not find endpoint "arn:aws:sagemaker:x".'
        stub.add_client_error("describe_endpoint", "ValidationException", message)
        assert read_endpoint({"endpoint_name": "dropserve-1"}, sagemaker=client, autoscaling=None) is None


def test_a_quota_that_is_not_told_is_no_limit() -> None:
    client = boto3.client("service-quotas", region_name="us-east-1")
    quota = {"QuotaName": "ml.m5.large for endpoint usage", "QuotaCode": "L-1", "Value": 4.0}
    with Stubber(client) as stub:
        stub.add_response("list_service_quotas", {"Quotas": [quota]})
        assert read_instance_quota("ml.m5.large", quotas=client) == 4
    with Stubber(client) as stub:
        stub.add_client_error("list_service_quotas", "AccessDeniedException")
        assert read_instance_quota("ml.m5.large", quotas=client) is None


def test_what_is_not_set_is_told_as_null_and_modelled_as_lambda_has_it() -> None:
    today = Today(Concurrency(None, 0, unreserved=10, reservable=0), None)
    assert set(today.to_json().values()) == {None, 0}
    assert today.capacity(REFERENCE).reserved_concurrency == 10
    assert today.capacity(REFERENCE).max_instances == 6
