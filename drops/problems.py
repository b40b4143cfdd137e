"""What can be wrong with a drop, as one sentence and the names that it is about; safe to show anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from contracts.limits import MAX_SENTENCE_CHARACTERS
from drops.text import printable

# How many names a problem carries at most; the count in the message is the true one.
MAX_NAMES = 20
MAX_NAME_CHARACTERS = 300
_QUOTED_CHARACTERS = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: an error refuses the drop, a warning only stands in the report."""

    code: str
    severity: Literal["error", "warning"]
    message: str
    names: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "names": list(self.names),
        }


class BadDropError(Exception):
    """The drop cannot be trained on; `problem` says why. Inspection and training each translate it once."""

    def __init__(self, code: str, message: str, names: Sequence[str] = ()) -> None:
        self.problem = error(code, message, names)
        super().__init__(self.problem.message)


def error(code: str, message: str, names: Sequence[str] = ()) -> Problem:
    return Problem(code, "error", printable(message, MAX_SENTENCE_CHARACTERS), _safe(names))


def warning(code: str, message: str, names: Sequence[str] = ()) -> Problem:
    return Problem(code, "warning", printable(message, MAX_SENTENCE_CHARACTERS), _safe(names))


def listed(names: Sequence[str], at_most: int = 3) -> str:
    """The first few names, quoted, for a sentence: `'a', 'b' and 4 more`."""
    shown = ", ".join(quoted(name) for name in names[:at_most])
    return f"{shown} and {len(names) - at_most:,} more" if len(names) > at_most else shown


def quoted(name: str) -> str:
    """A name in quotes, printable and cut to a length that a sentence can hold."""
    return f"'{printable(name, _QUOTED_CHARACTERS)}'"


def _safe(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(printable(name, MAX_NAME_CHARACTERS) for name in names[:MAX_NAMES])
