"""What a simulated day tells CloudWatch, what it costs, and how many requests were not answered."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.support.capacity.simulation import MODEL_S, OTHER_S, Minute
from functions.capacity_review.forecast import Deployed
from functions.capacity_review.traffic import Traffic
from functions.common.prices import HOURS_A_MONTH, find_price

MINUTES_A_MONTH = HOURS_A_MONTH * 60


def cloudwatch(minutes: Sequence[Minute]) -> Traffic:
    """The metrics that a review reads, of minutes with a request alone."""
    asked = {at: each for at, each in enumerate(minutes) if each.invocations or each.throttles}
    served = {at: each for at, each in asked.items() if each.invocations}
    waits = {at: each.wait_s / each.invocations for at, each in served.items()}
    return Traffic(
        invocations={at: each.invocations for at, each in served.items()},
        throttles={at: each.throttles for at, each in asked.items() if each.throttles},
        duration_s={at: OTHER_S + MODEL_S + waits[at] for at in served},
        concurrency={at: each.concurrency for at, each in served.items()},
        spillover={at: each.spillover for at, each in served.items() if each.spillover},
        endpoint_invocations={at: each.invocations for at, each in served.items()},
        per_instance={at: each.invocations / each.instances for at, each in served.items()},
        model_latency_s={at: MODEL_S + waits[at] for at in served},
    )


def tell(minutes: Sequence[Minute], deployed: Deployed) -> dict[str, Any]:
    """Figures of the minutes; costs are those of a month of such minutes."""
    asked = sum(each.invocations + each.throttles for each in minutes)
    throttled = sum(each.throttles for each in minutes)
    overloaded = sum(each.overloads for each in minutes)
    answered = asked - throttled - overloaded
    usd = _usd(minutes, deployed)
    total = sum(usd.values())
    return {
        "requests": asked,
        "throttled": throttled,
        "overloaded": overloaded,
        "not_answered_share": round((throttled + overloaded) / asked, 6),
        "cold_start_share": round(sum(each.cold_starts for each in minutes) / max(1, answered), 6),
        "mean_instances": round(sum(each.instances for each in minutes) / len(minutes), 2),
        "most_instances": max(each.instances for each in minutes),
        "monthly_usd": {**{name: round(value, 2) for name, value in usd.items()}, "total": round(total, 2)},
        "usd_per_million_answers": round(total / (answered * MINUTES_A_MONTH / len(minutes)) * 1e6, 2),
    }


def _usd(minutes: Sequence[Minute], deployed: Deployed) -> Mapping[str, float]:
    share, gb = MINUTES_A_MONTH / len(minutes), deployed.memory_mb / 1024
    ready_s = sum(each.busy_provisioned_s for each in minutes)
    other_s = sum(each.busy_s for each in minutes) - ready_s
    standing_s = sum(each.provisioned for each in minutes) * 60
    hours = sum(each.instances for each in minutes) / 60
    return {
        "instances": share * hours * _price(f"sagemaker-hosting/{deployed.instance_type}", deployed),
        "provisioned concurrency": share * standing_s * gb * _lambda_price("provisioned", deployed),
        "time of the function": share
        * gb
        * (
            ready_s * _lambda_price("provisioned-duration", deployed)
            + other_s * _lambda_price("duration", deployed)
        ),
        "calls of the function": share
        * sum(each.invocations for each in minutes)
        * _price("lambda/request", deployed),
    }


def _lambda_price(kind: str, deployed: Deployed) -> float:
    return _price(f"lambda/{kind}/{deployed.architecture}", deployed)


def _price(name: str, deployed: Deployed) -> float:
    price = find_price(name, deployed.region)
    if price is None:
        raise KeyError(name)
    return price.usd
