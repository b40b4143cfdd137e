"""What a capacity review has applied: an SSM parameter that stands over the deployment's own values.

Each value is kept with the deployment's value that it took the place of, and holds as long as the deployment
still says that. Whoever deploys another value has spoken later, and is followed. The workflow reads the same
parameter by the same rule: state_machines/common/applied_capacity.py.
"""

from dataclasses import dataclass
from typing import Any

from contracts.limits import UNRESERVED_MINIMUM
from functions.common.documents import parse_document

RECORD = "applied_capacity"
# The alias that callers name, which alone has provisioned concurrency.
ALIAS = "live"


@dataclass(frozen=True)
class Capacity:
    """The five values that decide how much traffic is answered at once; the names are those of the record.

    `target_invocations_per_instance` is a minute's, of target tracking.
    """

    reserved_concurrency: int
    provisioned_concurrency: int
    min_instances: int
    max_instances: int
    target_invocations_per_instance: int


def reservable_of(account_limit: dict[str, int], reserved: int | None) -> int:
    """Of GetAccountSettings' AccountLimit: what a function may reserve that has reserved so much already."""
    room = account_limit["UnreservedConcurrentExecutions"] + (reserved or 0) - UNRESERVED_MINIMUM
    return max(0, room)


def read_applied(parameter: str, *, ssm: Any) -> dict[str, Any] | None:
    """The record; None where no review has applied anything. Raises DocumentError for a malformed one."""
    try:
        text = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        return None
    return parse_document(RECORD, text, where=f"the SSM parameter {parameter!r}")


def in_force(deployed: dict[str, int], record: dict[str, Any] | None) -> dict[str, int]:
    """The values that hold: those of the record, but where the deployment has changed since."""
    if record is None:
        return deployed
    instead_of = record["instead_of"]
    return {
        name: record["values"].get(name, value) if instead_of.get(name) == value else value
        for name, value in deployed.items()
    }
