"""Who may speak to the server at all: a program of this machine, never a web page.

Judged by what a page cannot choose: the host that the browser believes to speak to (DNS rebinding),
and the headers that every browser adds by itself.
https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# These always are this machine: https://www.rfc-editor.org/rfc/rfc6761#section-6.3. A name below
# localhost is how S3 clients name a bucket in the host, `<bucket>.s3.localhost`.
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
LOOPBACK = re.compile(rf"127\.0\.0\.1|\[::1\]|(?:{LABEL}\.)*localhost")
# A path and a query, nothing that a parser of URLs would cut off or drop.
TARGET = re.compile(rb"/[\x21\x22\x24-\x7e]*")
FETCH_SITES_OF_A_PERSON = {b"none", b"same-origin"}
PAGE_METHODS = {"OPTIONS", "TRACE", "CONNECT"}
MISDIRECTED = 421  # https://www.rfc-editor.org/rfc/rfc9110#status.421
FORBIDDEN = 403
BAD_REQUEST = 400


@dataclass(frozen=True)
class GuardRefusal:
    """Why a request is turned away before anything of it is read."""

    status: int
    sentence: str


def refusal(scope: Mapping[str, Any], port: int) -> GuardRefusal | None:
    """What is wrong with who sends this request (an ASGI scope), or None."""
    headers = list(scope["headers"])
    target: bytes = scope.get("raw_path") or scope["path"].encode()
    if not TARGET.fullmatch(target + b"?" + scope.get("query_string", b"")):
        return GuardRefusal(BAD_REQUEST, "The request target must be a path: this server is no proxy.")
    if not _is_loopback(_values(headers, b"host"), port):
        return GuardRefusal(
            MISDIRECTED,
            f"The Host of the request is not this server's: use http://127.0.0.1:{port} or "
            f"http://localhost:{port}.",
        )
    sites = _values(headers, b"sec-fetch-site")
    if (
        _values(headers, b"origin")
        or not FETCH_SITES_OF_A_PERSON.issuperset(sites)
        or scope["method"] in PAGE_METHODS
    ):
        return GuardRefusal(
            FORBIDDEN,
            "The request comes from a web page (it has an Origin, a Sec-Fetch-Site or a method that only "
            "browsers send): this server answers programs of this machine only.",
        )
    return None


def _values(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key.lower() == name]


def _is_loopback(hosts: list[bytes], port: int) -> bool:
    if len(hosts) != 1:
        return False
    name, colon, number = hosts[0].decode("latin-1").lower().rpartition(":")
    return bool(colon) and number == str(port) and LOOPBACK.fullmatch(name) is not None
