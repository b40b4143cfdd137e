"""The Retry field of a state: whether to try again, and after how long."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

# States.ALL leaves these alone: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
TERMINAL_ERRORS = frozenset({"States.Runtime", "States.DataLimitExceeded"})
TIMEOUTS = frozenset({"States.Timeout", "States.HeartbeatTimeout"})


def error_matches(error_equals: Sequence[str], error: str) -> bool:
    """Whether an ErrorEquals list holds `error`, by its name or by a reserved name that covers it."""
    if error in error_equals:
        return True
    if error in TERMINAL_ERRORS:
        return False
    if "States.ALL" in error_equals:
        return True
    if error in TIMEOUTS:
        return "States.Timeout" in error_equals
    return "States.TaskFailed" in error_equals


class Retries:
    """Counts the attempts of one state as it runs.

    Defaults are the specification's: IntervalSeconds 1, MaxAttempts 3, BackoffRate 2.0, no
    MaxDelaySeconds, JitterStrategy NONE. https://states-language.net/#errors
    """

    def __init__(self, retriers: Sequence[Mapping[str, Any]]) -> None:
        self._retriers = retriers
        self._used = [0] * len(retriers)

    @property
    def count(self) -> int:
        """How often the state has been retried: `$$.State.RetryCount`."""
        return sum(self._used)

    def next_delay_s(self, error: str) -> float | None:
        """Seconds to wait before the next attempt; None: give up. The first match decides."""
        for number, retrier in enumerate(self._retriers):
            if error_matches(retrier.get("ErrorEquals", ()), error):
                return self._delay_s(number, retrier)
        return None

    def _delay_s(self, number: int, retrier: Mapping[str, Any]) -> float | None:
        used = self._used[number]
        if used >= retrier.get("MaxAttempts", 3):
            return None
        self._used[number] += 1
        delay_s = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** used
        delay_s = min(delay_s, float(retrier.get("MaxDelaySeconds", delay_s)))
        if retrier.get("JitterStrategy", "NONE") == "FULL":
            return random.uniform(0, delay_s)  # noqa: S311 - spreads load, guards nothing
        return delay_s
