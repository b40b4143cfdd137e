"""What every page of a console works on: the deployment, and what was read of it a moment ago."""

from __future__ import annotations

import shlex
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from deploy_scripts.aws import Target
from deploy_scripts.operations.deployment import Deployment, open_deployment

T = TypeVar("T")

# A stack's outputs change with a deployment only, which may come while the console is open.
_REOPENED_AFTER_S = 60.0
_MOST_REMEMBERED = 500
# Names of what follows something in the cloud, and how many of these are kept.
_FOLLOWED = "run "
_MOST_FOLLOWED = 100


class Console:
    """The pages' way to a deployment. Its methods may be called from any thread."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._lock = threading.RLock()
        self._deployment: Deployment | None = None
        self._opened_at = 0.0
        self._memory = Memory()
        self._kept: dict[str, Any] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def deployment(self) -> Deployment:
        """Raises CliError when the cloud is not running or nothing is deployed."""
        with self._lock:
            if self._deployment is None or time.monotonic() - self._opened_at > _REOPENED_AFTER_S:
                self._deployment = open_deployment(self.target)
                self._opened_at = time.monotonic()
            return self._deployment

    @property
    def folder(self) -> Path:
        """An own folder for what browsers send; it goes with the console."""
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(
                    prefix="dropserve-console-", ignore_cleanup_errors=True
                )
            return Path(self._folder.name)

    def close(self) -> None:
        """Remove what browsers sent."""
        with self._lock:
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None

    @property
    def slow_s(self) -> float:
        """How old what costs on AWS may be that changes seldom."""
        return 1.0 if self.target.name == "local" else 10.0

    def reopen(self) -> None:
        """After a failed call: the local cloud may have come back at another port, with other keys."""
        with self._lock:
            self._deployment = None
            # What was sent to the console stays; what follows a cloud follows another one now.
            self._kept = {what: kept for what, kept in self._kept.items() if not what.startswith(_FOLLOWED)}
        self._memory.forget()

    def recent(self, what: str, read: Callable[[], T], max_age_s: float = 1.0) -> T:
        """What `read` gives, or gave in the last `max_age_s`: several pages cost one call of AWS.

        `what` names it, arguments included. Raises what `read` raises; that is not kept.
        """
        return self._memory.recent(what, read, max_age_s)

    def kept(self, what: str, make: Callable[[], T]) -> T:
        """The object of that name, made when it is first asked for: what remembers more than a moment.

        One whose name begins with `run ` follows the cloud, and is made anew after `reopen`.
        """
        with self._lock:
            if what not in self._kept:
                followed = [each for each in self._kept if each.startswith(_FOLLOWED)]
                if len(followed) >= _MOST_FOLLOWED:
                    del self._kept[followed[0]]
                self._kept[what] = make()
            value: T = self._kept[what]
            return value

    def forget(self) -> None:
        """After an action: the next page shows what it did."""
        self._memory.forget()

    def command(self, *arguments: object) -> str:
        """The command line that does the same: `dropserve`, these arguments, and the target's options."""
        target, usual = self.target, Target()
        options: list[str] = []
        for name in ("profile", "region", "stack"):
            value = getattr(target, name)
            if value != getattr(usual, name):
                options += [f"--{name}", value]
        if target.name != usual.name:
            options = ["--target", target.name, *options]
        return shlex.join(["dropserve", *map(str, arguments), *options])


@dataclass
class _Remembered:
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: Any = None
    read_at: float | None = None


class Memory:
    """Values by name, each with the time of its reading; two that ask at once wait for one reading."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Remembered] = {}

    def recent(self, what: str, read: Callable[[], T], max_age_s: float) -> T:
        with self._lock:
            while len(self._entries) >= _MOST_REMEMBERED and what not in self._entries:
                del self._entries[next(iter(self._entries))]
            entry = self._entries.setdefault(what, _Remembered())
        with entry.lock:
            if entry.read_at is None or time.monotonic() - entry.read_at > max_age_s:
                entry.value = read()
                entry.read_at = time.monotonic()
            value: T = entry.value
            return value

    def forget(self) -> None:
        with self._lock:
            self._entries.clear()
