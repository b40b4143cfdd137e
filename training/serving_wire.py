"""Frames between the server and its workers: a JSON header, then blobs of bytes.

A frame is two lengths (unsigned, 4 bytes each, big-endian: of the header and of all blobs together), the
header and the blobs. The header is `{"sizes": [bytes of each blob], "message": ...}`.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

_LENGTHS = struct.Struct("!II")


class ClosedError(Exception):
    """The other side has closed the connection."""


def pack_frame(message: dict[str, Any], blobs: Sequence[bytes]) -> list[bytes]:
    """The parts of a frame, to be written one after the other."""
    header = json.dumps({"sizes": [len(blob) for blob in blobs], "message": message}).encode()
    return [_LENGTHS.pack(len(header), sum(len(blob) for blob in blobs)), header, *blobs]


def read_frame(connection: socket.socket) -> tuple[dict[str, Any], list[bytes]]:
    """Message and blobs of the next frame, waited for. Raises ClosedError."""
    header_bytes, blob_bytes = _LENGTHS.unpack(_read_exactly(connection, _LENGTHS.size))
    return _unpack(_read_exactly(connection, header_bytes), _read_exactly(connection, blob_bytes))


async def read_frame_async(reader: asyncio.StreamReader) -> tuple[dict[str, Any], list[bytes]]:
    """The same in an event loop."""
    try:
        header_bytes, blob_bytes = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
        return _unpack(await reader.readexactly(header_bytes), await reader.readexactly(blob_bytes))
    except (asyncio.IncompleteReadError, OSError) as error:
        raise ClosedError from error


def _unpack(header: bytes | bytearray, blobs: bytes | bytearray) -> tuple[dict[str, Any], list[bytes]]:
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
