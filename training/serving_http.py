"""SageMaker's contract over HTTP, as an ASGI application: /ping, /invocations and /metrics."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from serving_answer import Answer
from serving_connection import Connection
from serving_metrics import Metrics
from serving_pool import Pool
from serving_queue import FullError, GoneError, Queue
from serving_settings import MAX_BODY_BYTES

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


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
            self._metrics.note_answer(answer.status, time.monotonic() - started)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers()})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: dict[str, Any], receive: Receive) -> Answer:
        match scope["method"], scope["path"]:
            case "POST", "/invocations":
                return await self._invoke(scope, receive)
            case "GET" | "HEAD", "/ping":
                return Answer(HTTPStatus.OK, b"application/json", b"") if self._pool.ready else _loading()
            case "GET", "/metrics":
                return Answer(HTTPStatus.OK, Metrics.content_type, self._metrics.text())
            case method, path:
                sentence = f"there is no {method} {path}; POST /invocations, GET /ping or GET /metrics"
                return Answer.error(HTTPStatus.NOT_FOUND, sentence)

    async def _invoke(self, scope: dict[str, Any], receive: Receive) -> Answer:
        if not self._pool.loaded:
            return _loading()
        headers = dict(scope["headers"])
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
            return await self._compute(headers, scope["state"]["connection"], receive)
        finally:
            self._queue.release(body_bytes)

    async def _compute(self, headers: dict[bytes, bytes], connection: Connection, receive: Receive) -> Answer:
        try:
            body = await self._receive_body(connection, receive)
        except TimeoutError:
            self._metrics.dropped.labels("too_late").inc()
            sentence = f"the body did not come within {self._limit_s:g} s; try again"
            return Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, sentence)
        if body is None:
            return _too_large(MAX_BODY_BYTES + 1)
        content_type, accept = headers.get(b"content-type", b""), headers.get(b"accept", b"*/*")
        request = self._queue.add(content_type, accept, body)
        connection.tell_when_lost(lambda: self._queue.give_up(request))
        try:
            return await request.answer
        finally:
            connection.tell_when_lost(None)

    async def _receive_body(self, connection: Connection, receive: Receive) -> bytes | None:
        if connection.body_has_come:
            return await _read_body(receive)
        async with asyncio.timeout(self._limit_s):
            return await _read_body(receive)


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


def _loading() -> Answer:
    return Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, "the model is still loading")


def _too_large(body_bytes: int) -> Answer:
    sentence = f"the body has {body_bytes} bytes or more; the limit is {MAX_BODY_BYTES}"
    return Answer.error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)
