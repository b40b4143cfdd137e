"""On which cores the endpoint's processes run, where the system lets a program choose (Linux).

The server has no core of its own. When a worker is done, the system would wake the server where it ran last,
on the core of another worker, which waits while the free core lies idle. So once all workers are busy, each
keeps to cores of its own, and takes the server there before it answers. With fewer busy ones, all run
anywhere.
"""

import contextlib
import os
from dataclasses import dataclass

from cores import usable_cores


@dataclass(frozen=True)
class Cores:
    """The cores of one worker: the number of all, their names, and those that are its own."""

    count: int
    everywhere: list[int]
    own: list[int]


def share_out(workers: int, count: int) -> list[Cores]:
    """The cores of each worker; they stay anywhere when the cores are not enough to be shared out evenly."""
    everywhere = usable_cores()
    share, left = divmod(len(everywhere), workers)
    return [
        Cores(count, everywhere, everywhere if left else everywhere[place * share : (place + 1) * share])
        for place in range(workers)
    ]


class ServerPlace:
    """Where the server is: anywhere, until a worker takes it to its cores."""

    def __init__(self) -> None:
        self._everywhere = usable_cores()
        self._taken = False

    def note_taken(self) -> None:
        """A worker that keeps to its own cores has answered."""
        self._taken = True

    def leave(self) -> None:
        """Run anywhere again."""
        if self._taken:
            self._taken = False
            _stay_on(0, self._everywhere)


class WorkerPlace:
    """Where a worker is; it begins where its server happens to be."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._server_id = os.getppid()
        self._at_home = False
        _stay_on(0, cores.everywhere)

    def settle(self, *, all_busy: bool) -> None:
        """Keep to the worker's own cores when all workers are busy."""
        if all_busy != self._at_home:
            self._at_home = all_busy
            _stay_on(0, self._cores.own if all_busy else self._cores.everywhere)

    def fetch_server(self) -> None:
        """Take the server to this worker's own cores, which are about to be free."""
        if self._at_home and os.getppid() == self._server_id:
            _stay_on(self._server_id, self._cores.own)


def _stay_on(process_id: int, cores: list[int]) -> None:
    # The server may have ended, and a container's cores can be changed: the worker goes on where it is.
    with contextlib.suppress(OSError):
        if cores and usable_cores(process_id) != cores:
            os.sched_setaffinity(process_id, cores)
