"""The cheapest capacity that keeps refusals and cold starts below their shares, within the limits."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from functions.capacity_review.forecast import Forecast, Model
from functions.capacity_review.instances import SAFETY_FACTORS, USUAL_SAFETY_FACTOR, counts_up_to
from functions.capacity_review.limits import Limits, within
from functions.capacity_review.queueing import servers_for
from functions.common.applied_capacity import Capacity

# One request in a thousand may be refused, one in a hundred may wait for an environment to start.
MOST_REFUSED = 0.001
MOST_COLD_STARTS = 0.01
# A reservation is free, so it is made for twice the busiest minute; but for no more than the instances can
# answer and a quarter of it, since what is let in beyond that is paid for while it waits.
RESERVE_FACTOR = 2.0
WAITING_FACTOR = 1.25


@dataclass(frozen=True)
class Recommendation:
    """`notes`: what limits held back, a sentence each."""

    capacity: Capacity
    forecast: Forecast
    notes: list[str]


def recommend(model: Model, deployed: Capacity, limits: Limits) -> Recommendation:
    """`deployed`: the deployment's own values.

    What is free is never taken below them: what is reserved, and how many instances there may be at most.
    """
    wanted, notes = _within_instances(model, deployed, limits)
    forecast = model.forecast(wanted)
    if limits.monthly_usd and forecast.monthly_usd > limits.monthly_usd:
        wanted, note = _under_the_ceiling(model, deployed, limits, wanted)
        notes, forecast = [*notes, note], model.forecast(wanted)
    lost = forecast.throttled + forecast.overload
    if lost > MOST_REFUSED:
        notes.append(f"{lost:.2%} of the requests would still be refused")
    return Recommendation(wanted, forecast, notes)


def _within_instances(model: Model, deployed: Capacity, limits: Limits) -> tuple[Capacity, list[str]]:
    load = model.busiest_load * RESERVE_FACTOR
    reserved = max(deployed.reserved_concurrency, servers_for(load, model.demand.peakedness, MOST_REFUSED))
    wanted, notes = within(replace(deployed, reserved_concurrency=reserved), limits)
    if model.instance_capacity is not None:
        wanted, held = within(_instances(model, wanted, limits), limits)
        notes += held
        # What the instances answer in a second, times how long a request is in service.
        a_second = wanted.max_instances * model.instance_capacity / 60
        useful = math.ceil(a_second * model.demand.service_s * WAITING_FACTOR)
        reserved = min(wanted.reserved_concurrency, max(deployed.reserved_concurrency, useful))
        wanted, _ = within(replace(wanted, reserved_concurrency=reserved), limits)
    return replace(wanted, provisioned_concurrency=_provisioned(model, wanted, limits)), notes


def _instances(model: Model, wanted: Capacity, limits: Limits) -> Capacity:
    """Target and fewest instances with the fewest instance hours that refuse few enough.

    Where nothing does, the target that refuses least: more instances all day, for a crowd that they could not
    answer either, would only cost.
    """
    tried = []
    for factor in sorted(SAFETY_FACTORS, key=lambda each: abs(each - USUAL_SAFETY_FACTOR)):
        target = max(1, math.floor((model.instance_capacity or 1.0) * factor))
        busiest = math.ceil(max(model.per_minute, default=0.0) / target)
        asked = replace(
            wanted,
            max_instances=max(wanted.max_instances, busiest),
            target_invocations_per_instance=target,
        )
        most = within(asked, limits)[0].max_instances
        for least in counts_up_to(most):
            setting = replace(asked, min_instances=least)
            following = model.follow(replace(setting, max_instances=most))
            tried.append((following, setting))
            if following.refused <= MOST_REFUSED:
                break
    fitting = [each for each in tried if each[0].refused <= MOST_REFUSED]
    if fitting:
        return min(fitting, key=lambda each: each[0].mean_instances)[1]
    smallest = [each for each in tried if each[1].min_instances == 1]
    return min(smallest, key=lambda each: (each[0].refused, each[0].mean_instances))[1]


def _provisioned(model: Model, wanted: Capacity, limits: Limits) -> int:
    """The cheapest number at which few enough requests meet a cold start; where none does, the most.

    Provisioned time is cheaper than on-demand time, so what is busy most of the time pays for itself.
    """
    most = min(limits.max_provisioned, wanted.reserved_concurrency)
    enough = [each for each in _some_up_to(most) if model.cold_starts(each) <= MOST_COLD_STARTS]
    return min(enough, key=lambda each: _function_usd(model, each, wanted), default=most)


def _function_usd(model: Model, provisioned: int, wanted: Capacity) -> float:
    """Of the environments and the time in them. Where a price is not known, fewer are cheaper."""
    standing = model.provisioned_usd(provisioned)
    working = model.function_usd(provisioned, wanted.reserved_concurrency)
    return float(provisioned) if standing is None or working is None else standing + working


def _some_up_to(most: int) -> Iterator[int]:
    yield 0
    if most > 0:
        yield from counts_up_to(most)


def _under_the_ceiling(
    model: Model, deployed: Capacity, limits: Limits, wanted: Capacity
) -> tuple[Capacity, str]:
    """Fewer instances, then no provisioned concurrency, until an expected month costs no more."""
    ceiling = f"a month of ${limits.monthly_usd:g} (CapacityMaxMonthlyUsd)"
    fewer = wanted
    for most_provisioned in (limits.max_provisioned, 0):
        for most in sorted(counts_up_to(wanted.max_instances), reverse=True):
            tighter = replace(limits, max_instances=most, max_provisioned=most_provisioned)
            fewer, _ = _within_instances(model, deployed, tighter)
            if model.forecast(fewer).monthly_usd <= limits.monthly_usd:
                return fewer, f"instances and provisioned concurrency are held to {ceiling}"
    return fewer, f"even the smallest capacity costs more than {ceiling}"
