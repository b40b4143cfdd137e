"""What can be wrong with a drop, and the limits that decide it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from functions.common.errors import DropserveError

# Each class is split into train, valid and test; with fewer, one of the three gets none.
MIN_IMAGES_PER_CLASS = 5
# In a drop that comes with its own split, what has to be in train/ for the class to be learned at all.
MIN_TRAIN_IMAGES_PER_CLASS = 3
# Below this a class is learned badly: a warning, not a refusal.
TINY_CLASS_IMAGES = 20
# The largest class over the smallest, from which the drop is called skewed.
SKEW_RATIO = 10

MAX_IMAGES = 300_000
# Training decodes a photo in memory and leaves larger files out.
MAX_IMAGE_BYTES = 64 * 1024**2
MAX_TOTAL_BYTES = 100 * 1024**3
# Photos hardly compress; DEFLATE reaches 1032:1 at most, on zeros.
MAX_COMPRESSION_RATIO = 100
# A ratio means nothing for a small file: a one-colour icon is no bomb.
RATIO_APPLIES_FROM_BYTES = 10 * 1024**2

# How many names a problem carries at most; the count in the message is the true one.
MAX_NAMES = 20


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


def error(code: str, message: str, names: Sequence[str] = ()) -> Problem:
    return Problem(code, "error", message, tuple(names[:MAX_NAMES]))


def warning(code: str, message: str, names: Sequence[str] = ()) -> Problem:
    return Problem(code, "warning", message, tuple(names[:MAX_NAMES]))


def listed(names: Sequence[str], at_most: int = 3) -> str:
    """The first few names, quoted, for a sentence: `'a', 'b' and 4 more`."""
    shown = ", ".join(repr(name) for name in names[:at_most])
    return f"{shown} and {len(names) - at_most} more" if len(names) > at_most else shown


class BadDropError(DropserveError):
    """The drop cannot be looked at any further; `problem` says why."""

    def __init__(self, code: str, message: str, names: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problem = error(code, message, names)
