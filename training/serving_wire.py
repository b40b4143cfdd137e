"""Frames between the server and its workers: a JSON header, then blobs of bytes.

A frame is two lengths (unsigned, 4 bytes each, big-endian: of the header and of all blobs together), the
header and the blobs. The header is `{"sizes": [bytes of each blob], "message": ...}`.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any, cast

_LENGTHS = struct.Struct("!II")

Frame = tuple[dict[str, Any], list[bytes]]
"""Message and blobs."""


class ClosedError(Exception):
    """The other side has closed the connection."""


def pack_frame(message: dict[str, Any], blobs: Sequence[bytes]) -> list[bytes]:
    """The parts of a frame, to be written one after the other."""
    header = json.dumps({"sizes": [len(blob) for blob in blobs], "message": message}).encode()
    return [_LENGTHS.pack(len(header), sum(len(blob) for blob in blobs)), header, *blobs]


def read_frame(connection: socket.socket) -> Frame:
    """The next frame, waited for. Raises ClosedError."""
    header_bytes, blob_bytes = _LENGTHS.unpack(_read_exactly(connection, _LENGTHS.size))
    return _unpack(_read_exactly(connection, header_bytes), _read_exactly(connection, blob_bytes))


class Link(asyncio.Protocol):
    """One end of a connection in an event loop; frames are read one at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._next: asyncio.Future[Frame] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop's call."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The loop's call."""
        self._transport = None
        if self._next is not None and not self._next.done():
            self._next.set_exception(ClosedError())

    def data_received(self, data: bytes) -> None:
        """The loop's call."""
        self._received += data
        self._deliver()

    def send(self, message: dict[str, Any], blobs: Sequence[bytes]) -> None:
        """Write a frame; what is sent after the end is lost, as `receive` will tell."""
        if self._transport is not None:
            self._transport.writelines(pack_frame(message, blobs))

    def receive(self) -> "asyncio.Future[Frame]":
        """The next frame; ClosedError."""
        self._next = asyncio.get_running_loop().create_future()
        self._deliver()
        if self._transport is None and not self._next.done():
            self._next.set_exception(ClosedError())
        return self._next

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def _deliver(self) -> None:
        if self._next is None or self._next.done() or len(self._received) < _LENGTHS.size:
            return
        header_bytes, blob_bytes = _LENGTHS.unpack_from(self._received)
        blobs_at = _LENGTHS.size + header_bytes
        end = blobs_at + blob_bytes
        if len(self._received) >= end:
            header, blobs = self._received[_LENGTHS.size : blobs_at], self._received[blobs_at:end]
            del self._received[:end]
            self._next.set_result(_unpack(header, blobs))


def _unpack(header: bytearray, blobs: bytearray) -> Frame:
    content = json.loads(header)
    view, parts, start = memoryview(blobs), [], 0
    for size in content["sizes"]:
        parts.append(bytes(view[start : start + size]))
        start += size
    return content["message"], parts


def _read_exactly(connection: socket.socket, count: int) -> bytearray:
    data = bytearray(count)
    view = memoryview(data)
    while view:
        try:
            received = connection.recv_into(view)
        except OSError as error:
            raise ClosedError from error
        if not received:
            raise ClosedError
        view = view[received:]
    return data
