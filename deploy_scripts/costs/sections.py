"""What a deployment costs, by what it is paid for: building, a run, an idle month, predictions."""

from collections.abc import Mapping

from deploy_scripts.costs.component import Prices, Section
from deploy_scripts.costs.month import build_cost, monthly_cost
from deploy_scripts.costs.predictions import prediction_cost
from deploy_scripts.costs.run import run_cost
from deploy_scripts.costs.usage import Usage

MANY_PREDICTIONS = 1_000_000


def cost_sections(
    parameters: Mapping[str, str], work: Usage, prices: Prices, *, serves: bool = True
) -> list[Section]:
    """`parameters` as `dropserve deploy` takes them. Raises CliError for one that is wrong."""
    return [
        Section("once: building the images", tuple(build_cost(parameters, prices))),
        Section("one run", tuple(run_cost(parameters, work, prices))),
        Section("an idle month", tuple(monthly_cost(parameters, prices, serves=serves))),
        Section(
            "a million predictions in a month",
            tuple(prediction_cost(parameters, MANY_PREDICTIONS, work, prices)),
        ),
    ]
