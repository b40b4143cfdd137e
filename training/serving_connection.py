"""One HTTP connection: requests come, and are answered one after the other.

httptools reads them; uvicorn listens, takes the signals and drains. uvicorn's own connection is not used: it
makes a task, an event and five messages of each request, which is a quarter of the processor time that the
server takes for it.
"""

import asyncio
import time
from collections import deque
from http import HTTPStatus
from typing import Any, cast

import httptools

from serving_answer import Answer
from serving_exchange import Exchange
from serving_http import Endpoint
from serving_wire import send_at_once

# SageMaker keeps connections open between requests.
_IDLE_S = 75.0
_MAX_HEAD_BYTES = 1 << 16


class Connection(asyncio.Protocol):
    """For `uvicorn.Config(endpoint, http=Connection)`."""

    def __init__(self, config: Any, server_state: Any, **_others: Any) -> None:
        """uvicorn's call: its configuration, and what it knows of all connections."""
        self._endpoint: Endpoint = config.app
        self._connections: set[Connection] = server_state.connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        # The first one is being answered, the last one may still be coming.
        self._exchanges: deque[Exchange] = deque()
        self._late: asyncio.TimerHandle | None = None
        self._silence: asyncio.TimerHandle | None = None
        self._quiet_since = 0.0
        self._deaf = False
        self._draining = False
        self._unsent = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's call."""
        self._transport = cast(asyncio.Transport, transport)
        send_at_once(self._transport)
        self._connections.add(self)
        self._quiet_since = time.monotonic()
        self._look_for_silence()

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's call: nobody waits for the answers any more."""
        self._connections.discard(self)
        self._wait_no_longer()
        if self._silence is not None:
            self._silence.cancel()
        for exchange in self._exchanges:
            self._endpoint.lose(exchange)
        self._exchanges.clear()
        # It knows this connection: neither would be freed before the collector comes.
        del self._parser

    def shutdown(self) -> None:
        """uvicorn's call: end after the answer that is under way."""
        self._draining = True
        if not self._exchanges:
            self._transport.close()

    def pause_writing(self) -> None:
        """The loop's call: a client that does not read its answers gets no more of them."""
        self._unsent = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The loop's call."""
        self._unsent = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._advance()

    def data_received(self, data: bytes) -> None:
        """The loop's call."""
        if self._deaf:
            return
        coming = self._exchanges[-1] if self._exchanges else None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Answered as if nothing had been asked about; what follows may be another protocol.
            self._hear_no_more()
        except httptools.HttpParserError as error:
            self._refuse_rest(Answer.error(HTTPStatus.BAD_REQUEST, f"this is not HTTP/1.1: {error}"))
        if coming is not None and not coming.head_complete:
            self._bound_head(coming, len(data))
        self._advance()
        if len(self._exchanges) > 1 and not self._transport.is_closing():
            self._transport.pause_reading()

    def on_message_begin(self) -> None:
        """The parser's call."""
        self._exchanges.append(Exchange())

    def on_url(self, url: bytes) -> None:
        """The parser's call: a part of the URL."""
        self._exchanges[-1].url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser's call."""
        exchange = self._exchanges[-1]
        if not exchange.head_complete:
            exchange.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The parser's call."""
        exchange = self._exchanges[-1]
        exchange.method = self._parser.get_method()
        exchange.keep_alive = self._parser.get_http_version() == "1.1" and self._parser.should_keep_alive()
        exchange.head_complete = True

    def on_body(self, body: bytes) -> None:
        """The parser's call: a part of the body."""
        self._exchanges[-1].add(body)

    def on_message_complete(self) -> None:
        """The parser's call."""
        self._exchanges[-1].complete = True
        self._wait_no_longer()

    def _advance(self) -> None:
        """Do what can be done now about the first request, and those that come after it."""
        while self._exchanges and not self._unsent:
            exchange = self._exchanges[0]
            if not exchange.answered and exchange.request is None:
                self._begin(exchange)
            if not exchange.complete and self._late is None:
                self._late = self._loop.call_later(self._endpoint.limit_s, self._refuse_late)
            if not (exchange.complete and exchange.answered):
                return
            self._exchanges.popleft()
            if self._draining or not exchange.keep_alive:
                self._transport.close()
                return
            self._quiet_since = time.monotonic()
            if self._exchanges and not self._unsent:
                self._transport.resume_reading()

    def _begin(self, exchange: Exchange) -> None:
        answer = exchange.refusal
        if answer is None and exchange.head_complete and not exchange.begun:
            exchange.begun = True
            answer = self._endpoint.read_head(exchange)
            if answer is None and exchange.headers.get(b"expect", b"").lower() == b"100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if answer is None and exchange.begun:
            answer = self._endpoint.read_body(exchange, lambda answer: self._take_answer(exchange, answer))
        if answer is not None:
            self._write(exchange, answer)

    def _take_answer(self, exchange: Exchange, answer: Answer) -> None:
        self._write(exchange, answer)
        self._advance()

    def _write(self, exchange: Exchange, answer: Answer) -> None:
        exchange.answered = True
        exchange.keep_alive = exchange.keep_alive and not self._draining
        with_body = exchange.method != b"HEAD"
        self._transport.write(answer.to_http(with_body=with_body, keep_alive=exchange.keep_alive))
        self._endpoint.finish(exchange, answer.status)

    def _bound_head(self, coming: Exchange, more_bytes: int) -> None:
        coming.head_bytes += more_bytes
        if coming.head_bytes > _MAX_HEAD_BYTES:
            sentence = f"the request's headers have more than {_MAX_HEAD_BYTES} bytes"
            self._refuse_rest(Answer.error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, sentence))

    def _refuse_late(self) -> None:
        self._late = None
        self._refuse_rest(self._endpoint.late(self._exchanges[-1]))
        self._advance()

    def _refuse_rest(self, answer: Answer) -> None:
        """Read no more; the request that was coming is answered by this when its turn has come."""
        if not self._exchanges or self._exchanges[-1].complete:
            self._exchanges.append(Exchange())
        self._exchanges[-1].refusal = answer
        self._hear_no_more()

    def _hear_no_more(self) -> None:
        self._deaf = True
        self._exchanges[-1].complete = True
        self._exchanges[-1].keep_alive = False
        self._wait_no_longer()

    def _wait_no_longer(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _look_for_silence(self) -> None:
        """One timer for all requests of a connection: it looks when the last one was answered."""
        left_s = self._quiet_since + _IDLE_S - time.monotonic() if not self._exchanges else _IDLE_S
        if left_s > 0:
            self._silence = self._loop.call_later(left_s, self._look_for_silence)
        else:
            self._transport.abort()
