"""How long each phase of a run took, and how much memory the process had taken by its end."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MIB = 1 << 20
_STATUS = Path("/proc/self/status")


class Clock:
    """Seconds by phase, on a clock that never goes back; the total runs from its making."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._seconds: dict[str, float] = {}
        self._peak_memory_mib: dict[str, float] = {}

    @contextmanager
    def measure(self, phase: str) -> Iterator[None]:
        """Count the time of the `with` block as `phase`."""
        started = time.perf_counter()
        yield
        self._seconds[phase] = time.perf_counter() - started
        self._peak_memory_mib[phase] = round(peak_memory_bytes() / _MIB, 1)

    def seconds(self) -> dict[str, float]:
        """The finished phases and `total`, to the millisecond."""
        phases = {**self._seconds, "total": time.perf_counter() - self._started}
        return {phase: round(seconds, 3) for phase, seconds in phases.items()}

    def peak_memory_mib(self) -> dict[str, float]:
        """The most memory that the process ever had, at the end of each finished phase."""
        return dict(self._peak_memory_mib)


def peak_memory_bytes() -> int:
    """The most resident memory that this process ever had.

    Linux lets getrusage count what the process was before it became this program, so /proc is asked there.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
