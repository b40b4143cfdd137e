"""The release that serves now, as its SSM parameter has it."""

import json
from typing import Any

from functions.common.errors import DropserveError

FIELDS: dict[str, type | tuple[type, ...]] = {
    "release": str,
    "endpoint_name": str,
    "run_id": str,
    "model_data_uri": str,
    "accuracy": (int, float),
}


class PointerError(DropserveError):
    """The live pointer is missing or malformed."""


def read_live_pointer(parameter: str, *, ssm: Any) -> dict[str, Any] | None:
    """The live pointer; None before the first release. Raises PointerError when it cannot be understood."""
    try:
        text = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound as error:
        raise PointerError(f"the SSM parameter {parameter!r} is missing; deploy the stack again") from error
    try:
        pointer = json.loads(text)
    # RecursionError: brackets thousands deep.
    except (ValueError, RecursionError) as error:
        raise PointerError(
            f"the SSM parameter {parameter!r} is not JSON; set it to {{}} or a release"
        ) from error
    if not isinstance(pointer, dict):
        raise PointerError(f"the SSM parameter {parameter!r} names no release; set it to {{}} or a release")
    wrong = [name for name, kind in FIELDS.items() if not isinstance(pointer.get(name), kind)]
    if pointer and wrong:
        raise PointerError(
            f"the SSM parameter {parameter!r} names no release: it lacks a sound {', '.join(wrong)}; "
            "set it to {} or a release"
        )
    return pointer or None
