"""A request as it arrived, in the parts that signatures cover."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class SignedRequest:
    """`raw_path` is the path as it was sent, still percent-encoded; header names are in lower case."""

    method: str
    path: str
    raw_path: str
    raw_query: str
    header_values: Mapping[str, list[str]]

    @classmethod
    def from_scope(cls, scope: Mapping[str, Any]) -> "SignedRequest":
        """The parts of an ASGI scope."""
        values: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            values.setdefault(name.decode("latin-1").lower(), []).append(_text(value))
        return cls(
            scope["method"],
            scope["path"],
            scope["raw_path"].decode("latin-1"),
            scope.get("query_string", b"").decode("latin-1"),
            values,
        )

    @cached_property
    def headers(self) -> dict[str, str]:
        """Repeated headers as one, their values with commas between."""
        return {name: ",".join(values) for name, values in self.header_values.items()}

    @cached_property
    def query_pairs(self) -> list[tuple[str, str]]:
        """Decoded names and values, in the order of the URL."""
        return parse_qsl(self.raw_query, keep_blank_values=True)

    @cached_property
    def query(self) -> dict[str, str]:
        """The first value of each name."""
        return dict(reversed(self.query_pairs))


def _text(value: bytes) -> str:
    """Clients sign header values as UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
