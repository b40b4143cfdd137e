"""What Step Functions says about a failure, as a sentence."""

import json
from typing import Any

_LONGEST = 300


def readable_failure(error: str, cause: str) -> str:
    """`KeyError: 'url'` from a function's JSON cause; else the error and the first line of its cause."""
    details = _parse_object(cause)
    message = details.get("errorMessage") if details else cause
    name = details.get("errorType", error) if details else error
    first_line = str(message or "").strip().partition("\n")[0]
    text = f"{name}: {first_line}" if first_line else name
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def readable_reason(reason: str) -> str:
    """A ledger's reason; one that is the JSON of an error is made readable, any other is left as it is."""
    details = _parse_object(reason)
    if details and "Error" in details:
        return readable_failure(str(details["Error"]), str(details.get("Cause", "")))
    return reason


def _parse_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
