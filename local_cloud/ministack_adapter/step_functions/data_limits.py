"""The quota for the data of a state: what is larger ends the execution, as on AWS.

It holds for a state's input when its Parameters are filled in, for a task's result, and for a state's
output: 256 KiB of UTF-8. States.ALL does not catch it.
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from typing import Any

from ministack.services import stepfunctions as sfn

from local_cloud import json_text
from local_cloud.ministack_adapter import patch_points

MAX_DATA_BYTES = 256 * 1024


def install() -> None:
    """Bounds the states that no runner of this adapter runs; the runner bounds the others by itself."""
    for name in ("_execute_pass", "_execute_choice", "_execute_wait"):
        _bound(name)


def check_size(value: Any, name: str) -> None:
    """Raises ministack's execution error `States.DataLimitExceeded` when a value is too large."""
    if json_text.size_bytes(value) > MAX_DATA_BYTES:
        raise sfn._ExecutionError(
            "States.DataLimitExceeded",
            f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes "
            "service limit.",
        )


def _bound(name: str) -> None:
    original = patch_points.take(sfn, name, "state_def", "raw_input", "ctx")

    def execute(state_def: dict[str, Any], raw_input: Any, ctx: dict[str, Any] | None = None) -> Any:
        output, following = original(state_def, raw_input, ctx)
        check_size(output, (ctx or {}).get("State", {}).get("Name", state_def["Type"]))
        return output, following

    patch_points.replace(sfn, name, execute, "state_def", "raw_input", "ctx")
