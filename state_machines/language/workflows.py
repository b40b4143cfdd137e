"""The workflows of a definition: its own, and those that its distributed Maps run for each batch."""

from collections.abc import Iterator
from typing import Any


def workflows_of(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The definition itself, then what each Map runs, which sees no variable of the definition's."""
    yield definition
    for state in definition["States"].values():
        if state["Type"] == "Map":
            yield from workflows_of(state["ItemProcessor"])
