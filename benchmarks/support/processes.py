"""A program run as a process of its own: what it took in time, processor time and memory."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

BENCHMARKS = Path(__file__).resolve().parents[1]
_QUIET_SHARE = 0.15
# What getrusage counts maxrss in: bytes on macOS, KiB elsewhere.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Usage:
    """From the start of a process to its end; peak memory is that of its largest process.

    `others_share`: of all cores' time meanwhile, the share that other programs took (0 on a quiet machine).
    """

    wall_s: float
    cpu_s: float
    peak_memory_bytes: int
    others_share: float


class ProgramError(Exception):
    """A program of the benchmark ended with an error; the message has the end of what it said."""


def run_program(
    arguments: Sequence[str | Path],
    log_file: Path,
    *,
    python: str | Path = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Usage:
    """Run Python (another than this one, if told) with these arguments, its output in `log_file`.

    Raises ProgramError.
    """
    with log_file.open("wb") as log:
        busy_before, started = _busy_s(), time.perf_counter()
        process = subprocess.Popen(
            [str(python), *map(str, arguments)],
            cwd=BENCHMARKS.parent,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        busy_s = _busy_s() - busy_before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = log_file.read_text("utf-8", "replace")[-2000:]
        raise ProgramError(f"{' '.join(map(str, arguments))} ended with {process.returncode}:\n{said}")
    cpu_s = used.ru_utime + used.ru_stime
    others_share = max(0.0, busy_s - cpu_s) / (wall_s * (psutil.cpu_count() or 1))
    return Usage(wall_s, cpu_s, used.ru_maxrss * _MAXRSS_UNIT, others_share)


def wait_until_quiet(limit_s: float) -> None:
    """Return when other programs leave the cores alone, or after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while psutil.cpu_percent(interval=0.7) > 100 * _QUIET_SHARE and time.monotonic() < deadline:
        pass


def _busy_s() -> float:
    """Seconds of all cores that were not idle, since the machine started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
