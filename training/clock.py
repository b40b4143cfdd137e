"""How long each phase of a run took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds by phase, on a clock that never goes back; the total runs from its making."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._phases: dict[str, float] = {}

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Count the time of the `with` block as `phase`."""
        started = time.perf_counter()
        yield
        self._phases[phase] = time.perf_counter() - started

    def seconds(self) -> dict[str, float]:
        """The finished phases and `total`, to the millisecond."""
        phases = {**self._phases, "total": time.perf_counter() - self._started}
        return {phase: round(seconds, 3) for phase, seconds in phases.items()}
