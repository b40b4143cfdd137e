"""How many threads compute a lone request: a worker's share of the cores, or all of them.

Which is faster is a matter of the machine and of the moment: all cores take 0.75 of one core's time when they
lie near each other, and may take more than that of one when a virtual machine's cores were moved apart or
other programs run. So both are tried again and again, side by side: the whole machine's speed changes too.
"""

from collections import deque
from statistics import median

# Of so many lone requests, the first few are computed in the way that was not the faster one.
_PERIOD, _TRIALS = 256, 7
# All cores have to be clearly faster: they wait for each other on a busy machine.
_MIN_GAIN = 1.1


class LoneThreads:
    """Chooses between `few` and `all_cores` threads, by how long lone requests took."""

    def __init__(self, few: int, all_cores: int) -> None:
        self._few = few
        self._all_cores = all_cores
        self._lately_s: dict[int, deque[float]] = {
            threads: deque(maxlen=_TRIALS) for threads in (few, all_cores)
        }
        self._faster = all_cores
        self._chosen = 0

    def choose(self) -> int:
        """The threads of the next lone request."""
        place = self._chosen % _PERIOD
        self._chosen += 1
        if place >= _TRIALS:
            return self._faster
        return self._few if self._faster == self._all_cores else self._all_cores

    def note(self, threads: int, seconds: float) -> None:
        """A lone request was computed."""
        self._lately_s[threads].append(seconds)
        few_s, all_cores_s = self._lately_s[self._few], self._lately_s[self._all_cores]
        # The trials, and as many requests after them.
        if self._chosen % _PERIOD == 2 * _TRIALS and few_s and all_cores_s:
            gain = median(few_s) / median(all_cores_s)
            self._faster = self._all_cores if gain > _MIN_GAIN else self._few
