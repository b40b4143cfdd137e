"""The requests that wait, bounded, and the workers that are free. Everything happens in one event loop."""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus

from serving_answer import Answer
from serving_batching import Batching
from serving_metrics import Metrics
from serving_pool import Worker, WorkerLostError, read_answers
from serving_settings import ServeSettings
from serving_wire import Frame

# A request whose worker died is tried once more, alone: if it was the cause, it takes no other with it.
_MAX_TRIES = 2

logger = logging.getLogger("serve")


class FullError(Exception):
    """Too many requests, or too many bytes, are here already."""


@dataclass(eq=False)
class Request:
    """A request that waits or is computed; nobody waits for it any more once `answer` is done."""

    body: bytes
    content_type: str
    accept: str
    answer: "asyncio.Future[Answer]"
    since: float = field(default_factory=time.monotonic)
    tries: int = 0
    # While it waits: rings when no worker has taken it for too long.
    alarm: asyncio.TimerHandle | None = None


class Queue:
    """Gives waiting requests to free workers, in the order of their arrival."""

    def __init__(self, settings: ServeSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._batching = Batching()
        self._waiting: deque[Request] = deque()
        # The last one that became free works next: its memory is the warmest.
        self._free: list[Worker] = []
        self._free_since = 0.0
        self._busy: set[Worker] = set()
        self._computed = 0
        self._admitted = 0
        self._admitted_bytes = 0
        self._alarm: asyncio.TimerHandle | None = None
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

    def add(self, body: bytes, content_type: str, accept: str) -> "asyncio.Future[Answer]":
        """Queue a request; who does not wait for its answer any more cancels it, or sets an exception."""
        request = Request(body, content_type, accept, asyncio.get_running_loop().create_future())
        request.answer.add_done_callback(lambda _: self._forget(request))
        self._let_wait(request)
        self._waiting.append(request)
        self._batching.note_arrival(len(self._waiting) + self._computed, request.since)
        self._dispatch()
        return request.answer

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

    def _let_wait(self, request: Request) -> None:
        limit_s = self._settings.wait_limit_s
        request.alarm = asyncio.get_running_loop().call_later(limit_s, self._refuse, request)

    def _stop_waiting(self, request: Request) -> None:
        if request.alarm is not None:
            request.alarm.cancel()
            request.alarm = None

    def _refuse(self, request: Request) -> None:
        if not request.answer.done():
            self._metrics.dropped.labels("not_taken").inc()
            sentence = f"no worker was free within {self._settings.wait_limit_s:g} s; try again"
            request.answer.set_result(Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, sentence))

    def _forget(self, request: Request) -> None:
        """It was answered, or its client has gone: its body is not kept for a worker."""
        if request.alarm is not None:
            self._stop_waiting(request)
            self._waiting.remove(request)

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
        batch: list[Request] = []
        while self._waiting and len(batch) < most:
            if batch and self._waiting[0].tries:
                break
            batch.append(self._waiting.popleft())
            self._stop_waiting(batch[-1])
        return batch

    def _start(self, worker: Worker, batch: list[Request]) -> None:
        share = max(1, self._settings.cores // self._settings.workers)
        alone = len(batch) == 1 and not self._busy and not self._waiting
        threads = max(share, worker.traits.lone_threads) if alone else share
        requests = [(request.body, request.content_type, request.accept) for request in batch]
        self._busy.add(worker)
        all_busy = len(self._busy) == self._settings.workers
        reply = worker.compute(requests, threads, all_busy=all_busy, limit_s=self._settings.limit_s)
        reply.add_done_callback(lambda reply: self._finish(worker, batch, reply))
        self._computed += len(batch)
        self._metrics.waiting.observe(time.monotonic() - batch[0].since)
        self._metrics.batch_size.observe(len(batch))

    def _finish(self, worker: Worker, batch: list[Request], reply: "asyncio.Future[Frame]") -> None:
        self._busy.remove(worker)
        self._computed -= len(batch)
        try:
            answers, seconds = read_answers(reply)
        except WorkerLostError as error:
            logger.warning("a worker was lost with %d requests: %s", len(batch), error)
            self._try_again(batch)
            return
        # Its next batch first: the answers can be written while it computes.
        self.add_worker(worker)
        self._metrics.compute.observe(seconds)
        for request, answer in zip(batch, answers, strict=True):
            if not request.answer.done():
                request.answer.set_result(Answer(*answer))

    def _try_again(self, batch: list[Request]) -> None:
        for request in reversed(batch):
            request.tries += 1
            if request.answer.done():
                continue
            if request.tries < _MAX_TRIES:
                self._let_wait(request)
                self._waiting.appendleft(request)
            else:
                sentence = "the model's process ended twice at this request"
                request.answer.set_result(Answer.error(HTTPStatus.INTERNAL_SERVER_ERROR, sentence))
        self._dispatch()
