"""JSON as AWS takes it: no more than RFC 8259 allows, and measured in bytes of UTF-8."""

import json
from typing import Any


def parse(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError for anything else, NaN and Infinity among it."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def size_bytes(value: Any) -> int:
    """The size of a value's shortest JSON text in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return utf8_bytes(text)


def utf8_bytes(text: str) -> int:
    """The size of a text in UTF-8; half of a surrogate pair, which JSON can escape, counts as three bytes."""
    return len(text.encode("utf-8", errors="surrogatepass"))


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON value")
