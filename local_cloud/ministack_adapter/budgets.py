"""CloudFormation makes budgets, which ministack has only as a service; nothing is spent that would reach one.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-budgets-budget.html
"""

from typing import Any

from ministack.services import budgets
from ministack.services.cloudformation import provisioners

from local_cloud.ministack_adapter import patch_points

Properties = dict[str, Any]
BUDGET = "AWS::Budgets::Budget"


def install() -> None:
    """Adds the handlers of the type. Raises UnsupportedMinistackError where ministack has its own."""
    handlers = patch_points.take(provisioners, "_RESOURCE_HANDLERS")
    if BUDGET in handlers:
        raise patch_points.UnsupportedMinistackError(f"ministack makes {BUDGET} itself: remove this module")
    handlers[BUDGET] = {"create": _create, "update": _update, "delete": _delete}


def _create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, Any]]:
    budget = _budget(properties)
    request = {
        "Budget": budget,
        "NotificationsWithSubscribers": properties.get("NotificationsWithSubscribers"),
    }
    _ask("_create_budget", request)
    return budget["BudgetName"], {}


def _update(
    physical_id: str, old: Properties, new: Properties, stack_name: str
) -> tuple[str, dict[str, Any]]:
    """Name and notifications of a budget cannot be changed: it is replaced."""
    if _fixed(old) != _fixed(new):
        return _create(physical_id, new, stack_name)
    _ask("_update_budget", {"NewBudget": _budget(new)})
    return physical_id, {}


def _delete(physical_id: str, properties: Properties) -> None:
    _ask("_delete_budget", {"BudgetName": physical_id}, gone="NotFoundException")


def _fixed(properties: Properties) -> tuple[Any, Any]:
    return properties["Budget"].get("BudgetName"), properties.get("NotificationsWithSubscribers")


def _budget(properties: Properties) -> dict[str, Any]:
    """An amount is a number in a template, and a text in the service."""
    budget = dict(properties["Budget"])
    limit = budget.get("BudgetLimit")
    if limit:
        budget["BudgetLimit"] = {**limit, "Amount": str(limit["Amount"])}
    return budget


def _ask(call: str, request: dict[str, Any], gone: str = "") -> None:
    """Raises ValueError with what the service says, unless that is `gone`."""
    status, _headers, body = patch_points.take(budgets, call, "data")(request)
    if status >= 400 and not (gone and gone in body.decode()):
        raise ValueError(f"{BUDGET}: {body.decode()}")
