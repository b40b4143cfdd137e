"""The threads that compute, and the requests that wait for them, bounded.

Each photo is a pass of its own: requests that share one were no quicker, and cost memory. After a few photos
of a request with many, it goes to the end of the queue, behind the others.
"""

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException

from training.data.preprocessing import PhotoError
from training.export.served_model import ServedModel
from training.serving.explanations import explanation_of
from training.serving.metrics import Metrics
from training.serving.requests import Photos, RequestError, Result, format_answer, parse_request
from training.serving.settings import Settings

_PHOTOS_OF_A_TURN = 4
_CLIENT_GONE = 499  # nobody sees it

logger = logging.getLogger("serve")

Answer = tuple[bytes, str]
"""Body and content type."""


@dataclass(eq=False, repr=False, slots=True)
class Job:
    """A request that waits or is computed. Nobody waits for it any more once its `future` is done."""

    body: bytes
    content_type: str
    accept: str
    future: "asyncio.Future[Answer]"
    explain: bool = False
    begun: bool = False
    photos: Photos = ()
    batch: bool = False
    results: list[Result] = field(default_factory=list)

    def settle(self, outcome: Answer | HTTPException) -> None:
        """Answer it, unless that was done."""
        if not self.future.done():
            if isinstance(outcome, HTTPException):
                self.future.set_exception(outcome)
            else:
                self.future.set_result(outcome)


class Pool:
    """Used from one event loop."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        # Guards the three below.
        self._change = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: dict[int, float] = {}
        self._ended = False
        self._admitted = self._admitted_bytes = 0
        metrics.in_system.set_function(lambda: self._admitted)

    @property
    def stuck(self) -> bool:
        """Whether a thread computes beyond the limit: it will not come back, so the process must go."""
        with self._change:
            return time.monotonic() > min(self._running.values(), default=math.inf) + self._settings.limit_s

    def start(self, model: ServedModel, lone: ServedModel) -> None:
        """Begin to compute; `lone` is the same model, on several cores, for a request that comes alone."""
        loop = asyncio.get_running_loop()
        for number in range(self._settings.threads):
            threading.Thread(target=self._work, args=(number, model, lone, loop), daemon=True).start()

    def stop(self) -> None:
        """End the threads that wait."""
        with self._change:
            self._ended = True
            self._change.notify_all()

    def refusal(self, reason: str, sentence: str) -> HTTPException:
        """Says that a request is not computed, and counts it."""
        self._metrics.dropped.labels(reason).inc()
        status = _CLIENT_GONE if reason == "client_gone" else HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPException(status, f"{sentence}; try again")

    @contextlib.contextmanager
    def admitted(self, body_bytes: int) -> Iterator[None]:
        """Count a request in, before its body is read, until the block ends. Raises HTTPException."""
        full = self._admitted >= self._settings.max_requests
        if full or self._admitted_bytes + body_bytes > self._settings.max_bytes:
            raise self.refusal("full", "too many requests wait already")
        self._admitted += 1
        self._admitted_bytes += body_bytes
        try:
            yield
        finally:
            self._admitted -= 1
            self._admitted_bytes -= body_bytes

    async def answer(
        self,
        body: bytes,
        kind: str,
        accept: str,
        leaving: "asyncio.Future[Any]",
        *,
        explain: bool = False,
    ) -> Answer:
        """The answer to a request, unless it is late, or its client is `leaving`. Raises HTTPException.

        `explain`: with a heat map of each photo.
        """
        loop, settings = asyncio.get_running_loop(), self._settings
        job = Job(body, kind, accept, loop.create_future(), explain)
        leaving.add_done_callback(lambda _: self._refuse(job, "client_gone", "the client has gone"))
        limits = {
            "not_taken": (settings.wait_limit_s, "no worker was free"),
            "too_late": (settings.limit_s, "no answer"),
        }
        timers = [
            loop.call_later(limit_s, self._refuse, job, reason, f"{what} within {limit_s:g} s")
            for reason, (limit_s, what) in limits.items()
        ]
        with self._change:
            self._waiting.append(job)
            self._change.notify()
        try:
            return await job.future
        finally:
            for timer in timers:
                timer.cancel()
            with self._change:
                # One that has begun is not waiting; where a turn is left of it, the next thread drops it.
                if not job.begun:
                    self._waiting.remove(job)

    def _refuse(self, job: Job, reason: str, sentence: str) -> None:
        with self._change:
            if not job.future.done() and not (job.begun and reason == "not_taken"):
                job.settle(self.refusal(reason, sentence))

    def _work(
        self, number: int, model: ServedModel, lone: ServedModel, loop: asyncio.AbstractEventLoop
    ) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._ended)
                if self._ended:
                    return
                job = self._waiting.popleft()
                job.begun = True
                if job.future.done():
                    continue
                alone = not self._waiting and not self._running
                self._running[number] = began = time.monotonic()
            outcome = _compute(job, lone if alone else model)
            self._metrics.compute.observe(time.monotonic() - began)
            with self._change:
                del self._running[number]
                if outcome is None and not job.future.done():
                    self._waiting.append(job)
            if outcome is not None:
                with contextlib.suppress(RuntimeError):  # the server has ended without this computation
                    loop.call_soon_threadsafe(job.settle, outcome)


def _compute(job: Job, model: ServedModel) -> Answer | HTTPException | None:
    """A turn of a request: its outcome, or None when photos are left."""
    try:
        if not job.photos:
            job.photos, job.batch = parse_request(job.body, job.content_type)
        turn = job.photos[len(job.results) :][:_PHOTOS_OF_A_TURN]
        job.results += [_predict(photo, model, explain=job.explain) for photo in turn]
        if len(job.results) < len(job.photos):
            return None
        return format_answer(model.classes, job.results, job.accept, batch=job.batch)
    except RequestError as error:
        return HTTPException(error.status, str(error))
    except Exception:
        logger.exception("a request failed")
        return HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR, "the model failed; see the server's log")


def _predict(photo: bytes | str, model: ServedModel, *, explain: bool) -> Result:
    if isinstance(photo, str):
        return {"error": photo}
    try:
        pixels = model.description.preprocessing.decode(photo)
    except PhotoError as error:
        return {"error": f"bad image: {error}"}
    scores, unknown = model.answers([pixels])
    probabilities = model.probabilities(scores)[0]
    return {
        "scores": scores[0].tolist(),
        "probabilities": probabilities.tolist(),
        **({} if unknown is None else model.unknown(unknown[0])),
        **model.drift(probabilities, None if unknown is None else float(unknown[0])),
        **(explanation_of(photo, pixels, model) if explain else {}),
    }
