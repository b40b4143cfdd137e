"""SageMaker's contract over HTTP, as an ASGI application: /ping, /invocations and /metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from serving_answer import Answer
from serving_metrics import Metrics
from serving_pool import Pool
from serving_queue import FullError, Queue
from serving_settings import MAX_BODY_BYTES

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class GoneError(Exception):
    """The client has closed the connection."""


class Endpoint:
    """Answers requests from the queue, once `pool` has loaded the model."""

    def __init__(self, queue: Queue, metrics: Metrics, pool: Pool, limit_s: float) -> None:
        self._queue = queue
        self._metrics = metrics
        self._pool = pool
        self._limit_s = limit_s

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One request, as ASGI hands it over."""
        started = time.monotonic()
        try:
            answer = await self._answer(scope, receive)
        except GoneError:
            self._metrics.dropped.labels("client_gone").inc()
            return
        if scope["path"] == "/invocations":
            self._metrics.requests.labels(answer.status).inc()
            self._metrics.latency.observe(time.monotonic() - started)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers()})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: dict[str, Any], receive: Receive) -> Answer:
        match scope["method"], scope["path"]:
            case "POST", "/invocations":
                return await self._invoke(dict(scope["headers"]), receive)
            case "GET" | "HEAD", "/ping":
                return Answer(HTTPStatus.OK, "application/json", b"") if self._pool.ready else _loading()
            case "GET", "/metrics":
                return Answer(HTTPStatus.OK, Metrics.content_type, self._metrics.text())
            case method, path:
                sentence = f"there is no {method} {path}; POST /invocations, GET /ping or GET /metrics"
                return Answer.error(HTTPStatus.NOT_FOUND, sentence)

    async def _invoke(self, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        if not self._pool.loaded:
            return _loading()
        length = headers.get(b"content-length")
        if length is None and b"transfer-encoding" not in headers:
            return Answer.error(HTTPStatus.LENGTH_REQUIRED, "the request says no Content-Length")
        body_bytes = MAX_BODY_BYTES if length is None else int(length)
        if body_bytes > MAX_BODY_BYTES:
            return _too_large(body_bytes)
        try:
            self._queue.admit(body_bytes)
        except FullError:
            self._metrics.dropped.labels("full").inc()
            sentence = "too many requests wait already; try again"
            return Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, sentence)
        try:
            async with asyncio.timeout(self._limit_s):
                return await self._compute(headers, receive)
        except TimeoutError:
            self._metrics.dropped.labels("too_late").inc()
            sentence = f"no answer within {self._limit_s:g} s; try again"
            return Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, sentence)
        finally:
            self._queue.release(body_bytes)

    async def _compute(self, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        body = await _read_body(receive)
        if body is None:
            return _too_large(MAX_BODY_BYTES + 1)
        accept = headers.get(b"accept", b"*/*").decode("latin-1")
        answer = self._queue.add(body, headers.get(b"content-type", b"").decode("latin-1"), accept)
        # After the body, the next message says that the client has gone.
        watch = asyncio.ensure_future(receive())
        watch.add_done_callback(lambda _: _give_up(answer))
        try:
            return await answer
        finally:
            watch.cancel()


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None when it is larger than the limit. Raises GoneError."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > MAX_BODY_BYTES:
            return None
    return b"".join(parts)


def _give_up(answer: "asyncio.Future[Answer]") -> None:
    if not answer.done():
        answer.set_exception(GoneError())


def _loading() -> Answer:
    return Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, "the model is still loading")


def _too_large(body_bytes: int) -> Answer:
    sentence = f"the body has {body_bytes} bytes or more; the limit is {MAX_BODY_BYTES}"
    return Answer.error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)
