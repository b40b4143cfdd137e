"""What CloudWatch has of the function and of the live endpoint, by the minute.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contracts.workflow import VARIANT
from functions.capacity_review.traffic import Traffic

# CloudWatch keeps figures of a minute for 15 days:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
MOST_DAYS = 15
USUAL_DAYS = 14
_PERIOD_S = 60


@dataclass(frozen=True)
class _Metric:
    namespace: str
    name: str
    statistic: str
    # CloudWatch's unit -> ours.
    factor: float = 1.0


_FUNCTION = {
    "invocations": _Metric("AWS/Lambda", "Invocations", "Sum"),
    "throttles": _Metric("AWS/Lambda", "Throttles", "Sum"),
    "duration_s": _Metric("AWS/Lambda", "Duration", "Average", 1e-3),
    "concurrency": _Metric("AWS/Lambda", "ConcurrentExecutions", "Maximum"),
}
# Of the alias, which alone has provisioned concurrency.
_ALIAS = {
    "utilization": _Metric("AWS/Lambda", "ProvisionedConcurrencyUtilization", "Maximum"),
    "spillover": _Metric("AWS/Lambda", "ProvisionedConcurrencySpilloverInvocations", "Sum"),
}
_ENDPOINT = {
    "endpoint_invocations": _Metric("AWS/SageMaker", "Invocations", "Sum"),
    "per_instance": _Metric("AWS/SageMaker", "InvocationsPerInstance", "Sum"),
    "model_latency_s": _Metric("AWS/SageMaker", "ModelLatency", "Average", 1e-6),
    "overhead_s": _Metric("AWS/SageMaker", "OverheadLatency", "Average", 1e-6),
}


def read_traffic(  # noqa: PLR0913 - by name
    function: str, alias: str, endpoint: str | None, *, until: datetime, days: int, cloudwatch: Any
) -> Traffic:
    """The whole minutes of the last days. Raises ClientError or BotoCoreError."""
    asked = {name: (metric, {"FunctionName": function}) for name, metric in _FUNCTION.items()}
    of_alias = {"FunctionName": function, "Resource": f"{function}:{alias}"}
    asked |= {name: (metric, of_alias) for name, metric in _ALIAS.items()}
    if endpoint is not None:
        of_endpoint = {"EndpointName": endpoint, "VariantName": VARIANT}
        asked |= {name: (metric, of_endpoint) for name, metric in _ENDPOINT.items()}
    end = until.replace(second=0, microsecond=0)
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[_query(name, *each) for name, each in asked.items()],
        StartTime=end - timedelta(days=days),
        EndTime=end,
        ScanBy="TimestampAscending",
    )
    found: dict[str, dict[int, float]] = {name: {} for name in asked}
    for page in pages:
        for result in page["MetricDataResults"]:
            factor = asked[result["Id"]][0].factor
            found[result["Id"]] |= {
                int(at.timestamp()) // _PERIOD_S: value * factor
                for at, value in zip(result["Timestamps"], result["Values"], strict=True)
            }
    return Traffic(**found)


def metric_count(*, with_endpoint: bool) -> int:
    """How many metrics a review reads: CloudWatch charges for each."""
    return len(_FUNCTION) + len(_ALIAS) + (len(_ENDPOINT) if with_endpoint else 0)


def _query(name: str, metric: _Metric, dimensions: Mapping[str, str]) -> dict[str, Any]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            },
            "Period": _PERIOD_S,
            "Stat": metric.statistic,
        },
    }
