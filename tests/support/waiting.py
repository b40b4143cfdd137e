"""Waiting for what happens at its own time."""

import time
from collections.abc import Callable
from typing import Any


def wait_until(condition: Callable[[], Any], *, timeout_s: float = 60, poll_s: float = 0.05) -> Any:
    """The first true value of the condition. Raises AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not true within {timeout_s} s"
        time.sleep(poll_s)
