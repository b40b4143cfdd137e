"""The requests that wait, bounded, and the workers that are free. Everything happens in one event loop."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from serving_answer import Answer
from serving_batching import Batching
from serving_metrics import Metrics
from serving_pool import Computed, Worker
from serving_settings import ServeSettings
from serving_threads import LoneThreads

# A request whose worker died is tried once more, alone: if it was the cause, it takes no other with it.
_MAX_TRIES = 2
# How often to look for who is late, of the shortest limit, and at most: a timer for each would cost more.
_LOOK_SHARE, _LONGEST_LOOK_S = 0.05, 1.0

logger = logging.getLogger("serve")


class FullError(Exception):
    """Too many requests, or too many bytes, are here already."""


@dataclass(eq=False, slots=True)
class Request:
    """A request that waits or is computed; nobody waits for it any more once it is `settled`."""

    content_type: bytes
    accept: bytes
    body: bytes
    reply: Callable[[Answer], None]
    since: float
    waits_since: float
    tries: int = 0
    settled: bool = False

    def settle(self, answer: Answer) -> None:
        """Answer it, unless that was done."""
        if not self.settled:
            self.settled = True
            self.reply(answer)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a worker computes, since when, by how many threads, and whether it began alone."""

    requests: list[Request]
    since: float
    threads: int
    alone: bool


class Queue:
    """Gives waiting requests to free workers, in the order of their arrival."""

    def __init__(self, settings: ServeSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._batching = Batching()
        self._share = max(1, settings.cores // settings.workers)
        self._lone_threads = LoneThreads(self._share, settings.cores)
        self._waiting: deque[Request] = deque()
        # The last one that became free works next: its memory is the warmest.
        self._free: list[Worker] = []
        self._free_since = 0.0
        self._busy: dict[Worker, Batch] = {}
        self._computed = 0
        self._admitted = 0
        self._admitted_bytes = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._look_s = min(_LOOK_SHARE * min(settings.wait_limit_s, settings.limit_s), _LONGEST_LOOK_S)
        self._looking = False
        metrics.in_system.set_function(lambda: self._admitted)

    def admit(self, body_bytes: int) -> None:
        """Count a request in, before its body is read. Raises FullError; `release` counts it out."""
        full = self._admitted >= self._settings.max_requests
        if full or self._admitted_bytes + body_bytes > self._settings.max_bytes:
            raise FullError
        self._admitted += 1
        self._admitted_bytes += body_bytes

    def release(self, body_bytes: int) -> None:
        """The request was answered, or its client has gone."""
        self._admitted -= 1
        self._admitted_bytes -= body_bytes

    def add(
        self, content_type: bytes, accept: bytes, body: bytes, reply: Callable[[Answer], None]
    ) -> Request:
        """Queue a request; `reply` is called with its answer, whatever it is, unless it is given up."""
        now = time.monotonic()
        request = Request(content_type, accept, body, reply, now, now)
        self._waiting.append(request)
        self._batching.note_arrival(len(self._waiting) + self._computed, now)
        self._dispatch()
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(self._look_s, self._look_for_late)
        return request

    def give_up(self, request: Request) -> None:
        """Its client has gone: it is not computed any more, unless a worker has it already."""
        if not request.settled:
            request.settled = True
            self._forget(request)

    def add_worker(self, worker: Worker) -> None:
        """A worker has nothing to do."""
        self._free_since = time.monotonic()
        self._batching.note_free_worker(self._free_since)
        self._free.append(worker)
        self._dispatch()

    def remove_worker(self, worker: Worker) -> None:
        """A worker has ended."""
        if worker in self._free:
            self._free.remove(worker)

    def _dispatch(self) -> None:
        """Give batches to free workers, or come back at the moment when waiting for more stops to pay."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._free and self._waiting:
            first, workers = self._waiting[0], len(self._free) + len(self._busy)
            wait_s = 0.0 if first.tries else self._wait_s(first, workers)
            if wait_s > 0:
                self._alarm = asyncio.get_running_loop().call_later(wait_s, self._dispatch)
                return
            share = self._batching.share(len(self._waiting) + self._computed, workers)
            self._start(self._free.pop(), self._take(1 if first.tries else share))

    def _wait_s(self, first: Request, workers: int) -> float:
        saving_s = self._free[-1].traits.batch_saving_s
        since = max(first.since, self._free_since)
        return self._batching.wait_s(len(self._waiting), workers, saving_s, since, time.monotonic())

    def _take(self, most: int) -> list[Request]:
        taken: list[Request] = []
        while self._waiting and len(taken) < most:
            if taken and self._waiting[0].tries:
                break
            taken.append(self._waiting.popleft())
        return taken

    def _start(self, worker: Worker, requests: list[Request]) -> None:
        alone = len(requests) == 1 and not self._busy and not self._waiting
        threads = self._lone_threads.choose() if alone else self._share
        self._busy[worker] = Batch(requests, time.monotonic(), threads, alone)
        self._computed += len(requests)
        worker.compute(
            [(request.content_type, request.accept, request.body) for request in requests],
            threads,
            lambda computed: self._finish(worker, computed),
            all_busy=len(self._busy) == self._settings.workers,
        )

    def _finish(self, worker: Worker, computed: Computed | None) -> None:
        batch = self._busy.pop(worker)
        self._computed -= len(batch.requests)
        if computed is None:
            logger.warning("a worker was lost with %d requests", len(batch.requests))
            self._try_again(batch.requests)
            return
        # Its next batch first: the answers can be written while it computes.
        self.add_worker(worker)
        answers, seconds = computed
        for request, answer in zip(batch.requests, answers, strict=True):
            request.settle(answer)
        if batch.alone:
            self._lone_threads.note(batch.threads, seconds)
        self._metrics.note_batch(batch.since - batch.requests[0].since, seconds, len(answers))

    def _try_again(self, requests: list[Request]) -> None:
        for request in reversed(requests):
            request.tries += 1
            if request.settled:
                continue
            if request.tries < _MAX_TRIES:
                request.waits_since = time.monotonic()
                self._waiting.appendleft(request)
            else:
                sentence = "the model's process ended twice at this request"
                request.settle(Answer.error(HTTPStatus.INTERNAL_SERVER_ERROR, sentence))
        self._dispatch()

    def _look_for_late(self) -> None:
        """Refuse who has waited for too long, end the workers that take too long, and look again."""
        now = time.monotonic()
        wait_limit_s, limit_s = self._settings.wait_limit_s, self._settings.limit_s
        for request in list(self._waiting):
            if now > request.waits_since + wait_limit_s:
                self._refuse(request, "not_taken", f"no worker was free within {wait_limit_s:g} s; try again")
        computed = [request for batch in self._busy.values() for request in batch.requests]
        for request in [*self._waiting, *computed]:
            if now > request.since + limit_s:
                self._refuse(request, "too_late", f"no answer within {limit_s:g} s; try again")
        for worker, batch in self._busy.items():
            if now > batch.since + limit_s:
                worker.kill()
        self._looking = bool(self._waiting or self._busy)
        if self._looking:
            asyncio.get_running_loop().call_later(self._look_s, self._look_for_late)

    def _refuse(self, request: Request, reason: str, sentence: str) -> None:
        if not request.settled:
            self._metrics.dropped.labels(reason).inc()
            self._forget(request)
            request.settle(Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, sentence))

    def _forget(self, request: Request) -> None:
        """Its body is not kept for a worker."""
        if request in self._waiting:
            self._waiting.remove(request)
