"""Every hostile URL, by a caller and by a redirect, through the whole function: none leads anywhere."""

import json
import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from functions.inference import handler
from functions.inference.fetching import fetcher, public_addresses
from tests.unit.inference.aws_replies import (
    ANSWER,
    environment,
    invocations,
    live_pointer_value,
    ssm_parameter,
)
from tests.unit.inference.fetching.hostile_urls import HOSTILE_URLS, NAMES
from tests.unit.inference.fetching.image_host import LocalServer, send, send_json
from tests.unit.inference.lambda_process import context, forget

Ask = Callable[[str], tuple[int, str]]

# A header holds no line ends, nor halves of characters: percent-encoded, these are a path like any other.
IN_A_HEADER = [
    number
    for number, (url, _) in enumerate(HOSTILE_URLS)
    if not any(character in "\r\n" or "\ud800" <= character <= "\udfff" for character in url)
]
# A redirect to a URL that cannot be read is the host's failure, and a relative one stays on the host.
CODES_OF_REDIRECTS = {"forbidden_address", "image_host_failed", "image_not_found"}


def test_the_table_holds_no_url_twice() -> None:
    urls = [url for url, _ in HOSTILE_URLS]
    assert len(set(urls)) == len(urls)


@pytest.fixture(scope="module")
def redirecting() -> Iterator[LocalServer]:
    """/to?N redirects to the N-th hostile URL; any other path is not there."""

    def redirect(request: Any) -> None:
        url = HOSTILE_URLS[int(request.path.partition("?")[2])][0]
        # A header holds bytes; what cannot stand in one is percent-encoded, as a browser would.
        location = quote(url.encode(errors="surrogatepass"), safe="/?:@!$&'()*+,;=-._~%#[]\\ \t")
        send(status=302, headers={"Location": location})(request)

    class Replies(dict):
        def __missing__(self, path: str) -> Any:
            return send(status=404)

    with LocalServer(Replies({"/to": redirect})).running() as server:
        yield server


@pytest.fixture(scope="module")
def all_connections() -> Iterator[list[tuple[str, int]]]:
    """The addresses connected to for an image; to the function, names resolve as NAMES says."""
    opened: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        opened.append(address)
        if address[0] != "127.0.0.1":
            raise ConnectionRefusedError
        return socket.create_connection(address, timeout=timeout)

    def look_up(name: str, *_: Any, **__: Any) -> list[Any]:
        if name not in NAMES and name != "redirecting.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = NAMES.get(name, ["127.0.0.1"])
        return [(None, None, None, "", (address, 0)) for address in found]

    with pytest.MonkeyPatch.context() as patch:
        # In these two modules only: the calls to AWS have sockets of their own.
        patch.setattr(fetcher, "socket", SimpleNamespace(create_connection=connect))
        patch.setattr(public_addresses, "socket", SimpleNamespace(getaddrinfo=look_up, SOCK_STREAM=None))
        yield opened


@pytest.fixture
def connected(all_connections: list[tuple[str, int]]) -> list[tuple[str, int]]:
    all_connections.clear()
    return all_connections


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    replies = {"/": ssm_parameter(live_pointer_value()), invocations(): send_json(ANSWER)}
    with LocalServer(replies).running() as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(aws).items():
            patch.setenv(name, value)
        patch.setenv("ALLOWED_PRIVATE_HOSTS", "redirecting.test")
        forget()

        def invoke(url: str) -> tuple[int, str]:
            answer = handler.handler({"url": url}, context(1))
            return answer["statusCode"], json.loads(answer["body"])["code"]

        yield invoke
        forget()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("url", "code"), HOSTILE_URLS, ids=[ascii(url)[1:60] for url, _ in HOSTILE_URLS])
def test_a_hostile_url_is_refused_without_a_connection(
    ask: Ask, connected: list[Any], url: str, code: str
) -> None:
    assert ask(url) == ({"bad_request": 400, "forbidden_address": 403}[code], code)
    assert connected == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", IN_A_HEADER)
def test_a_redirect_to_a_hostile_url_leads_nowhere(
    ask: Ask, connected: list[Any], redirecting: LocalServer, number: int
) -> None:
    _, code = ask(redirecting.url(f"/to?{number}", host="redirecting.test"))

    assert code in CODES_OF_REDIRECTS
    assert set(connected) == {("127.0.0.1", redirecting.port)}
    url, code_of_the_url = HOSTILE_URLS[number]
    # A name that is not ASCII arrives percent-encoded, and is no name then.
    if code_of_the_url == "forbidden_address" and url.isascii():
        assert code == "forbidden_address"
