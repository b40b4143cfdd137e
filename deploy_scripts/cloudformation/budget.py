"""The budget is part of a deployment's template only where one is wanted.

CloudFormation knows no budgets in some regions, such as eu-central-2, and refuses a template that names a
type that it does not know, even under a condition that does not hold:
https://github.com/superwerker/superwerker/issues/451
https://github.com/awslabs/aws-service-catalog-factory/issues/274
"""

from collections.abc import Mapping
from typing import Any

from deploy_scripts.errors import CliError

PARAMETER = "MonthlyBudgetUsd"
RESOURCE_TYPE = "AWS::Budgets::Budget"
_CONDITION = "HasBudget"


def wanted_usd(parameters: Mapping[str, str]) -> float:
    """The budget of a month; 0 for none. Raises CliError for what is no number."""
    try:
        return float(parameters[PARAMETER])
    except ValueError as error:
        raise CliError(
            f"The parameter {PARAMETER} is {parameters[PARAMETER]!r}, and must be a number.",
            f"Write --parameter {PARAMETER}=100, or 0 for none.",
        ) from error


def leave_out_unwanted(template: dict[str, Any], parameters: Mapping[str, str]) -> None:
    """The template is changed in place."""
    if wanted_usd(parameters) == 0:
        kept = template["Resources"].items()
        template["Resources"] = {name: each for name, each in kept if each.get("Condition") != _CONDITION}
