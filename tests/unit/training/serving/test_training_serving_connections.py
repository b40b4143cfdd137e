"""What connections to the model server may send, and how long they may take, with an obedient model."""

import http.client
import re
import select
import socket
from collections.abc import Iterator

import pytest

from contracts.limits import MAX_PAYLOAD_BYTES
from tests.support.waiting import wait_until
from tests.unit.training.serving.serving_models import Client, ObedientModel, server_here
from training.serving import connection as bounded


@pytest.fixture(scope="module")
def server() -> Iterator[Client]:
    """One thread, ready."""
    with server_here(ObedientModel()) as client:
        wait_until(client.is_ready)
        yield client


def ask_for(word: str, headers: str = "") -> bytes:
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n{headers}"
    return f"{head}Content-Length: {len(word)}\r\n\r\n{word}".encode()


def read_to_end(raw: socket.socket) -> bytes:
    received = b""
    while data := raw.recv(1 << 16):
        received += data
    return received


def test_too_large_a_body_is_refused_unread(server: Client) -> None:
    with server.connect() as raw:
        raw.sendall(ask_for("").replace(b"Length: 0", f"Length: {MAX_PAYLOAD_BYTES + 1}".encode()))
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")
    with server.connect() as raw:
        raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 411 ")


def test_a_body_in_chunks_is_bounded_as_well(server: Client) -> None:
    for count, expected in ((1, 200), (7, 413)):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        chunks = (bytes([97]) * (1 << 20) for _ in range(count))
        connection.request("POST", "/invocations", chunks, {"Content-Type": "image/png"})
        assert connection.getresponse().status == expected
        connection.close()


def test_a_body_that_does_not_come_times_out() -> None:
    with server_here(ObedientModel(), limit_s=0.5) as client:
        wait_until(client.is_ready)
        with client.connect() as raw:
            raw.sendall(ask_for("half")[:-2])
            answer = read_to_end(raw)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"the request did not come within 0.5 s; try again" in answer
        assert client.metric("serve_dropped_total", reason="too_late") == 1
        assert client.metric("serve_requests_in_system") == 0


def test_pipelined_requests_are_answered_in_their_order(server: Client) -> None:
    with server.connect() as raw:
        raw.sendall(ask_for("first") + b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        raw.sendall(ask_for("last", headers="Connection: close\r\n"))
        answer = read_to_end(raw).decode()
    assert re.findall(r"HTTP/1.1 (\d+)", answer) == ["200", "404", "200"]


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 a TLS hello\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
    ],
)
def test_what_is_not_http_gets_400_and_keeps_no_place(server: Client, sent: bytes) -> None:
    with server.connect() as raw:
        raw.sendall(sent)
        assert read_to_end(raw).startswith(b"HTTP/1.1 400 ")
    wait_until(lambda: server.metric("serve_requests_in_system") == 0)


def test_headers_are_bounded(server: Client) -> None:
    with server.connect() as raw:
        raw.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nName: ")
        while not select.select([raw], [], [], 0.2)[0]:
            raw.sendall(b"x" * 70_000)
        assert b"The request's headers have more than 65536 bytes." in raw.recv(1000)


def test_headers_that_do_not_come_time_out(server: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "HEAD_LIMIT_S", 0.4)
    for beginning in (b"", b"GET /ping HTTP/1.1\r\n"):
        with server.connect() as raw:
            raw.sendall(beginning)
            assert read_to_end(raw) == b""
