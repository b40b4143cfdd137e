"""Frames between the server and its workers: numbers, then blobs of bytes.

A frame is how many numbers and blobs there are (unsigned, 4 bytes each), the numbers (8-byte floats), the
size of each blob in bytes (unsigned, 4 bytes), and the blobs; all big-endian. Either side waits for the
other's frame before it sends its next one.
"""

import asyncio
import functools
import socket
import struct
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import cast

_COUNTS = struct.Struct("!II")
_READ_BYTES = 1 << 18

Frame = tuple[tuple[float, ...], list[bytes]]
"""Numbers and blobs."""


class ClosedError(Exception):
    """The other side has closed the connection."""


def send_frame(connection: socket.socket, numbers: Sequence[float], blobs: Sequence[bytes]) -> None:
    """Write a frame. Raises ClosedError."""
    try:
        connection.sendall(b"".join(_pack(numbers, blobs)))
    except OSError as error:
        raise ClosedError from error


def read_frame(connection: socket.socket) -> Frame:
    """The next frame, waited for. Raises ClosedError."""
    data = _receive(connection)
    frame = _unpack(data)
    if frame is None:
        # A large body comes in many pieces: each `+=` of bytes would copy all of them.
        received = bytearray(data)
        while frame is None:
            received += _receive(connection)
            frame = _unpack(received)
    return frame


class Link(asyncio.Protocol):
    """One end of a connection in an event loop."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._received = b""
        self._take: Callable[[Frame | None], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's call."""
        self._transport = cast(asyncio.WriteTransport, transport)
        send_at_once(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's call."""
        self._transport = None
        self._hand_over(None)

    def data_received(self, data: bytes) -> None:
        """The loop's call."""
        self._received += data
        frame = _unpack(self._received)
        if frame is not None:
            self._received = b""
            self._hand_over(frame)

    def send(self, numbers: Sequence[float], blobs: Sequence[bytes]) -> None:
        """Write a frame; what is sent after the end is lost, as `receive` will tell."""
        if self._transport is not None:
            self._transport.writelines(_pack(numbers, blobs))

    def receive(self, take: Callable[[Frame | None], None]) -> None:
        """Have `take` called once, with the next frame, or with None when the connection has ended."""
        self._take = take
        if self._transport is None:
            asyncio.get_running_loop().call_soon(self._hand_over, None)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def _hand_over(self, frame: Frame | None) -> None:
        take, self._take = self._take, None
        if take is not None:
            take(frame)


def send_at_once(transport: asyncio.WriteTransport) -> None:
    """uvloop would keep what is written until all else of its turn is done, unless its buffer is full."""
    transport.set_write_buffer_limits(0)


def _pack(numbers: Sequence[float], blobs: Sequence[bytes]) -> list[bytes]:
    counts = len(numbers), len(blobs)
    return [_COUNTS.pack(*counts) + _layout(*counts).pack(*numbers, *map(len, blobs)), *blobs]


@functools.lru_cache
def _layout(numbers: int, blobs: int) -> struct.Struct:
    return struct.Struct(f"!{numbers}d{blobs}I")


def _receive(connection: socket.socket) -> bytes:
    try:
        data = connection.recv(_READ_BYTES)
    except OSError as error:
        raise ClosedError from error
    if not data:
        raise ClosedError
    return data


def _unpack(received: bytes | bytearray) -> Frame | None:
    """The frame, once all of it has come."""
    if len(received) < _COUNTS.size:
        return None
    numbers, blobs = _COUNTS.unpack_from(received)
    layout = _layout(numbers, blobs)
    start = _COUNTS.size + layout.size
    if len(received) < start:
        return None
    values = layout.unpack_from(received, _COUNTS.size)
    ends = list(accumulate(values[numbers:], initial=start))
    if len(received) < ends[-1]:
        return None
    return values[:numbers], [bytes(received[begin:end]) for begin, end in pairwise(ends)]
