"""The endpoint's worker processes: started, watched, and replaced when they end."""

import asyncio
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from serving_answer import Answer
from serving_cores import ServerPlace, share_out
from serving_metrics import Metrics
from serving_settings import ServeSettings
from serving_wire import Frame, Link

# Loading and warming a large network on a small machine.
_START_LIMIT_S = 300.0
# A worker that cannot start any more is tried again ever more rarely.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
# The answer of the whole endpoint must not depend on which worker computes it.
_PRECISION_VARIABLE = "SERVE_PRECISION"
_SCRIPT = Path(__file__).with_name("serving_worker.py")

logger = logging.getLogger("serve")


@dataclass(frozen=True)
class Traits:
    """What the first worker measured when it started; see `measure` in serving_worker.py."""

    precision: str
    batch_saving_s: float


Computed = tuple[list[Answer], float]
"""An answer to each request, and the seconds that they took."""


class Worker:
    """One process and the socket to it; it computes one batch at a time."""

    def __init__(
        self, process: asyncio.subprocess.Process, link: Link, traits: Traits, server: ServerPlace
    ) -> None:
        self._process = process
        self._link = link
        self._server = server
        self.traits = traits

    def compute(
        self,
        requests: Sequence[tuple[bytes, bytes, bytes]],
        threads: int,
        done: Callable[[Computed | None], None],
        *,
        all_busy: bool,
    ) -> None:
        """Hand over requests (content type, accept, body) at once; `done` is called with what came of them.

        That is None when the worker ended before it answered. They are computed with so many threads. Once
        all workers are busy, each keeps to cores of its own.
        """

        def take(frame: Frame | None) -> None:
            if all_busy:
                self._server.note_taken()
            done(None if frame is None else _read(frame))

        if not all_busy:
            self._server.leave()
        self._link.send((threads, all_busy), [blob for request in requests for blob in request])
        self._link.receive(take)

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        _kill(self._process)

    async def ended(self) -> int:
        """Wait for the end of the process; its exit status."""
        status = await self._process.wait()
        self._link.close()
        return status


def _read(frame: Frame) -> Computed:
    (seconds, *statuses), blobs = frame
    parts = zip(statuses, blobs[::2], blobs[1::2], strict=True)
    return [Answer(int(status), content_type, body) for status, content_type, body in parts], seconds


class WorkTaker(Protocol):
    """Who has work for the workers."""

    def add_worker(self, worker: Worker) -> None:
        """A worker can take work."""

    def remove_worker(self, worker: Worker) -> None:
        """A worker has ended."""


class Pool:
    """Keeps as many workers alive as the settings say, and tells `taker` of each."""

    def __init__(self, settings: ServeSettings, metrics: Metrics, taker: WorkTaker) -> None:
        self._settings = settings
        self._metrics = metrics
        self._taker = taker
        self._ready: set[Worker] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._cores = share_out(settings.workers, settings.cores)
        self._server = ServerPlace()
        self._traits: Traits | None = None

    @property
    def ready(self) -> bool:
        """Whether at least one worker can answer."""
        return bool(self._ready)

    @property
    def loaded(self) -> bool:
        """Whether a worker was ready once: should all be lost, others are on their way."""
        return bool(self._keepers)

    async def start(self) -> bool:
        """Start the workers; True once the first one answers, False when it could not load the model.

        The others start after it: they use what it measured, and do not slow it down.
        """
        first = await self._start_worker(0)
        if first is None:
            return False
        self._traits = first.traits
        self._keepers = [asyncio.create_task(self._keep(0, first))]
        others = range(1, self._settings.workers)
        self._keepers += [asyncio.create_task(self._keep(place, None)) for place in others]
        return True

    async def stop(self) -> None:
        """End all workers; what they compute is lost."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    async def _keep(self, place: int, worker: Worker | None) -> None:
        """One worker after another in the same place, until cancelled."""
        pause_s = _FIRST_PAUSE_S
        while True:
            if worker is None:
                worker = await self._start_worker(place)
            if worker is None:
                logger.error("a worker did not start; the next try is in %g s", pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            pause_s = _FIRST_PAUSE_S
            await self._watch(worker)
            worker = None

    async def _watch(self, worker: Worker) -> None:
        self._ready.add(worker)
        self._metrics.workers.set(len(self._ready))
        self._taker.add_worker(worker)
        try:
            status = await worker.ended()
        finally:
            self._ready.discard(worker)
            self._metrics.workers.set(len(self._ready))
            self._taker.remove_worker(worker)
            worker.kill()
            await worker.ended()
        logger.warning("a worker ended with status %d; another takes its place", status)
        self._metrics.replaced.inc()

    async def _start_worker(self, place: int) -> Worker | None:
        """A worker that answers, or None; its own log says why."""
        started = time.monotonic()
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(_SCRIPT),
                str(self._settings.model_dir),
                str(theirs.fileno()),
                json.dumps(asdict(self._cores[place])),
                json.dumps(asdict(self._traits) if self._traits else None),
                pass_fds=[theirs.fileno()],
                env=self._worker_environment(),
            )
        _, link = await asyncio.get_running_loop().create_connection(Link, sock=ours)
        try:
            report = await _first_frame(link)
        except asyncio.CancelledError:
            _kill(process)
            await process.wait()
            raise
        if report is None:
            _kill(process)
            await process.wait()
            link.close()
            return None
        (batch_saving_s,), (precision,) = report
        traits = Traits(precision.decode(), batch_saving_s)
        logger.info("a worker is ready after %.1f s: %s", time.monotonic() - started, traits)
        return Worker(process, link, traits, self._server)

    def _worker_environment(self) -> dict[str, str]:
        # OMP_NUM_THREADS bounds what a worker can ask for; torch reads it when it is imported.
        return {
            **os.environ,
            "OMP_NUM_THREADS": str(self._settings.cores),
            **({_PRECISION_VARIABLE: self._traits.precision} if self._traits else {}),
        }


async def _first_frame(link: Link) -> Frame | None:
    """What a worker says when it is ready; None when it ended, or takes too long."""
    report: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
    link.receive(lambda frame: None if report.done() else report.set_result(frame))
    try:
        async with asyncio.timeout(_START_LIMIT_S):
            return await report
    except TimeoutError:
        return None


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
