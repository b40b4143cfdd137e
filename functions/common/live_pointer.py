"""The release that serves now, as its SSM parameter has it."""

from typing import Any

from functions.common.errors import DropserveError
from functions.common.json_text import parse_json

FIELDS = {"release", "run_id", "model_data_uri", "accuracy"}


class PointerError(DropserveError):
    """The live pointer is missing or malformed."""


def read_live_pointer(parameter: str, *, ssm: Any) -> dict[str, Any] | None:
    """The live pointer; None before the first release. Raises PointerError when it cannot be understood."""
    try:
        text = ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound as error:
        raise PointerError(f"the SSM parameter {parameter!r} is missing; deploy the stack again") from error
    try:
        pointer = parse_json(text)
    except ValueError as error:
        raise PointerError(
            f"the SSM parameter {parameter!r} is not JSON; set it to {{}} or a release"
        ) from error
    if not isinstance(pointer, dict) or (pointer and not pointer.keys() >= FIELDS):
        raise PointerError(f"the SSM parameter {parameter!r} names no release; set it to {{}} or a release")
    return pointer or None
