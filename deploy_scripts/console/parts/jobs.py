"""Work that takes longer than a request: it goes on while pages come and go, and each can be looked at."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from deploy_scripts.console.context import Console
from deploy_scripts.errors import CliError, explain


@dataclass(frozen=True)
class Progress:
    """`step` says what is done now; `done` of `total` of it, where that is known. `lines` are to be read.

    `ended`: `error` says what went wrong, else `result` is the page that shows what came of it.
    """

    step: str
    done: int = 0
    total: int = 0
    lines: tuple[str, ...] = ()
    ended: bool = False
    error: CliError | None = None
    result: str = ""


@dataclass
class Job:
    """One piece of work in a thread of its own; it ends with the console."""

    work: Callable[[Job], str]
    _progress: Progress = Progress("Beginning")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def progress(self) -> Progress:
        with self._lock:
            return self._progress

    def step(self, step: str, total: int = 0) -> None:
        with self._lock:
            self._progress = replace(self._progress, step=step, done=0, total=total)

    def advance(self, count: int) -> None:
        with self._lock:
            self._progress = replace(self._progress, done=self._progress.done + count)

    def say(self, line: str) -> None:
        with self._lock:
            self._progress = replace(self._progress, lines=(*self._progress.lines, line))

    def _run(self) -> None:
        try:
            result, error = self.work(self), None
        except Exception as problem:  # noqa: BLE001 - a person gets a sentence, whatever it was
            result, error = "", explain(problem)
        with self._lock:
            self._progress = replace(self._progress, ended=True, error=error, result=result)


class Jobs:
    """By name, the last of each; may be asked from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def find(self, name: str) -> Job | None:
        with self._lock:
            return self._jobs.get(name)

    def start(self, name: str, work: Callable[[Job], str]) -> Job:
        """Raises CliError while the one before goes on."""
        with self._lock:
            before = self._jobs.get(name)
            if before and not before.progress.ended:
                raise CliError("It is under way already.", "Wait for its end.")
            job = self._jobs[name] = Job(work)
        job.start()
        return job


def jobs_of(console: Console) -> Jobs:
    return console.kept("jobs", Jobs)
