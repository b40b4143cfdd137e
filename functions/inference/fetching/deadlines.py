"""A moment by which work must be done."""

import time
from typing import NamedTuple

from functions.inference.errors import OutOfTimeError


class Deadline(NamedTuple):
    """`ends_at` is a moment of time.monotonic(), in seconds."""

    ends_at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def within(self, seconds: float) -> "Deadline":
        """This deadline, or the one that many seconds from now if that is sooner."""
        return Deadline(min(self.ends_at, time.monotonic() + seconds))

    def left_s(self, doing: str) -> float:
        """The seconds left, above zero. Raises OutOfTimeError, which names what was being done."""
        left_s = self.ends_at - time.monotonic()
        if left_s <= 0:
            raise OutOfTimeError(f"the time for this request ran out while {doing}")
        return left_s
