"""Metrics that a function writes into its log, and alarms on them, as CloudWatch has them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.cloud_bench import Bench, unique
from tests.support.waiting import wait_until

# Prints what Powertools' Metrics prints.
EMITTING = """
import json
def handler(event, context):
    directive = {{"Namespace": {namespace!r}, "Dimensions": [["track"]], "Metrics": [
        {{"Name": "Failure", "Unit": "Count"}}, {{"Name": "Latency", "Unit": "Milliseconds"}}]}}
    for track, failure, latency in event:
        print(json.dumps({{"_aws": {{"Timestamp": 0, "CloudWatchMetrics": [directive]}},
            "track": track, "Failure": [failure], "Latency": [latency]}}))
    print('{{"_aws": "CloudWatchMetrics"}}')
    print('"CloudWatchMetrics" of no document')
"""


@pytest.fixture(scope="module")
def emitted(cloud_client: Callable[..., Any]) -> str:
    """A namespace with three calls that live serves well, and three that the canary fails slowly."""
    namespace = unique("metrics")
    function = Bench(cloud_client).function(EMITTING.format(namespace=namespace))
    calls = [["live", 0, 100.0]] * 3 + [["canary", 1, 100.0], ["canary", 0, 900.04], ["canary", 1, 901.0]]
    Bench(cloud_client).invoke(function, calls)
    return namespace


def alarm(cloud_client: Callable[..., Any], namespace: str, track: str, **fields: Any) -> str:
    """The name of an alarm whose metric is the share of failures, unless the fields say otherwise."""
    name = unique("alarm")
    defaults = {
        "MetricName": "Failure",
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 1,
        "TreatMissingData": "notBreaching",
        **({} if "ExtendedStatistic" in fields else {"Statistic": "Average"}),
    }
    cloud_client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace=namespace,
        Dimensions=[{"Name": "track", "Value": track}],
        **{**defaults, **fields},
    )
    return name


def state(cloud_client: Callable[..., Any], name: str) -> str:
    (found,) = cloud_client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(found["StateValue"])


def test_the_metrics_of_a_log_are_cloudwatchs(cloud_client: Callable[..., Any], emitted: str) -> None:
    now = datetime.now(UTC)
    found = cloud_client("cloudwatch").get_metric_statistics(
        Namespace=emitted,
        MetricName="Failure",
        Dimensions=[{"Name": "track", "Value": "canary"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["SampleCount", "Sum"],
    )["Datapoints"]
    assert sum(each["SampleCount"] for each in found) == 3
    assert sum(each["Sum"] for each in found) == 2


@pytest.mark.parametrize(
    ("track", "fields", "expected"),
    [
        ("canary", {}, "ALARM"),
        ("live", {}, "OK"),
        ("canary", {"Threshold": 0.7}, "OK"),
        ("canary", {"MetricName": "Latency", "ExtendedStatistic": "p95", "Threshold": 800}, "ALARM"),
        ("canary", {"MetricName": "Latency", "ExtendedStatistic": "p95", "Threshold": 1000}, "OK"),
        ("canary", {"EvaluationPeriods": 3, "DatapointsToAlarm": 3}, "OK"),
        ("canary", {"DatapointsToAlarm": 3, "TreatMissingData": "breaching"}, "ALARM"),
        ("nobody", {"TreatMissingData": "breaching"}, "INSUFFICIENT_DATA"),
    ],
    ids=str,
)
def test_an_alarm_is_of_its_dimensions_statistic_and_periods(
    cloud_client: Callable[..., Any], emitted: str, track: str, fields: dict[str, Any], expected: str
) -> None:
    assert state(cloud_client, alarm(cloud_client, emitted, track, **fields)) == expected


def test_an_alarm_goes_off_and_ends_by_itself(cloud_client: Callable[..., Any]) -> None:
    """Nobody puts or asks anything in between."""
    namespace = unique("metrics")
    dimensions = [{"Name": "track", "Value": "live"}]
    name = alarm(cloud_client, namespace, "live", Period=10, EvaluationPeriods=1, DatapointsToAlarm=1)
    point = {"MetricName": "Failure", "Dimensions": dimensions, "Value": 1.0}
    before = time.time()
    cloud_client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[point])
    (found,) = cloud_client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert found["StateValue"] == "ALARM"
    assert found["StateUpdatedTimestamp"].timestamp() > before - 1
    wait_until(lambda: state(cloud_client, name) == "OK", timeout_s=40)
