"""One HTTP request as it comes, and how far its answer is."""

import time
from dataclasses import dataclass, field

from serving_answer import Answer
from serving_queue import Request


@dataclass(eq=False, slots=True)
class Exchange:
    """A request and its way to an answer; header names are in lower case, `since` is by time.monotonic()."""

    since: float = field(default_factory=time.monotonic)
    method: bytes = b""
    url: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)
    head_bytes: int = 0
    body_bytes: int = 0
    keep_alive: bool = False
    # What has come of it.
    head_complete: bool = False
    complete: bool = False
    # What was done about it: `refusal` is the answer to what cannot be read on.
    begun: bool = False
    refusal: Answer | None = None
    reserved_bytes: int | None = None
    request: Request | None = None
    answered: bool = False
    _parts: list[bytes] = field(default_factory=list)

    def add(self, part: bytes) -> None:
        """Keep a part of the body, unless the answer has been given without it."""
        if not self.answered:
            self._parts.append(part)
            self.body_bytes += len(part)

    def take_body(self) -> bytes:
        """The body, which is not kept any longer."""
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        return body
