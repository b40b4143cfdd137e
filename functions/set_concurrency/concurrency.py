"""Reserved and provisioned concurrency of the inference function; nothing else changes them.

The template does not: provisioned concurrency would be paid for before there is a model.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from dataclasses import dataclass
from typing import Any

from functions.common.applied_capacity import ALIAS, reservable_of
from functions.common.errors import DropserveError


class ConcurrencyError(DropserveError):
    """Lambda could not provide the concurrency."""


@dataclass(frozen=True)
class Concurrency:
    """What is wanted: executions that no other function takes, and those of them that are kept started.

    What is reserved is free, what is provisioned is paid by the hour.
    """

    reserved: int
    provisioned: int


def set_concurrency(function: str, wanted: Concurrency, *, functions: Any) -> dict[str, Any]:
    """Take one step towards what is wanted: `ready`, and a `note` that tells why nothing is reserved.

    Ask again until it is ready. Where the account has no room, it is ready as it is. Raises ConcurrencyError.
    """
    status = _provisioned(function, functions)
    if status and not wanted.provisioned:
        functions.delete_provisioned_concurrency_config(FunctionName=function, Qualifier=ALIAS)
        status = {}
    settings = functions.get_account_settings()["AccountLimit"]
    reserved = functions.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
    room = reservable_of(settings, reserved)
    if room < wanted.reserved:
        return {
            "ready": True,
            "note": f"no concurrency is reserved: of the account's {settings['ConcurrentExecutions']} "
            f"executions {room} may be reserved, and ReservedConcurrency is {wanted.reserved}",
        }
    provisioned = status.get("RequestedProvisionedConcurrentExecutions", 0)
    # Never below what is provisioned, on the way up and on the way down.
    if reserved is None or reserved < max(wanted.reserved, provisioned):
        _reserve(function, max(wanted.reserved, provisioned), functions)
    if provisioned != wanted.provisioned:
        functions.put_provisioned_concurrency_config(
            FunctionName=function, Qualifier=ALIAS, ProvisionedConcurrentExecutions=wanted.provisioned
        )
        return {"ready": False, "note": ""}
    if status.get("Status") == "FAILED":
        raise ConcurrencyError(
            f"no concurrency could be provisioned: {status.get('StatusReason', 'no reason given')}"
        )
    if status and status["Status"] != "READY":
        return {"ready": False, "note": ""}
    if reserved is not None and reserved > wanted.reserved:
        _reserve(function, wanted.reserved, functions)
    return {"ready": True, "note": ""}


def _reserve(function: str, count: int, functions: Any) -> None:
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=count)


def _provisioned(function: str, functions: Any) -> dict[str, Any]:
    """Empty where nothing is provisioned."""
    try:
        status: dict[str, Any] = functions.get_provisioned_concurrency_config(
            FunctionName=function, Qualifier=ALIAS
        )
    except functions.exceptions.ProvisionedConcurrencyConfigNotFoundException:
        return {}
    return status
