"""Fetches an image from an address that a stranger gave: every hop is checked, everything is bounded."""

import io
import socket
import ssl
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    IncompleteRead,
    RemoteDisconnected,
    parse_headers,
)
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin

from botocore.httpsession import get_cert_path

from drops.photo_formats import MEDIA_TYPES, SIGNATURE_BYTES, photo_format, why_unread
from functions.common.errors import DropserveError
from functions.inference.errors import (
    BadRequestError,
    ImageHostError,
    ImageTooLargeError,
    NotAnImageError,
    OutOfTimeError,
)
from functions.inference.fetching.allowed_hosts import HostRules
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.host_names import Address
from functions.inference.fetching.host_statuses import check_status
from functions.inference.fetching.image_urls import ImageUrl, parse_image_url
from functions.inference.fetching.public_addresses import Resolver, checked_addresses, system_resolver

MAX_REDIRECTS = 3
MAX_CONNECT_ATTEMPTS = 4
CONNECT_TIMEOUT_S = 3.0
VERSION = "0.1.0"
# The longest silence in the middle of an answer; all of it together has a deadline of its own.
IDLE_TIMEOUT_S = 4.0
READ_BYTES = 64 * 1024

# Codings that change the bytes (the IANA registry of HTTP content codings); others are names without effect.
_COMPRESSIONS = {"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress", "dcb", "dcz"}
# What hosts send instead of an image: its media type -> its name.
_PAGES = {
    "text/html": "a web page",
    "application/xhtml+xml": "a web page",
    "application/json": "JSON",
    "application/xml": "XML",
    "text/xml": "XML",
    "text/plain": "text",
}
_REDIRECTS = {301, 302, 303, 307, 308}
_DOING = "fetching the image"
# All that a host may send for an image of the largest size: headers, and the sizes of small chunks.
WIRE_SHARE, WIRE_EXTRA_BYTES = 2, 8 << 20


@cache
def tls_context() -> ssl.SSLContext:
    """The system's trusted authorities, or botocore's where there are none, as in some Pythons for macOS."""
    system = ssl.get_default_verify_paths()
    # One of the two: reading a bundle takes 20 ms.
    return ssl.create_default_context(cafile=None if system.cafile or system.capath else get_cert_path(True))


class ImageFetcher(NamedTuple):
    """Fetches over http and https.

    The address that was checked is the one connected to, so a name that changes its answer gains nothing.
    """

    hosts: HostRules
    max_bytes: int
    # How the owner of a host reaches this deployment's: told in the User-Agent.
    contact: str = ""
    resolve: Resolver = system_resolver
    # Called for the first https address only.
    tls: Callable[[], ssl.SSLContext] = tls_context

    def fetch(self, url: ImageUrl, deadline: Deadline) -> bytes:
        """The image's bytes, at most `max_bytes`, which start like an image of a supported format.

        Raises ForbiddenAddressError, ImageNotFoundError, ImageTooLargeError, NotAnImageError, ImageHostError,
        OutOfTimeError.
        """
        for _ in range(1 + MAX_REDIRECTS):
            try:
                answer = self._request(url, deadline)
            except DropserveError:
                raise
            except TimeoutError:
                raise OutOfTimeError(f"the image host {url.host} did not answer in time") from None
            # Nothing but a stranger's answer is read here, and http.client raises ValueError and others, too.
            # Not chained: the text of its errors may quote the path and query.
            except Exception as error:  # noqa: BLE001
                raise ImageHostError(f"the image host {url.host} failed: {_reason(error)}") from None
            if isinstance(answer, bytes):
                return answer
            url = answer
        raise ImageHostError(f"the image host {url.host} redirects more than {MAX_REDIRECTS} times")

    def _request(self, url: ImageUrl, deadline: Deadline) -> bytes | ImageUrl:
        """One hop: the image, or the address that it is said to be at."""
        addresses = checked_addresses(url, deadline, hosts=self.hosts, resolve=self.resolve)
        with _connect(url, addresses, deadline) as plain, self._secure(plain, url, deadline) as sock:
            connection = HTTPConnection(url.host, url.port)
            connection.response_class = _Response
            # A connection that has a socket opens none itself.
            wire_bytes = WIRE_SHARE * self.max_bytes + WIRE_EXTRA_BYTES
            connection.sock = _BoundedSocket(sock, deadline, wire_bytes)
            connection.request("GET", url.target, headers=_headers(url, self.contact))
            with connection.getresponse() as response:
                if response.status in _REDIRECTS:
                    return _redirect_target(response, url)
                return self._read(response, url.host)

    def _secure(self, sock: socket.socket, url: ImageUrl, deadline: Deadline) -> socket.socket:
        if url.scheme == "http":
            return sock
        sock.settimeout(deadline.left_s(_DOING))
        return self.tls().wrap_socket(sock, server_hostname=url.host)

    def _read(self, response: HTTPResponse, host: str) -> bytes:
        check_status(response.status, host)
        declared_bytes = response.length
        if declared_bytes is not None and declared_bytes > self.max_bytes:
            raise self._too_large(host)
        body = bytearray(response.read(SIGNATURE_BYTES))
        # Here, and not at the end, so that nobody makes this function read a video.
        _check_content(body, response, host)
        while chunk := response.read(READ_BYTES):
            body += chunk
            if len(body) > self.max_bytes:
                raise self._too_large(host)
        if declared_bytes is not None and len(body) < declared_bytes:
            raise ImageHostError(f"the image host {host} sent {len(body)} of {declared_bytes} bytes")
        return bytes(body)

    def _too_large(self, host: str) -> ImageTooLargeError:
        return ImageTooLargeError(
            f"the image at {host} has more than {self.max_bytes} bytes; send a smaller one"
        )


def _connect(url: ImageUrl, addresses: list[Address], deadline: Deadline) -> socket.socket:
    """A connection to the first of the checked addresses that takes one."""
    failure: OSError = ConnectionError("no address")
    for address in addresses[:MAX_CONNECT_ATTEMPTS]:
        timeout_s = min(CONNECT_TIMEOUT_S, deadline.left_s(f"connecting to {url.host}"))
        try:
            return socket.create_connection((str(address), url.port), timeout=timeout_s)
        except OSError as error:
            failure = error
    raise failure


def _headers(url: ImageUrl, contact: str) -> dict[str, str]:
    return {
        "Host": url.host_header,
        "User-Agent": f"dropserve/{VERSION} (+{contact})" if contact else f"dropserve/{VERSION}",
        "Accept": ",".join(MEDIA_TYPES.values()),
        # A compressed body could grow past the limit after it was counted.
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


def _redirect_target(response: HTTPResponse, url: ImageUrl) -> ImageUrl:
    location = response.getheader("Location")
    if not location:
        raise ImageHostError(f"the image host {url.host} redirects to nowhere")
    # http.client reads headers as Latin-1; quoting the bytes keeps a raw UTF-8 path what it was.
    escaped = quote(location.encode("latin-1"), safe="/?:@!$&'()*+,;=-._~%#[]")
    try:
        return parse_image_url(urljoin(_base(url), escaped))
    except (BadRequestError, ValueError):
        raise ImageHostError(
            f"the image host {url.host} redirects to a malformed or unsupported url"
        ) from None


def _base(url: ImageUrl) -> str:
    return f"{url.scheme}://{url.host_header}{url.target}"


def _check_content(head: bytearray, response: HTTPResponse, host: str) -> None:
    """The first bytes decide: what headers say of plain images is often wrong.

    Raises NotAnImageError, ImageHostError.
    """
    if photo_format(head):
        return
    codings = {each.strip() for each in response.getheader("Content-Encoding", "").lower().split(",")}
    if compressions := sorted(codings & _COMPRESSIONS):
        raise ImageHostError(
            f"the image host {host} sent its answer compressed ({', '.join(compressions)}), though it was "
            "asked not to; let it serve images as they are"
        )
    content_type = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
    if content_type in _PAGES:
        raise NotAnImageError(
            f"the image host {host} sent {_PAGES[content_type]} and no image; give the address of the image "
            "itself"
        )
    raise NotAnImageError(f"what {host} sent is no image: {why_unread(head)}")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "no secure connection could be made"
    if isinstance(error, HTTPException) and not isinstance(error, IncompleteRead | RemoteDisconnected):
        return "its answer is not valid HTTP"
    return "no connection, or it was cut"


class _Response(HTTPResponse):
    """http.client takes a chunk of -1 bytes for all that ever comes, an interim answer for the final one."""

    def _read_status(self) -> tuple[str, int, str]:
        """Early Hints and the like come before the answer: RFC 9110, section 15.2."""
        while True:
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            # http.client itself passes over 100; after 101 no HTTP follows.
            if not HTTPStatus.PROCESSING <= found[1] < HTTPStatus.OK:
                return found
            parse_headers(self.fp)

    def _read_next_chunk_size(self) -> int:
        size_bytes: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size_bytes < 0:
            raise HTTPException("a chunk of negative size")
        return size_bytes


class _BoundedSocket:
    """What http.client asks of a socket, with one deadline and one bound over all reads together.

    A socket's own timeout starts anew at each read: a byte a second would hold the function forever.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._max_bytes = max_bytes

    def sendall(self, data: Any) -> None:
        self._sock.settimeout(self._deadline.left_s(_DOING))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self._sock, self._deadline, self._max_bytes))

    def close(self) -> None:
        """Left to the `with` that opened the socket: http.client closes before the body is read."""


class _BoundedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._sock = sock
        self._deadline = deadline
        self._left_bytes = max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(min(IDLE_TIMEOUT_S, self._deadline.left_s(_DOING)))
        count = self._sock.recv_into(buffer)
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise HTTPException("more than any image of the largest size needs")
        return count
