"""How many requests a worker computes together, and whether it should wait for more of them.

Each worker takes its share of all requests, so that the cores stay evenly busy. After a batch was answered,
its clients' next requests come within a moment: when fewer than a share wait, the worker waits as long as
one request saves by sharing a batch (measured when the worker started), and no longer than requests keep
coming.
"""

from math import ceil

# Enough for a core to work at its best; more only makes the first one wait for the last.
MAX_BATCH = 16
# How long the number of requests of a busy moment counts.
_MEMORY_S = 0.25
# A break in the arrivals of this share of the saving means that no more come.
_BREAK_SHARE = 0.25


class Batching:
    """Remembers how many requests there were lately; times are monotonic seconds."""

    def __init__(self) -> None:
        self._most = 0
        self._since = 0.0
        self._last_event = 0.0

    def note_arrival(self, load: int, now: float) -> None:
        """A request came; `load` requests wait or are computed now, with it."""
        self._last_event = now
        if load >= self._most or now - self._since > _MEMORY_S:
            self._most, self._since = load, now

    def note_free_worker(self, now: float) -> None:
        """A worker has nothing to do."""
        self._last_event = now

    @staticmethod
    def share(load: int, workers: int) -> int:
        """How many of `load` requests one of `workers` takes."""
        return max(1, min(MAX_BATCH, ceil(load / max(1, workers))))

    def wait_s(self, waiting: int, workers: int, saving_s: float, since: float, now: float) -> float:
        """How long it pays to wait for more than the `waiting` requests; 0: not at all.

        `since`: when the first of them could have been computed; `saving_s`: what a request costs less in a
        batch.
        """
        if waiting >= self.share(self._most, workers):
            return 0.0
        until = min(since + saving_s, max(since, self._last_event) + _BREAK_SHARE * saving_s)
        return max(0.0, until - now)
