"""The event of an execution that ended without success: the input that it had, and why it ended.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

import json
from collections.abc import Mapping
from typing import Any

from functions.common.errors import bounded_reason

EVENT = "Step Functions Execution Status Change"
_ENDINGS = {
    "ABORTED": "the execution was stopped",
    "TIMED_OUT": "the execution ran longer than the state machine allows",
    "FAILED": "the execution failed where no state could catch it",
}


def is_end_of_execution(given: Any) -> bool:
    return isinstance(given, Mapping) and given.get("detail-type") == EVENT


def read_ended_execution(event: Mapping[str, Any]) -> tuple[Any, dict[str, str]]:
    """The execution's own input (None where EventBridge did not carry it); its arn, name, error, reason."""
    detail = event["detail"]
    try:
        given = json.loads(detail.get("input") or "null")
    except (ValueError, RecursionError):
        given = None
    told = [detail[name] for name in ("error", "cause") if detail.get(name)]
    reason = ": ".join([_ENDINGS.get(detail["status"], f"the execution ended as {detail['status']}"), *told])
    return given, {
        "arn": detail["executionArn"],
        "name": detail["name"],
        "error": bounded_reason(str(detail.get("error") or "")),
        "reason": bounded_reason(reason),
    }
