"""JSON from outside: whatever is wrong with it is a ValueError."""

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text; bytes may be UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises ValueError, for brackets that are nested too deeply to be read as well.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text))
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
