"""The executions that run now, and how they are told to end."""

import threading
from contextvars import ContextVar


class RunningExecutions:
    """One event an execution: set when it was stopped or has timed out.

    The current execution is a context variable, which the threads of branches inherit.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: dict[str, threading.Event] = {}
        self._current: ContextVar[threading.Event | None] = ContextVar("execution", default=None)

    def begin(self, execution_arn: str) -> None:
        """Makes the execution the current one of this thread."""
        event = threading.Event()
        with self._lock:
            self._ended[execution_arn] = event
        self._current.set(event)

    def forget(self, execution_arn: str) -> None:
        """The execution has come to its end by itself."""
        with self._lock:
            self._ended.pop(execution_arn, None)

    def end(self, execution_arn: str) -> None:
        """Tells the tasks and waits of an execution to end now."""
        with self._lock:
            event = self._ended.get(execution_arn)
        if event:
            event.set()

    def current(self) -> threading.Event:
        """The event of the execution that this thread works for; a fresh one when there is none."""
        return self._current.get() or threading.Event()
