"""What a call is answered besides a value."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """A call that fails, under the name that Retry and Catch know."""

    error: str
    cause: str = "refused by the scenario"


@dataclass(frozen=True)
class InTurn:
    """The answers of one call after the other; the last one is repeated."""

    answers: tuple[Any, ...]
