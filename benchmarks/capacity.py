"""A capacity review against the reference's fixed setting and against reactive target tracking; simulated.

Nothing of this was measured on AWS: benchmarks/support/capacity/simulation.py replays traces of requests, in
steps of a tenth of a second, through a model of Lambda's concurrency and of an endpoint's instances. Each
trace has seven days. The first six pass under the reference's setting (reserved 6, provisioned 3, instances 1
to 6, target 600), and the review, which is the very code that is deployed, reads what CloudWatch would have
told of them. The seventh day is judged, under: the reference's setting; reactive target tracking alone
(instances by the reference's target, provisioned concurrency by a utilisation of 0.7, no reservation below
the limit, the limits of the review); what the review recommends; and, where that costs more than the
reference's setting, what it recommends with the reference's cost as the person's monthly ceiling. Results in
benchmarks/results/capacity.json. `--quick` judges two traces and writes no results.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from typing import Any

from benchmarks.support.capacity.accounts import cloudwatch, tell
from benchmarks.support.capacity.simulation import Setting, simulate
from benchmarks.support.capacity.traces import DAY_S, DAYS, STEPS_A_SECOND, TRACES, draw_requests
from benchmarks.support.machine import count_cores
from benchmarks.support.results import RESULTS, write_results
from functions.capacity_review.forecast import Deployed, Model
from functions.capacity_review.limits import Limits
from functions.capacity_review.recommendation import recommend
from functions.capacity_review.traffic import read_demand
from functions.common.applied_capacity import Capacity

SEED = 18
REFERENCE = Capacity(6, 3, 1, 6, 600)
DEPLOYED = Deployed("us-east-1", "x86_64", 1024, "ml.m6g.large")
# An account with the usual 1,000 concurrent executions, of which 100 stay unreserved.
LIMITS = Limits(max_reserved=900, max_provisioned=50, max_instances=20, monthly_usd=0)
JUDGED = (DAYS - 1) * DAY_S * STEPS_A_SECOND


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two traces, no results written")
    options = parser.parse_args()
    names = list(TRACES)[:2] if options.quick else list(TRACES)
    with ProcessPoolExecutor(count_cores()) as pool:
        traces = dict(zip(names, pool.map(judge_trace, names), strict=True))
    results = {
        "held": all(each["held"] for each in traces.values()),
        "traces": traces,
        "days": DAYS,
        "seed": SEED,
        "limits": asdict(LIMITS),
        "method": " ".join((__doc__ or "").split()),
    }
    print(json.dumps(results, indent=1))
    if not options.quick:
        write_results(RESULTS / "capacity.json", results)
    return 0 if results["held"] else 1


def judge_trace(name: str) -> dict[str, Any]:
    """Settings and figures of the last day, by policy."""
    requests = draw_requests(name, SEED)
    past, judged = requests[:JUDGED], requests[JUDGED:]
    demand = read_demand(
        cloudwatch(simulate(past, _setting(REFERENCE))), reserved=REFERENCE.reserved_concurrency
    )
    model = Model(demand, DEPLOYED)
    reviewed = recommend(model, REFERENCE, LIMITS)
    reactive = Setting(
        LIMITS.max_reserved,
        1,
        REFERENCE.min_instances,
        LIMITS.max_instances,
        REFERENCE.target_invocations_per_instance,
        LIMITS.max_provisioned,
    )
    policies = {
        "fixed": _setting(REFERENCE),
        "reactive": reactive,
        "review": _setting(reviewed.capacity),
    }
    days = {policy: tell(simulate(judged, setting), DEPLOYED) for policy, setting in policies.items()}
    fixed_usd = days["fixed"]["monthly_usd"]["total"]
    if days["review"]["monthly_usd"]["total"] > fixed_usd:
        held = recommend(model, REFERENCE, replace(LIMITS, monthly_usd=fixed_usd - _calls_usd(days["fixed"])))
        policies["review at equal cost"] = _setting(held.capacity)
        days["review at equal cost"] = tell(simulate(judged, policies["review at equal cost"]), DEPLOYED)
    return {
        "held": _holds(days),
        "expected": reviewed.forecast.to_json(),
        "demand": {
            "peakedness": round(demand.peakedness, 2),
            "growth": round(demand.growth, 3),
            "busiest_minute": demand.busiest,
            "service_s": round(demand.service_s, 3),
        },
        "notes": reviewed.notes,
        "settings": {policy: asdict(setting) for policy, setting in policies.items()},
        "days": days,
    }


def _setting(capacity: Capacity) -> Setting:
    return Setting(
        capacity.reserved_concurrency,
        capacity.provisioned_concurrency,
        capacity.min_instances,
        capacity.max_instances,
        capacity.target_invocations_per_instance,
    )


def _calls_usd(day: Mapping[str, Any]) -> float:
    return float(day["monthly_usd"]["calls of the function"])


def _holds(days: Mapping[str, Mapping[str, Any]]) -> bool:
    """No more requests unanswered at a lower cost than fixed, or fewer at no higher cost."""
    fixed = days["fixed"]
    candidate = days.get("review at equal cost", days["review"])
    lost, usd = candidate["not_answered_share"], candidate["monthly_usd"]["total"]
    fixed_lost, fixed_usd = fixed["not_answered_share"], fixed["monthly_usd"]["total"]
    return bool((lost <= fixed_lost and usd < fixed_usd) or (lost < fixed_lost and usd <= fixed_usd))


if __name__ == "__main__":
    sys.exit(main())
