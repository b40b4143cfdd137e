"""uvicorn's connection, with what the endpoint needs beyond ASGI.

An answer's head and body leave in one write: uvicorn writes them one after the other, two system calls, two
packets, and a client that wakes up twice. And the endpoint can be told when a client goes, without a task
that waits for it.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Connection(HttpToolsProtocol):
    """For `uvicorn.Config(http=...)`; a request finds it in its scope, as `["state"]["connection"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let uvicorn write to a transport that gathers."""
        self._gathering = _Gathering(transport)
        super().connection_made(cast(asyncio.Transport, self._gathering))
        self.app_state = {"connection": self}
        self._on_lost: Callable[[], None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who asked to be told."""
        super().connection_lost(exc)
        if self._on_lost is not None:
            self._on_lost()

    def on_response_complete(self) -> None:
        """Send what was gathered."""
        self._gathering.flush()
        super().on_response_complete()

    def tell_when_lost(self, on_lost: Callable[[], None] | None) -> None:
        """Have `on_lost` called when the client goes, in place of what was to be called before."""
        self._on_lost = on_lost

    @property
    def body_has_come(self) -> bool:
        """Whether all of a request's body is here, so that to read it takes no time."""
        return not self.cycle.more_body


class _Gathering:
    """A transport that writes what it was given when it is told to, and a lone 100 Continue at once."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._parts.append(data)
        if data.startswith(b"HTTP/1.1 100 "):
            self.flush()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
