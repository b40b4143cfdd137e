"""Saves the state soon after it has changed, so that a sudden end loses a moment and never a half."""

import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from local_cloud.server import snapshot
from local_cloud.server.snapshot import Snapshot
from local_cloud.service import Service

logger = logging.getLogger(__name__)

# Changes come in bursts: one save takes them all.
SETTLE_S = 0.2
# Work that no request tells of (a job that ends, an endpoint that fails) is looked for so often.
LOOK_S = 5.0
# Saving takes at most this part of a processor's time, however much there is to save.
SHARE_OF_TIME = 0.1
# After so long a state of a busy moment is better than none.
LONGEST_WAIT_S = 5.0
# The same for an operation on a stack, which is better not seen half done.
LONGEST_OPERATION_S = 120.0
RETRY_S = 0.02
FAILED_PAUSE_S = 5.0

READ_METHODS = {"GET", "HEAD", "OPTIONS"}
READ_ACTIONS = ("Describe", "Get", "List", "BatchGet", "Query", "Scan", "Lookup", "Simulate", "Validate")

AsgiApp = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class EmulatorState(Protocol):
    """What the emulator gives to be saved."""

    def capture(self) -> dict[str, Any]: ...
    def is_at_rest(self) -> bool: ...
    def saved(self) -> None: ...


class StateSaver:
    """Watches the requests, and saves in a thread of its own."""

    def __init__(
        self,
        path: Path,
        emulator: EmulatorState,
        services: Sequence[Service],
        *,
        encode: Callable[[Any], Any],
        status: dict[str, Any],
    ) -> None:
        """`status` is kept up to date.

        `changes` counts the beginnings and the ends of what changes the state, `saved_changes` those that
        are on disk (-1 before the first save); `saved_at` is the moment that is on disk; `save_error` is
        there while saving fails, and says why.
        """
        self._path = path
        self._emulator = emulator
        self._services = services
        self._encode = encode
        self._status = status
        self._status.update(changes=0, saved_changes=-1)
        self._condition = threading.Condition()
        self._changes = 0
        self._in_flight = 0
        self._ended = False
        self._last_text = ""
        self._last_save_s = 0.0
        self._thread = threading.Thread(target=self._run, name="save-state", daemon=True)

    def start(self) -> None:
        """Saves from now on: what was saved before has been taken up."""
        self._thread.start()

    def close(self) -> None:
        """Saves a last time. Raises OSError when that fails."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        self._thread.join()
        as_of = time.time()
        self._write(self._capture(), as_of)

    def watching(self, app: AsgiApp) -> AsgiApp:
        """The application, with every request noted."""

        async def watched(scope: dict[str, Any], receive: Any, send: Any) -> None:
            changes = scope["type"] == "http" and _may_change(scope)
            if changes:
                self._count(1)
            try:
                await app(scope, receive, send)
            finally:
                if changes:
                    self._count(-1)

        return watched

    def note_change(self) -> None:
        """Something has changed that no request tells of."""
        self._count(0)

    def _count(self, in_flight: int) -> None:
        with self._condition:
            self._in_flight += in_flight
            self._changes += 1
            self._status["changes"] = self._changes
            self._condition.notify_all()

    def _run(self) -> None:
        # The first save tells at once whether there can be any.
        saved_changes = -1
        while self._wait_for_change(saved_changes):
            self._pause(max(SETTLE_S, self._last_save_s / SHARE_OF_TIME))
            try:
                saved_changes = self._save()
            except OSError as error:
                self._fail(f"{self._path}: {error.strerror or error}")
            except Exception:
                logger.exception("the state could not be saved")
                self._fail("an unexpected error: server.log says which")

    def _pause(self, seconds: float) -> None:
        """Sleeps, but not beyond the end of the server."""
        deadline = time.monotonic() + seconds
        with self._condition:
            while not self._ended and time.monotonic() < deadline:
                self._condition.wait(deadline - time.monotonic())

    def _wait_for_change(self, saved_changes: int) -> bool:
        """Returns at a change, or when it is time to look for one; False when the server ends."""
        with self._condition:
            if not self._ended and self._changes == saved_changes:
                self._condition.wait(LOOK_S)
            return not self._ended

    def _save(self) -> int:
        """Saves a moment at which nothing is half done; the number of changes that it holds."""
        asked = time.monotonic()
        while True:
            changes, at_rest = self._changes, self._emulator.is_at_rest()
            limit_s = LONGEST_WAIT_S if at_rest else LONGEST_OPERATION_S
            is_late = self._ended or time.monotonic() - asked > limit_s
            if is_late or (at_rest and self._in_flight == 0):
                # Processor time: on a busy machine a save takes longer and costs no more.
                began, as_of = time.thread_time(), time.time()
                text = self._capture()
                self._last_save_s = time.thread_time() - began
                if is_late or (changes == self._changes and self._in_flight == 0):
                    break
            time.sleep(RETRY_S)
        self._write(text, as_of)
        self._status["saved_changes"] = changes
        return changes

    def _capture(self) -> str:
        """The state as text. What changes under the hand is taken anew."""
        deadline = time.monotonic() + LONGEST_WAIT_S
        while True:
            try:
                services = {service.name: service.get_state() for service in self._services}
                return snapshot.to_text(Snapshot(self._emulator.capture(), services), self._encode)
            except RuntimeError:  # a dictionary changed size
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_S)

    def _write(self, text: str, as_of: float) -> None:
        if text != self._last_text:
            snapshot.write(self._path, text, as_of)
            self._last_text = text
            self._emulator.saved()
        else:
            snapshot.confirm(self._path, as_of)
        self._status["saved_at"] = datetime.fromtimestamp(as_of, UTC).isoformat()
        self._status.pop("save_error", None)

    def _fail(self, reason: str) -> None:
        if self._status.get("save_error") != reason:
            logger.error("the state could not be saved: %s", reason)
        self._status["save_error"] = reason
        self._pause(FAILED_PAUSE_S)


def _may_change(scope: dict[str, Any]) -> bool:
    """Whether a request may change the state by itself. A function's own calls are seen as they come."""
    if scope["method"] in READ_METHODS or scope["path"].endswith("/invocations"):
        return False
    for name, value in scope["headers"]:
        if name.lower() == b"x-amz-target":
            return not value.decode("latin-1").rpartition(".")[2].startswith(READ_ACTIONS)
    return True
