"""SageMaker's contract over HTTP: /ping, /invocations and /metrics."""

import hmac
import time
from collections.abc import Callable
from http import HTTPStatus

import httptools

from serving_answer import Answer
from serving_exchange import Exchange
from serving_metrics import Metrics
from serving_pool import Pool
from serving_queue import FullError, Queue
from serving_settings import MAX_BODY_BYTES

ACCESS_HEADER = b"x-serve-access-key"


class Endpoint:
    """Answers requests from the queue, once `pool` has loaded the model.

    A connection calls `read_head`, then `read_body` until that has the whole body, and in the end `finish`,
    or `lose` when its client has gone.
    """

    def __init__(
        self, queue: Queue, metrics: Metrics, pool: Pool, limit_s: float, access_key: str = ""
    ) -> None:
        """A request may take `limit_s` to come, and must bring the access key when there is one."""
        self._queue = queue
        self._metrics = metrics
        self._pool = pool
        self.limit_s = limit_s
        self._access_key = access_key.encode()

    def read_head(self, exchange: Exchange) -> Answer | None:
        """The answer, where the head suffices for it; None when the body is wanted, and has room."""
        if self._access_key and not hmac.compare_digest(
            exchange.headers.get(ACCESS_HEADER, b""), self._access_key
        ):
            return Answer.error(HTTPStatus.FORBIDDEN, "the request brings no access key of this server")
        match exchange.method, _path(exchange.url):
            case b"POST", b"/invocations":
                answer = self._admit(exchange)
                if answer is not None:
                    self._metrics.note_answer(answer.status, time.monotonic() - exchange.since)
                return answer
            case b"GET" | b"HEAD", b"/ping":
                return Answer(HTTPStatus.OK, b"application/json", b"") if self._pool.ready else _loading()
            case b"GET", b"/metrics":
                return Answer(HTTPStatus.OK, Metrics.content_type, self._metrics.text())
            case method, path:
                asked = b"%b %b" % (method, path)
                sentence = (
                    f"there is no {asked.decode('latin-1')}; POST /invocations, GET /ping or GET /metrics"
                )
                return Answer.error(HTTPStatus.NOT_FOUND, sentence)

    def read_body(self, exchange: Exchange, reply: Callable[[Answer], None]) -> Answer | None:
        """Queue a body that is whole: `reply` is called with its answer. One too large has it at once."""
        if exchange.body_bytes > MAX_BODY_BYTES:
            return _too_large(exchange.body_bytes)
        if exchange.complete:
            content_type = exchange.headers.get(b"content-type", b"")
            accept = exchange.headers.get(b"accept", b"*/*")
            exchange.request = self._queue.add(content_type, accept, exchange.take_body(), reply)
        return None

    def late(self, exchange: Exchange) -> Answer:
        """The answer to a request that does not come to its end."""
        if exchange.reserved_bytes is not None:
            self._metrics.dropped.labels("too_late").inc()
        sentence = f"the request did not come within {self.limit_s:g} s; try again"
        return Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, sentence)

    def finish(self, exchange: Exchange, status: int) -> None:
        """The request has its answer."""
        # It knows its exchange, and has the body: neither would be freed before the collector comes.
        exchange.request = None
        if exchange.reserved_bytes is not None:
            self._queue.release(exchange.reserved_bytes)
            self._metrics.note_answer(status, time.monotonic() - exchange.since)

    def lose(self, exchange: Exchange) -> None:
        """Its client has gone."""
        if exchange.reserved_bytes is None or exchange.answered:
            return
        self._queue.release(exchange.reserved_bytes)
        self._metrics.dropped.labels("client_gone").inc()
        if exchange.request is not None:
            self._queue.give_up(exchange.request)
            exchange.request = None

    def _admit(self, exchange: Exchange) -> Answer | None:
        if not self._pool.loaded:
            return _loading()
        length = exchange.headers.get(b"content-length")
        if length is None and b"transfer-encoding" not in exchange.headers:
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
        exchange.reserved_bytes = body_bytes
        return None


def _path(url: bytes) -> bytes:
    try:
        return httptools.parse_url(url).path or b"/"
    except httptools.HttpParserError:
        return url


def _loading() -> Answer:
    return Answer.error(HTTPStatus.SERVICE_UNAVAILABLE, "the model is still loading")


def _too_large(body_bytes: int) -> Answer:
    sentence = f"the body has {body_bytes} bytes or more; the limit is {MAX_BODY_BYTES}"
    return Answer.error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)
