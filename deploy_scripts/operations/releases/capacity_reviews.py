"""Capacity reviews: the last one, what its figures are called, and the traffic that it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.bucket import CAPACITY_REVIEWS
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.objects import objects_below
from deploy_scripts.operations.s3_documents import read_json
from functions.capacity_review.metrics import read_traffic
from functions.common.applied_capacity import ALIAS

SETTINGS = {
    "reserved_concurrency": "reserved concurrency",
    "provisioned_concurrency": "provisioned concurrency",
    "min_instances": "fewest instances",
    "max_instances": "most instances",
    "target_invocations_per_instance": "target: invocations a minute of an instance",
}
RATES = {
    "throttle_rate": "throttled by Lambda",
    "overload_rate": "beyond the instances",
    "cold_start_rate": "cold starts",
}
MINUTES_A_BIN = 10
_MINUTES_A_DAY = 1440


@dataclass(frozen=True)
class DayOfTraffic:
    """Of the last 24 hours, in bins of MINUTES_A_BIN, the newest last. `most_concurrency` is a maximum."""

    requests: Sequence[float]
    throttled: Sequence[float]
    most_concurrency: Sequence[float]


def read_last_review(deployment: Deployment) -> dict[str, Any] | None:
    """The newest review, by schedule or by hand; None before the first one."""
    listed = objects_below(deployment, deployment.bucket, CAPACITY_REVIEWS)
    # Their names are moments, in the order of time.
    keys = [key for key, _, _ in listed if key.endswith(".json")]
    return read_json(deployment, f"s3://{deployment.bucket}/{max(keys)}") if keys else None


def read_day_of_traffic(deployment: Deployment) -> DayOfTraffic:
    """As the review reads it: one question of CloudWatch for six metrics. Raises botocore's errors."""
    until = datetime.now(UTC)
    traffic = read_traffic(
        deployment.outputs["InferenceFunctionName"],
        ALIAS,
        None,
        until=until,
        days=1,
        cloudwatch=deployment.aws.cloudwatch,
    )
    last = int(until.timestamp()) // 60
    minutes = range(last - _MINUTES_A_DAY + 1, last + 1)
    bins = [minutes[at : at + MINUTES_A_BIN] for at in range(0, _MINUTES_A_DAY, MINUTES_A_BIN)]
    served, throttled = traffic.invocations, traffic.throttles
    return DayOfTraffic(
        requests=[sum(served.get(at, 0.0) + throttled.get(at, 0.0) for at in each) for each in bins],
        throttled=[sum(throttled.get(at, 0.0) for at in each) for each in bins],
        most_concurrency=[max(traffic.concurrency.get(at, 0.0) for at in each) for each in bins],
    )
