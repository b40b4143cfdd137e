"""Whatever an image host answers, the caller gets the image or a sentence: never an unexpected error."""

import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.common.errors import DropserveError
from functions.inference.errors import ImageHostError, NotAnImageError, OutOfTimeError
from functions.inference.fetching.allowed_hosts import HostRules
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.fetcher import ImageFetcher
from functions.inference.fetching.image_urls import parse_image_url
from tests.unit.inference.fetching.image_host import LocalServer, send_raw
from tests.unit.inference.images.pictures import encode, two_colours

PHOTO = encode(two_colours(30, 20), "JPEG")
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SECRET = "s3cret"


@pytest.fixture(scope="module")
def host() -> Iterator[LocalServer]:
    with LocalServer({}).running() as server:
        yield server


def fetch_as_it_is(host: LocalServer, timeout_s: float = 5, max_bytes: int = 100_000) -> bytes:
    fetcher = ImageFetcher(HostRules(private=frozenset({"127.0.0.1"})), max_bytes)
    return fetcher.fetch(parse_image_url(host.url(f"/a?X-Amz-Signature={SECRET}")), Deadline.after(timeout_s))


def fetch(host: LocalServer, *pieces: bytes, timeout_s: float = 5, max_bytes: int = 100_000) -> bytes:
    host.replies["/a"] = send_raw(pieces)
    return fetch_as_it_is(host, timeout_s, max_bytes)


def chunk(size: bytes, data: bytes = PHOTO) -> bytes:
    return CHUNKED + size + b"\r\n" + data + b"\r\n0\r\n\r\n"


SIZE = b"%x" % len(PHOTO)
REFUSED = {
    "chunk of -5 bytes": chunk(b"-5"),
    "chunk of -1 byte": chunk(b"-1"),
    "chunk of less than nothing, after one": CHUNKED + SIZE + b"\r\n" + PHOTO + b"\r\n-1\r\n" + b"x" * 99,
    "chunk of a size that is none": chunk(b"zz"),
    "chunk of no size": chunk(b""),
    "chunk of a huge size": chunk(b"f" * 300),
    "chunk of an endless size": chunk(b"0" * 70_000),
    "chunk of a size in other digits": chunk("١٢".encode()),
    "chunk without its end": CHUNKED + SIZE + b"\r\n" + PHOTO,
    "chunk whose line has no end": CHUNKED + SIZE,
    "no chunk": CHUNKED,
    "length of 100 bytes more": OK + b"Content-Length: %d\r\n\r\n" % (len(PHOTO) + 100) + PHOTO,
    "no body": OK + b"\r\n",
    "only a status line": OK,
    "half a status line": b"HTTP/1.1 20",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n" + PHOTO,
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n" + PHOTO,
    "a negative status": b"HTTP/1.1 -200 OK\r\n\r\n" + PHOTO,
    "a status in words": b"HTTP/1.1 OK 200\r\n\r\n" + PHOTO,
    "another version": b"HTTP/9.9 200 OK\r\n\r\n" + PHOTO,
    "another protocol": b"ICY 200 OK\r\n\r\n" + PHOTO,
    "no protocol": PHOTO,
    "101": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + PHOTO,
    "early hints and nothing more": b"HTTP/1.1 103 Early Hints\r\n\r\n",
    "early hints without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 500_000,
    "100 without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 500_000,
    "a header without end": OK + b"X: " + b"y" * 200_000,
    "headers without end": OK + b"X: y\r\n" * 10_000,
    "zeros": bytes(100_000),
    "a redirect of line ends": b"HTTP/1.1 302 Found\r\nLocation: /a\r\n b\r\n: c\r\n\r\n",
    "a redirect to half a bracket": b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n",
    "a redirect to a port that is none": b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:99999/\r\n\r\n",
    "a redirect to control characters": b"HTTP/1.1 302 Found\r\nLocation: http://\x01\x02/\r\n\r\n",
    "a redirect to no name": b"HTTP/1.1 302 Found\r\nLocation: http://a..b/\r\n\r\n",
    "a redirect of 20 kB": b"HTTP/1.1 302 Found\r\nLocation: /" + b"x" * 20_000 + b"\r\n\r\n",
}
TAKEN = {
    "chunk with an extension": chunk(SIZE + b";name=value"),
    "chunk with blanks": chunk(b" " + SIZE + b" "),
    "chunk in capital letters": chunk(SIZE.upper()),
    "trailers": CHUNKED + SIZE + b"\r\n" + PHOTO + b"\r\n0\r\nX: y\r\n\r\n",
    "chunks of a byte": CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in PHOTO) + b"0\r\n\r\n",
    "both length and chunks": OK
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    + SIZE
    + b"\r\n"
    + PHOTO
    + b"\r\n0\r\n\r\n",
    "a negative length": OK + b"Content-Length: -5\r\n\r\n" + PHOTO,
    "lengths in a list": OK + b"Content-Length: 5, 5\r\n\r\n" + PHOTO,
    "a length in other digits": OK + "Content-Length: ²\r\n\r\n".encode("latin-1") + PHOTO,
    "no length": OK + b"\r\n" + PHOTO,
    "no reason": b"HTTP/1.1 200\r\n\r\n" + PHOTO,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + PHOTO,
    "100 before": b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + OK + b"\r\n" + PHOTO,
    "early hints before": b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" * 2
    + OK
    + b"\r\n"
    + PHOTO,
    "102 and 100 before": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    + OK
    + b"\r\n"
    + PHOTO,
    "an interim answer that nobody knows": b"HTTP/1.1 199 Soon\r\n\r\n" + OK + b"\r\n" + PHOTO,
    "a header without a colon": OK + b"nonsense\r\n\r\n" + PHOTO,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_answer_is_the_hosts_failure(host: LocalServer, name: str) -> None:
    with pytest.raises((ImageHostError, NotAnImageError)) as caught:
        fetch(host, REFUSED[name], timeout_s=20)
    assert "127.0.0.1" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None, "its text may quote the path and query"


@pytest.mark.parametrize("name", TAKEN)
def test_an_odd_answer_with_an_image_in_it_is_taken(host: LocalServer, name: str) -> None:
    assert fetch(host, TAKEN[name])[: len(PHOTO)].startswith(PHOTO[:40])


@pytest.mark.parametrize("pieces", [[], [CHUNKED + SIZE + b"\r\n" + PHOTO[:-9]]], ids=["before", "amid"])
def test_an_answer_that_breaks_off_is_told_as_that(host: LocalServer, pieces: list[bytes]) -> None:
    with pytest.raises(ImageHostError, match=r"127\.0\.0\.1 failed: no connection, or it was cut"):
        fetch(host, *pieces)


def test_trailers_without_end_are_cut(host: LocalServer) -> None:
    start = CHUNKED + SIZE + b"\r\n" + PHOTO + b"\r\n0\r\n"
    trailers = itertools.chain([start], itertools.repeat(b"X: y\r\n" * 1000))

    with pytest.raises((ImageHostError, OutOfTimeError)):
        fetch(host, *itertools.islice(trailers, 2000))


def test_a_host_that_sends_more_than_any_image_needs_is_left(host: LocalServer) -> None:
    """Headers without end, and a chunk that ends with the connection, which http.client reads whole."""
    flood = b"HTTP/1.1 100 Continue\r\n\r\n" * 4000
    for pieces in ([flood] * 400, [CHUNKED + b"-1\r\n", *[PHOTO * 100] * 400]):
        left = iter(pieces)
        host.replies["/a"] = send_raw(left)
        with pytest.raises(ImageHostError, match="not valid HTTP"):
            fetch_as_it_is(host)
        assert next(left, None) is not None, "all of it was read"


TOKENS = st.sampled_from(
    [b"-1", b"+5", b"0x5", b"1_0", b" 5", b"5 ", SIZE, b"", b"\xff", "٣".encode(), b"f" * 20, b"5, 5", b"1e9"]
)
HEADERS = st.sampled_from(
    [
        b"Content-Length: ",
        b"Transfer-Encoding: ",
        b"Content-Encoding: ",
        b"Content-Type: ",
        b"Location: ",
        b"Connection: ",
        b"",
        b" folded ",
    ]
)
VALUES = st.one_of(
    TOKENS,
    st.sampled_from(
        [b"chunked", b"gzip, chunked", b"identity", b"image/jpeg", b"/a", b"http://[", b"//x:y@z/"]
    ),
    st.binary(max_size=20),
)
STATUS = st.sampled_from([b"200", b"302", b"404", b"100", b"204", b"-1", b"999", b"2 00", b"\xb2"])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    version=st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b"http/1.1", b"HTTP/1.1\0", b""]),
    status=STATUS,
    headers=st.lists(st.tuples(HEADERS, VALUES), max_size=4),
    sizes=st.lists(TOKENS, max_size=3),
    line_end=st.sampled_from([b"\r\n", b"\n", b"\r"]),
    tail=st.binary(max_size=30),
)
def test_any_answer_gives_an_image_or_a_sentence(
    host: LocalServer,
    *,
    version: bytes,
    status: bytes,
    headers: list[tuple[bytes, bytes]],
    sizes: list[bytes],
    line_end: bytes,
    tail: bytes,
) -> None:
    head = version + b" " + status + b" x" + line_end
    head += b"".join(name + value + line_end for name, value in headers) + line_end
    body = b"".join(size + line_end + PHOTO + line_end for size in sizes) or PHOTO
    try:
        image = fetch(host, head + body + tail, timeout_s=3)
    except DropserveError as error:
        assert SECRET not in str(error)
    else:
        assert image.startswith(b"\xff\xd8\xff")
