"""An answer of the endpoint, before it becomes HTTP."""

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

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As ASGI wants them; who gets 503 is told when to come back."""
        headers = [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body))]
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
        return headers
