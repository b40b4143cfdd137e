"""uvicorn's connection with a bounded head of a request: alone, it waits for ever, and takes any size."""

import asyncio
import time

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MAX_HEAD_BYTES = 1 << 16
HEAD_LIMIT_S = 60.0


class BoundedConnection(HttpToolsProtocol):
    """For `uvicorn.Config(http=...)`; its calls are those of the loop and of the parser."""

    _head_since: float | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()
        self._look_for_late_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        coming = self._head_since
        super().data_received(data)
        # A head that began before, and is not complete yet: all of the data is of it.
        if coming is not None and coming == self._head_since:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self.send_400_response(f"The request's headers have more than {_MAX_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_since = None
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_since = time.monotonic()
        self._head_bytes = 0

    def _look_for_late_head(self) -> None:
        """One timer for all requests of a connection."""
        if self._head_since is not None and time.monotonic() > self._head_since + HEAD_LIMIT_S:
            self.transport.close()
        self._timer = self.loop.call_later(HEAD_LIMIT_S / 4, self._look_for_late_head)
