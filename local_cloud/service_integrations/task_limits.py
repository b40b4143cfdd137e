"""Waiting for a task's outcome within its limits."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local_cloud.service_integrations.errors import TaskError

POLL_S = 0.1


class ExecutionEndedError(Exception):
    """The execution was stopped or has timed out while the task ran."""


@dataclass
class Outcome:
    """How a task ended: set once, by the call itself, by a task token, or by a limit."""

    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    failure: TaskError | None = None
    heartbeat_at: float = field(default_factory=time.monotonic)
    """Monotonic seconds of the last sign of life."""
    ended_at: float | None = None
    """Monotonic seconds; None while it goes on."""

    def succeed(self, result: Any) -> None:
        if not self.done.is_set():
            self.result = result
            self._end()

    def fail(self, failure: TaskError) -> None:
        if not self.done.is_set():
            self.failure = failure
            self._end()

    def _end(self) -> None:
        self.ended_at = time.monotonic()
        self.done.set()


@dataclass(frozen=True)
class Limits:
    """TimeoutSeconds and HeartbeatSeconds of a task; None: no limit."""

    timeout_s: float | None = None
    heartbeat_s: float | None = None


def read_limits(state: Mapping[str, Any], resolve: Callable[[str], Any]) -> Limits:
    """The limits of a Task state; `resolve` looks up a JSONPath (TimeoutSecondsPath, HeartbeatSecondsPath).

    Raises TaskError `States.Runtime` when a limit is no positive number, or when the heartbeat is
    not shorter than the timeout.
    """
    timeout_s = _seconds(state, "TimeoutSeconds", resolve)
    heartbeat_s = _seconds(state, "HeartbeatSeconds", resolve)
    if timeout_s is not None and heartbeat_s is not None and heartbeat_s >= timeout_s:
        raise TaskError("States.Runtime", "HeartbeatSeconds must be smaller than TimeoutSeconds")
    return Limits(timeout_s, heartbeat_s)


def wait_for(
    outcome: Outcome,
    limits: Limits,
    execution_ended: threading.Event,
    has_begun: Callable[[], bool] = lambda: True,
) -> Any:
    """The task's result. The clock starts when `has_begun` (an activity's does when a worker takes it).

    What ended after its limit is too late, also where that is seen no earlier than the end.
    Raises TaskError, its own or `States.Timeout` or `States.HeartbeatTimeout`, and ExecutionEndedError.
    """
    begun_at = time.monotonic() if has_begun() else None
    while not outcome.done.wait(POLL_S):
        if execution_ended.is_set():
            raise ExecutionEndedError
        now = time.monotonic()
        if begun_at is None:
            if not has_begun():
                continue
            begun_at = now
            outcome.heartbeat_at = max(outcome.heartbeat_at, now - POLL_S)
        _check_timeout(limits, begun_at, now)
        if limits.heartbeat_s is not None and now - outcome.heartbeat_at >= limits.heartbeat_s:
            raise TaskError(
                "States.HeartbeatTimeout", f"the task sent no heartbeat for {limits.heartbeat_s:g} seconds"
            )
    if begun_at is not None and outcome.ended_at is not None:
        _check_timeout(limits, begun_at, outcome.ended_at)
    if outcome.failure:
        raise outcome.failure
    return outcome.result


def _check_timeout(limits: Limits, begun_at: float, now: float) -> None:
    if limits.timeout_s is not None and now - begun_at >= limits.timeout_s:
        raise TaskError("States.Timeout", f"the task ran longer than {limits.timeout_s:g} seconds")


def _seconds(state: Mapping[str, Any], name: str, resolve: Callable[[str], Any]) -> float | None:
    value = resolve(state[f"{name}Path"]) if f"{name}Path" in state else state.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise TaskError("States.Runtime", f"{name} must be a positive number, not {value!r}")
    return float(value)
