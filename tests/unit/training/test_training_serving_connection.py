"""The model server's HTTP: what connections may send, and how long they may take, with an obedient model."""

import gc
import http.client
import select
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_models import Client, server_here, wait_for, write_obedient_model

import serving_connection
from serving_exchange import Exchange
from serving_queue import Request
from serving_settings import MAX_BODY_BYTES


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One worker, ready."""
    with server_here(write_obedient_model(tmp_path_factory.mktemp("model"))) as client:
        wait_for(client.is_ready)
        yield client


def connect(server: Client) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def ask_for(word: str, version: str = "1.1", headers: str = "") -> bytes:
    head = f"POST /invocations HTTP/{version}\r\nHost: x\r\n{headers}Content-Length: {len(word)}\r\n\r\n"
    return (head + word).encode()


def read_to_end(raw: socket.socket) -> bytes:
    received = b""
    while data := raw.recv(1 << 16):
        received += data
    return received


def test_too_large_a_body_is_refused_unread(server: Client) -> None:
    with connect(server) as raw:
        length = MAX_BODY_BYTES + 1
        raw.sendall(f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")
    with connect(server) as raw:
        raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 411 ")


def test_a_body_in_chunks_is_bounded_as_well(server: Client) -> None:
    for count, expected in ((1, 200), (7, 413)):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("POST", "/invocations", (bytes([97]) * (1 << 20) for _ in range(count)))
        assert connection.getresponse().status == expected
        connection.close()


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    with server_here(write_obedient_model(tmp_path), limit_s=0.5) as client:
        wait_for(client.is_ready)
        with connect(client) as raw:
            raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nhal")
            answer = raw.recv(1000)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"the request did not come within 0.5 s; try again" in answer
        assert client.metric("serve_dropped_total", reason="too_late") == 1
        assert client.metric("serve_requests_in_system") == 0


def test_a_client_that_asks_first_is_told_to_send_its_body(server: Client) -> None:
    with connect(server) as raw:
        raw.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        assert raw.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"word")
        assert raw.recv(1000).startswith(b"HTTP/1.1 200 ")
        raw.sendall(b"HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_requests_that_come_together_are_answered_in_their_order(server: Client) -> None:
    words = ["first", "second", "third"]
    with connect(server) as raw:
        requests = [ask_for(word) for word in words]
        requests.insert(1, b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        raw.sendall(b"".join(requests) + ask_for("last", headers="Connection: close\r\n"))
        answer = read_to_end(raw).decode()
    places = [answer.index(text) for text in ('"first"', "404 Not Found", '"second"', '"third"', '"last"')]
    assert places == sorted(places)
    assert answer.count("HTTP/1.1 200 OK") == 4
    assert answer.lower().count("connection: close") == 1


def test_a_request_may_come_byte_by_byte(server: Client) -> None:
    with connect(server) as raw:
        for byte in ask_for("slow", headers="Connection: close\r\n"):
            raw.sendall(bytes([byte]))
        assert b'"slow"' in read_to_end(raw)


def test_http_1_0_gets_one_answer(server: Client) -> None:
    with connect(server) as raw:
        raw.sendall(ask_for("old", version="1.0"))
        assert read_to_end(raw).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_url_may_name_the_host(server: Client) -> None:
    with connect(server) as raw:
        raw.sendall(b"GET http://endpoint/ping?deep=1 HTTP/1.1\r\nHost: endpoint\r\n\r\n")
        assert raw.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_an_offer_to_upgrade_is_not_taken(server: Client) -> None:
    with connect(server) as raw:
        raw.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI *")
        answer = read_to_end(raw)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01 a TLS hello\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
    ],
)
def test_what_is_not_http_gets_400_after_the_answers_before_it(server: Client, sent: bytes) -> None:
    with connect(server) as raw:
        raw.sendall(ask_for("good") + sent)
        answer = read_to_end(raw)
    good, bad = answer.index(b"HTTP/1.1 200 "), answer.index(b"HTTP/1.1 400 ")
    assert good < bad
    assert b"this is not HTTP/1.1" in answer[bad:]
    assert server.metric("serve_requests_in_system") == 0


def test_headers_are_bounded(server: Client) -> None:
    with connect(server) as raw:
        raw.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nName: ")
        while not select.select([raw], [], [], 0.5)[0]:
            raw.sendall(b"x" * 70_000)
        assert raw.recv(1000).startswith(b"HTTP/1.1 431 ")


def test_a_head_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    with server_here(write_obedient_model(tmp_path), limit_s=0.5) as client, connect(client) as raw:
        raw.sendall(b"GET /ping HTTP/1.1\r\n")
        answer = read_to_end(raw)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"the request did not come within 0.5 s" in answer


def test_a_client_that_does_not_read_is_not_read_from(server: Client) -> None:
    # Each answer repeats its request's path.
    path = "x" * 50_000
    requests = [f"GET /{number:06}{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for number in range(1000)]
    sent_bytes, sent = 0, b"".join(requests)
    with connect(server) as raw:
        raw.settimeout(2)
        with pytest.raises(TimeoutError):
            while True:
                sent_bytes += raw.send(sent[sent_bytes : sent_bytes + (1 << 16)])
        # What lies in the buffers of both sockets, and no more.
        assert sent_bytes < len(sent) / 2
        raw.settimeout(60)
        answers = b""
        whole = sent_bytes // len(requests[0])
        while answers.count(b"HTTP/1.1 404 ") < whole:
            answers += raw.recv(1 << 20)
    places = [answers.index(f"GET /{number:06}".encode()) for number in range(whole - 1)]
    assert places == sorted(places)


def test_a_connection_without_requests_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_connection, "_IDLE_S", 0.5)
    with server_here(write_obedient_model(tmp_path)) as client:
        silent, polite = connect(client), connect(client)
        for _ in range(3):
            time.sleep(0.3)
            polite.sendall(b"HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\n")
            assert polite.recv(1000).startswith(b"HTTP/1.1 ")
        for raw in (silent, polite):
            assert raw.recv(1000) == b""
            raw.close()


def test_what_was_answered_is_freed_without_the_collector(server: Client) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            assert server.ask(b"word")[0] == 200
        with connect(server) as raw:
            raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nha")
        kinds = (serving_connection.Connection, Exchange, Request)
        wait_for(lambda: not any(isinstance(each, kinds) for each in gc.get_objects()))
    finally:
        gc.enable()
