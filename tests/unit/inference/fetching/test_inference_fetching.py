"""Fetching, against real servers on this machine."""

import gzip
import itertools
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drops.photo_formats import MEDIA_TYPES
from dropserve import __version__
from functions.inference.errors import (
    ForbiddenAddressError,
    ImageHostError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
    OutOfTimeError,
)
from functions.inference.fetching import fetcher
from functions.inference.fetching.allowed_hosts import HostRules
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.fetcher import MAX_REDIRECTS, ImageFetcher
from functions.inference.fetching.image_urls import parse_image_url
from tests.unit.inference.fetching.image_host import LocalServer, redirect, send, send_chunked, send_raw

Serve = Callable[..., LocalServer]
ALLOWED = HostRules(private=frozenset({"127.0.0.1", "localhost", "images.test", "other.test"}))


def to_this_machine(name: str, timeout_s: float) -> list[str]:
    return ["127.0.0.1"]


def fetch(url: str, *, timeout_s: float = 5, max_bytes: int = 100_000, **options: object) -> bytes:
    fetcher = ImageFetcher(**{"hosts": ALLOWED, "resolve": to_this_machine, **options}, max_bytes=max_bytes)
    return fetcher.fetch(parse_image_url(url), Deadline.after(timeout_s))


def dripping(*starts: bytes, then: bytes = b"x") -> Iterator[bytes]:
    yield from starts
    while True:
        time.sleep(0.02)
        yield then


def test_an_image_comes_back_byte_for_byte(serve: Serve, photo: bytes) -> None:
    host = serve({"/dog.jpg": send(photo)})

    assert fetch(host.url("/dog.jpg?size=1")) == photo
    method, path, headers, _ = host.requests[0]
    assert (method, path) == ("GET", "/dog.jpg?size=1")
    assert headers["Host"] == f"127.0.0.1:{host.port}"
    assert headers["Accept-Encoding"] == "identity"


def test_a_path_with_unicode_and_spaces_is_encoded_once(serve: Serve, photo: bytes) -> None:
    host = serve({"/h%C3%BCnd%20chen.jpg": send(photo)})

    assert fetch(host.url("/hünd chen.jpg")) == photo
    assert fetch(host.url("/h%C3%BCnd%20chen.jpg")) == photo


def test_the_checked_address_is_connected_to_against_dns_rebinding(serve: Serve, photo: bytes) -> None:
    host = serve({"/dog.jpg": send(photo)})
    # A rebinding name: the second answer would be metadata.
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])

    assert fetch(host.url("/dog.jpg", host="images.test"), resolve=lambda *_: next(answers)) == photo
    assert host.requests[0][2]["Host"] == f"images.test:{host.port}"
    assert next(answers) == ["169.254.169.254"]


def test_the_next_address_is_tried_when_one_takes_no_connection(serve: Serve, photo: bytes) -> None:
    host = serve({"/dog.jpg": send(photo)})

    assert fetch(host.url("/dog.jpg", host="images.test"), resolve=lambda *_: ["::1", "127.0.0.1"]) == photo


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(serve: Serve, photo: bytes, status: int) -> None:
    host = serve({"/a/b": redirect("../dog.jpg?x=1", status), "/dog.jpg": send(photo)})

    assert fetch(host.url("/a/b?secret=1")) == photo
    assert host.requests[1][1] == "/dog.jpg?x=1"
    assert "Referer" not in host.requests[1][2]


def test_a_redirect_with_a_raw_unicode_path_is_followed(serve: Serve, photo: bytes) -> None:
    location = "/hünd.jpg".encode().decode("latin-1")
    host = serve({"/a": redirect(location), "/h%C3%BCnd.jpg": send(photo)})

    assert fetch(host.url("/a")) == photo


def test_three_redirects_are_the_most(serve: Serve, photo: bytes) -> None:
    hops = {f"/{hop}": redirect(f"/{hop + 1}") for hop in range(MAX_REDIRECTS)}
    host = serve(
        {**hops, f"/{MAX_REDIRECTS}": send(photo), "/more": redirect("/0"), "/loop": redirect("/loop")}
    )

    assert fetch(host.url("/0")) == photo
    for path in ("/more", "/loop"):
        with pytest.raises(ImageHostError, match="redirects more than 3"):
            fetch(host.url(path))
    assert len(host.requests) == 3 * (MAX_REDIRECTS + 1)


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "//169.254.170.2/v2/credentials",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://intranet.example/",
        "https://93.184.216.34:22/",
    ],
)
def test_a_redirect_to_a_forbidden_address_is_not_followed(serve: Serve, location: str) -> None:
    host = serve({"/a": redirect(location)})

    def resolve(name: str, timeout_s: float) -> list[str]:
        return ["127.0.0.1"] if name == "images.test" else ["192.168.0.7"]

    with pytest.raises(ForbiddenAddressError):
        fetch(host.url("/a", host="images.test"), resolve=resolve)


@pytest.mark.parametrize(
    "location",
    ["", "file:///etc/passwd", "http://u:p@127.0.0.1/", "http://2130706433/", "http://[::1", "ftp://x/"],
)
def test_a_redirect_to_nonsense_is_the_hosts_failure(serve: Serve, location: str) -> None:
    host = serve({"/a": redirect(location)})

    with pytest.raises(ImageHostError, match="redirects"):
        fetch(host.url("/a"))


@pytest.mark.parametrize(("status", "meaning"), [(404, "nothing is at this address"), (410, "was removed")])
def test_an_absent_image(serve: Serve, status: int, meaning: str) -> None:
    host = serve({"/a": send(b"no", status=status)})

    with pytest.raises(ImageNotFoundError, match=f"{status}: .*{meaning}"):
        fetch(host.url("/a"))


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (204, "answered with 200"),
        (206, "answered with 200"),
        (300, "answered with 200"),
        (304, "answered with 200"),
        (401, "asks for a login"),
        (403, "private, its signed address has expired, or the host refuses links"),
        (418, "answered with 200"),
        (429, "limits how often"),
        (451, "legal reasons"),
        (500, "try again later"),
        (503, "try again later"),
        (599, "try again later"),
    ],
)
def test_any_other_status_is_the_hosts_failure_and_says_what_it_usually_means(
    serve: Serve, photo: bytes, status: int, meaning: str
) -> None:
    host = serve({"/a": send(b"" if status in {204, 304} else photo, status=status)})

    with pytest.raises(ImageHostError, match=f"answered {status}: .*{meaning}") as caught:
        fetch(host.url("/a?X-Amz-Signature=s3cret"))
    assert "s3cret" not in str(caught.value)


def test_a_declared_length_over_the_limit_is_refused_before_the_body_is_sent(serve: Serve) -> None:
    def reply(handler: object) -> None:
        send(b"", declare=100_001)(handler)

    host = serve({"/a": reply})

    with pytest.raises(ImageTooLargeError, match="100000"):
        fetch(host.url("/a"))


def test_an_endless_image_is_cut_at_the_limit(serve: Serve, photo: bytes) -> None:
    host = serve({"/a": send_chunked(itertools.chain([photo], itertools.repeat(b"\0" * 8192)))})

    with pytest.raises(ImageTooLargeError):
        fetch(host.url("/a"))


def test_an_image_of_exactly_the_limit_is_taken(serve: Serve, photo: bytes) -> None:
    host = serve({"/a": send(photo), "/b": send_chunked([photo])})

    for path in ("/a", "/b"):
        assert fetch(host.url(path), max_bytes=len(photo)) == photo
        with pytest.raises(ImageTooLargeError):
            fetch(host.url(path), max_bytes=len(photo) - 1)


def test_content_that_is_no_image_is_refused_after_its_first_bytes(serve: Serve) -> None:
    # Endless, and each chunk within the limit: only the content can end it early.
    pages = itertools.chain([b"<!doctype html>"], dripping(then=b" " * 10))
    host = serve({"/a": send_chunked(pages), "/empty": send(b"")})

    with pytest.raises(NotAnImageError):
        fetch(host.url("/a"))
    with pytest.raises(NotAnImageError):
        fetch(host.url("/empty"))


@pytest.mark.parametrize(
    "content_type",
    [
        "image/jpeg",
        "IMAGE/WebP; q=1",
        "application/octet-stream",
        "binary/octet-stream",
        "",
        "application/x-www-form-urlencoded",
        "jpg",
        "text/html; charset=utf-8",
        "video/mp4",
        "x" * 5000,
    ],
)
def test_an_image_is_told_by_its_content_whatever_its_type_says(
    serve: Serve, photo: bytes, content_type: str
) -> None:
    host = serve({"/a": send(photo, headers={"Content-Type": content_type})})

    assert fetch(host.url("/a")) == photo


@pytest.mark.parametrize(
    ("content_type", "sentence"),
    [
        ("text/html; charset=utf-8", "sent a web page and no image; give the address of the image itself"),
        ("application/json", "sent JSON and no image"),
        ("application/xml", "sent XML and no image"),
        ("image/jpeg", "is no image: the content is not one of JPEG"),
        ("x" * 5000, "is no image: the content is not one of JPEG"),
    ],
)
def test_what_is_no_image_is_named_without_the_host_s_own_words(
    serve: Serve, content_type: str, sentence: str
) -> None:
    host = serve({"/a": send(b"<!doctype html>" + bytes(99), headers={"Content-Type": content_type})})

    with pytest.raises(NotAnImageError, match=sentence) as caught:
        fetch(host.url("/a"))
    assert "xxx" not in str(caught.value)


def test_an_image_that_is_not_read_is_named(serve: Serve) -> None:
    host = serve({"/a": send(b"\0\0\0\x18ftypheic" + bytes(99))})

    with pytest.raises(NotAnImageError, match="HEIC photos are not read: export them as JPEG"):
        fetch(host.url("/a"))


def test_a_redirect_to_a_denied_host_is_not_followed(serve: Serve) -> None:
    host = serve({"/a": redirect("http://other.test/")})
    rules = HostRules(private=frozenset({"127.0.0.1", "other.test"}), denied=frozenset({"other.test"}))

    with pytest.raises(ForbiddenAddressError, match=r"other\.test"):
        fetch(host.url("/a"), hosts=rules)
    assert len(host.requests) == 1


@pytest.mark.parametrize(
    "encoding",
    ["", "base64", "UTF-8", "aws-chunked", "identity, ", "identity", "none", "binary", "image/jpeg", "gzip"],
)
def test_a_content_encoding_that_changed_nothing_is_ignored(
    serve: Serve, photo: bytes, encoding: str
) -> None:
    host = serve({"/a": send(photo, headers={"Content-Encoding": encoding})})

    assert fetch(host.url("/a")) == photo


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("identity, gzip", gzip.compress),
        ("br", lambda data: b"\x0b" + data),
        ("zstd", lambda data: b"\x28\xb5\x2f\xfd" + data),
    ],
)
def test_an_answer_that_is_truly_compressed_is_refused(
    serve: Serve, photo: bytes, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    host = serve({"/a": send(compress(photo), headers={"Content-Encoding": encoding})})

    with pytest.raises(ImageHostError, match=r"compressed .*let it serve images as they are"):
        fetch(host.url("/a"))


def test_the_host_is_told_who_asks_and_for_what(serve: Serve, photo: bytes) -> None:
    host = serve({"/a": send(photo)})

    fetch(host.url("/a"))
    fetch(host.url("/a"), contact="https://shop.example/contact")

    agents = [headers["User-Agent"] for _, _, headers, _ in host.requests]
    assert agents == [f"dropserve/{__version__}", f"dropserve/{__version__} (+https://shop.example/contact)"]
    assert set(host.requests[0][2]["Accept"].split(",")) == set(MEDIA_TYPES.values())


@pytest.mark.parametrize("spelled", ["  {}\n", "\t{} ", "\u00a0{}\r\n", "\ufeff{}"])
def test_white_space_around_an_address_is_left_out(serve: Serve, photo: bytes, spelled: str) -> None:
    host = serve({"/a": send(photo)})

    assert fetch(spelled.format(host.url("/a"))) == photo
    assert fetch(host.url("/a").replace("http://", "HTTP://")) == photo


def test_an_image_cut_short_is_the_hosts_failure(serve: Serve, photo: bytes) -> None:
    unfinished = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(photo)
    host = serve({"/a": send(photo[:-1], declare=len(photo)), "/b": send_raw([unfinished, photo[:50]])})

    for path in ("/a", "/b"):
        with pytest.raises(ImageHostError):
            fetch(host.url(path))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot-a-size\r\n",
    ],
)
def test_an_answer_that_is_not_http_is_the_hosts_failure(serve: Serve, answer: bytes) -> None:
    host = serve({"/a": send_raw([answer])})

    with pytest.raises(ImageHostError):
        fetch(host.url("/a?token=s3cret"))


def test_a_host_that_takes_no_connection(serve: Serve) -> None:
    with LocalServer({}).running() as gone:
        url = gone.url("/a")
    with pytest.raises(ImageHostError, match="no connection"):
        fetch(url)


@pytest.mark.parametrize(
    "starts",
    [
        [],
        [b"HTTP/1.1 200 OK\r\nX-Slow: "],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n", b"\xff\xd8\xff\xe0" + b"x" * 20],
        [b"HTTP/1.1 200 OK\r\n\r\n", b"\xff\xd8\xff\xe0" + b"x" * 20],
    ],
    ids=["status line", "header", "body", "body of unknown length"],
)
def test_a_host_that_drips_is_left_at_the_deadline(serve: Serve, starts: list[bytes]) -> None:
    host = serve({"/a": send_raw(dripping(*starts))})

    with pytest.raises(OutOfTimeError):
        fetch(host.url("/a"), timeout_s=0.3)


def test_a_host_that_says_nothing_is_left_at_the_deadline(serve: Serve) -> None:
    host = serve({"/a": lambda handler: time.sleep(1)})

    with pytest.raises(OutOfTimeError):
        fetch(host.url("/a"), timeout_s=0.2)


def test_a_host_that_falls_silent_is_left_before_the_deadline(
    serve: Serve, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher, "IDLE_TIMEOUT_S", 0.1)
    released = threading.Event()

    def fall_silent(handler: object) -> None:
        send(photo[:200], declare=len(photo))(handler)
        released.wait(20)

    host = serve({"/a": fall_silent})
    deadline = Deadline.after(15)
    try:
        with pytest.raises(OutOfTimeError):
            ImageFetcher(ALLOWED, 100_000).fetch(parse_image_url(host.url("/a")), deadline)
        assert deadline.left_s("this test") > 0
    finally:
        released.set()


def test_redirects_share_one_deadline(serve: Serve) -> None:
    def slow(handler: object) -> None:
        time.sleep(0.2)
        redirect("/a")(handler)

    host = serve({"/a": slow})

    with pytest.raises(OutOfTimeError):
        fetch(host.url("/a"), timeout_s=0.3)


class TestHttps:
    @pytest.fixture
    def names_asked_for(self) -> list[str | None]:
        return []

    @pytest.fixture
    def host(
        self, serve: Serve, certificate: Path, photo: bytes, names_asked_for: list[str | None]
    ) -> LocalServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.sni_callback = lambda sock, name, _: names_asked_for.append(name)
        return serve({"/dog.jpg": send(photo)}, context)

    def test_the_name_is_asked_for_and_checked(
        self, host: LocalServer, certificate: Path, photo: bytes, names_asked_for: list[str | None]
    ) -> None:
        trusting = ssl.create_default_context(cafile=str(certificate))

        assert fetch(host.url("/dog.jpg", "images.test", "https"), tls=lambda: trusting) == photo
        assert names_asked_for == ["images.test"]
        assert host.requests[0][2]["Host"] == f"images.test:{host.port}"

    def test_a_certificate_of_another_name_is_refused(self, host: LocalServer, certificate: Path) -> None:
        trusting = ssl.create_default_context(cafile=str(certificate))

        with pytest.raises(ImageHostError, match="certificate is not valid"):
            fetch(host.url("/dog.jpg", "other.test", "https"), tls=lambda: trusting)
        assert host.requests == []

    def test_an_unknown_authority_is_refused_by_default(self, host: LocalServer) -> None:
        with pytest.raises(ImageHostError, match="certificate is not valid"):
            fetch(host.url("/dog.jpg", "images.test", "https"))
        assert host.requests == []

    def test_a_host_without_tls_is_refused(self, serve: Serve, photo: bytes) -> None:
        plain = serve({"/dog.jpg": send(photo)})

        with pytest.raises(ImageHostError, match="secure connection"):
            fetch(plain.url("/dog.jpg", "images.test", "https"))
