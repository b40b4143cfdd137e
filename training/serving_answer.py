"""An answer of the endpoint, and its bytes in HTTP."""

import functools
import json
from http import HTTPStatus
from typing import NamedTuple

RETRY_AFTER_S = 1


class Answer(NamedTuple):
    """HTTP status, content type and body."""

    status: int
    content_type: bytes
    body: bytes

    @classmethod
    def error(cls, status: HTTPStatus, sentence: str) -> "Answer":
        """`{"error": sentence}`."""
        return cls(int(status), b"application/json", json.dumps({"error": sentence}).encode())

    def to_http(self, *, with_body: bool, keep_alive: bool) -> bytes:
        """Head and body in one: two writes would be two packets, and a client that wakes up twice."""
        parts = [
            _status_line(self.status),
            b"content-type: %b\r\ncontent-length: %d\r\n" % (self.content_type, len(self.body)),
        ]
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            parts.append(b"retry-after: %d\r\n" % RETRY_AFTER_S)
        if not keep_alive:
            parts.append(b"connection: close\r\n")
        parts += [b"\r\n", self.body if with_body else b""]
        return b"".join(parts)


@functools.cache
def _status_line(status: int) -> bytes:
    # A model may answer with a status that has no name.
    name = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    return f"HTTP/1.1 {status} {name}\r\n".encode()
