"""What the confirmations cost at most, by the prices that `dropserve cost` has."""

from collections.abc import Mapping
from dataclasses import replace

from deploy_scripts.costs.component import Prices, Section
from deploy_scripts.costs.month import build_cost, monthly_cost
from deploy_scripts.costs.run import run_cost
from deploy_scripts.costs.usage import Usage
from functions.common.prices import HOURS_A_MONTH

# What is not confirmed by then is not run.
LIMIT_H = 2.0
# An endpoint that is being made has an hour to settle before it can be deleted (stack_teardown.py).
REMOVAL_H = 1.0
# The drop's, and the one that is stopped.
_RUNS = 2


def estimate(parameters: Mapping[str, str], work: Usage, prices: Prices) -> list[Section]:
    """At most: everything stands from the first minute to the end of the time for all."""
    standing_h = LIMIT_H + REMOVAL_H
    share = standing_h / HOURS_A_MONTH
    return [
        Section("building both images", tuple(build_cost(parameters, prices))),
        Section(
            f"{_RUNS} runs of {work.photos} photos",
            tuple(
                replace(each, quantity=_RUNS * each.quantity) for each in run_cost(parameters, work, prices)
            ),
        ),
        Section(
            f"the deployment for {standing_h:g} hours",
            tuple(replace(each, quantity=share * each.quantity) for each in monthly_cost(parameters, prices)),
        ),
    ]
