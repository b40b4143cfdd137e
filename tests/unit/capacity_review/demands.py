"""Traffic of made days, and the deployment that they are asked of."""

from functions.capacity_review.forecast import Deployed
from functions.capacity_review.limits import Limits
from functions.capacity_review.traffic import MINUTES_A_DAY, Traffic
from functions.common.applied_capacity import Capacity

REFERENCE = Capacity(6, 3, 1, 6, 600)
DEPLOYED = Deployed("us-east-1", "x86_64", 1024, "ml.m6g.large")
LIMITS = Limits(max_reserved=100, max_provisioned=10, max_instances=6, monthly_usd=0)


def traffic_of(
    days: list[float],
    *,
    throttled: float = 0.0,
    concurrency: float = 3.0,
    duration_s: float = 0.3,
    latency_s: float = 0.04,
) -> Traffic:
    """Days of so many requests a minute each, the share `throttled` of which was not answered."""
    offered = {
        day * MINUTES_A_DAY + minute: rate
        for day, rate in enumerate(days)
        for minute in range(MINUTES_A_DAY)
        if rate
    }
    served = {at: rate * (1 - throttled) for at, rate in offered.items()}
    return Traffic(
        invocations=served,
        throttles={at: rate * throttled for at, rate in offered.items()} if throttled else {},
        duration_s=dict.fromkeys(served, duration_s),
        concurrency=dict.fromkeys(served, concurrency),
        endpoint_invocations=served,
        per_instance=served,
        model_latency_s=dict.fromkeys(served, latency_s),
    )
