"""Waiting for what happens at its own time."""

import time
from collections.abc import Callable
from typing import Any

_LONGEST_PAUSE_S = 0.5


def wait_until(condition: Callable[[], Any], *, timeout_s: float = 60, poll_s: float = 0.05) -> Any:
    """The first true value of the condition. Raises AssertionError after `timeout_s`.

    The longer it takes, the less often it is asked: a request to the cloud costs what it waits for its time.
    """
    began = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited_s = time.monotonic() - began
        assert waited_s < timeout_s, f"not true within {timeout_s} s"
        time.sleep(max(poll_s, min(waited_s / 10, _LONGEST_PAUSE_S)))
