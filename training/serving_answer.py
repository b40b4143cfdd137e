"""An answer of the endpoint, before it becomes HTTP."""

import json
from dataclasses import dataclass
from http import HTTPStatus

RETRY_AFTER_S = 1


@dataclass(frozen=True)
class Answer:
    """HTTP status, content type and body."""

    status: int
    content_type: str
    body: bytes

    @classmethod
    def error(cls, status: HTTPStatus, sentence: str) -> "Answer":
        """`{"error": sentence}`."""
        return cls(int(status), "application/json", json.dumps({"error": sentence}).encode())

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As ASGI wants them; who gets 503 is told when to come back."""
        headers = [
            (b"content-type", self.content_type.encode()),
            (b"content-length", str(len(self.body)).encode()),
        ]
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.append((b"retry-after", str(RETRY_AFTER_S).encode()))
        return headers
