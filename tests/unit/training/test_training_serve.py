"""The model server: with a real artefact as a process, and with tiny ones for its edges."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from made_photos import Trained

import serve

# An artefact whose model waits for a file to appear before it answers.
WAITING_MODEL = """
import json, pathlib, time

def model_fn(model_dir):
    return pathlib.Path(model_dir)

def input_fn(data, content_type, context):
    return bytes(data)

def predict_fn(data, model, context):
    if data == b"fail":
        raise ValueError("a fault with /secret/path in it")
    (model / "started").touch()
    while not (model / "go").exists():
        time.sleep(0.01)
    return data.decode()

def output_fn(prediction, accept):
    return json.dumps({"echo": prediction}), "application/json"
"""


@pytest.fixture
def waiting_model(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(WAITING_MODEL)
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, body: bytes = b"x", path: str = "/invocations", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, body, {"Content-Type": "image/jpeg", **headers})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, json.loads(text) if text else None


def ping(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/ping")
    status = connection.getresponse().status
    connection.close()
    return status


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def server_process(model_dir: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`python serve.py`, ready."""
    port = free_port()
    environment = {**os.environ, "SM_MODEL_DIR": str(model_dir), "SAGEMAKER_BIND_TO_PORT": str(port)}
    with subprocess.Popen([sys.executable, serve.__file__], env=environment) as process:
        try:
            wait_for(lambda: _is_ready(port, process))
            yield port, process
        finally:
            process.kill()


def _is_ready(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    try:
        return ping(port) == 200
    except OSError:
        return False


@contextmanager
def server_here(model: serve.Model) -> Iterator[int]:
    server = serve.Server(0, model)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_real_artefact_answers_by_the_wire_protocol(trained: Trained) -> None:
    photo = (trained.output / "smoke_test.jpg").read_bytes()
    with server_process(trained.model) as (port, process):
        status, answer = ask(port, photo)
        assert status == 200
        best = max(range(3), key=answer["probabilities"].__getitem__)
        assert answer["classes"][best] == trained.metrics()["smoke_test"]["expected_label"]
        assert len(answer["scores"]) == 3

        status, answer = ask(port, photo[:400])
        assert status == 400
        assert answer["error"].startswith("bad image")
        assert ask(port, photo, Content_Type="application/json")[0] == 415
        assert ask(port, photo, path="/elsewhere")[0] == 404

        process.terminate()
        assert process.wait(timeout=60) == 0


def test_one_connection_serves_many_requests(trained: Trained) -> None:
    model = serve.Model(trained.model, workers=1)
    model.load()
    photo = (trained.output / "smoke_test.jpg").read_bytes()
    with server_here(model) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        answers = []
        for body in (photo, b"no photo", photo):
            connection.request("POST", "/invocations", body, {"Content-Type": "image/jpeg"})
            response = connection.getresponse()
            answers.append((response.status, response.read()))
        connection.close()
    assert [status for status, _ in answers] == [200, 400, 200]
    assert answers[0] == answers[2]


def test_ping_says_503_until_the_model_is_loaded(waiting_model: Path) -> None:
    model = serve.Model(waiting_model, workers=1)
    with server_here(model) as port:
        assert ping(port) == 503
        assert ask(port) == (503, {"error": "the model is still loading"})
        model.load()
        assert ping(port) == 200


def test_a_request_beyond_the_queue_gets_503_at_once(
    waiting_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "MAX_REQUESTS", 2)
    model = serve.Model(waiting_model, workers=1)
    model.load()
    answers: list[tuple[int, Any]] = []
    with server_here(model) as port:
        waiting = [threading.Thread(target=lambda: answers.append(ask(port, b"patient"))) for _ in range(2)]
        for thread in waiting:
            thread.start()
        wait_for(lambda: model._slots._value == 0)
        assert ask(port, b"late") == (503, {"error": "too many requests wait already; try again"})
        (waiting_model / "go").touch()
        for thread in waiting:
            thread.join()
        assert answers == [(200, {"echo": "patient"})] * 2
        assert ask(port, b"now")[0] == 200


def test_too_large_a_body_is_refused_unread(waiting_model: Path) -> None:
    model = serve.Model(waiting_model, workers=1)
    model.load()
    with server_here(model) as port, socket.create_connection(("127.0.0.1", port)) as raw:
        length = serve.MAX_BODY_BYTES + 1
        raw.sendall(f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")
    with server_here(model) as port, socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 411 ")


def test_a_fault_of_the_model_is_500_and_keeps_its_details_in_the_log(
    waiting_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = serve.Model(waiting_model, workers=1)
    model.load()
    with server_here(model) as port:
        status, answer = ask(port, b"fail")
    assert status == 500
    assert "secret" not in json.dumps(answer)
    assert "/secret/path" in caplog.text


def test_sigterm_lets_the_request_in_work_finish(waiting_model: Path) -> None:
    with server_process(waiting_model) as (port, process):
        answers: list[tuple[int, Any]] = []
        thread = threading.Thread(target=lambda: answers.append(ask(port, b"last")))
        thread.start()
        wait_for((waiting_model / "started").exists)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None
        (waiting_model / "go").touch()
        thread.join()
        assert answers == [(200, {"echo": "last"})]
        assert process.wait(timeout=60) == 0


def test_a_model_that_cannot_be_loaded_ends_the_server(tmp_path: Path) -> None:
    environment = {**os.environ, "SM_MODEL_DIR": str(tmp_path), "SAGEMAKER_BIND_TO_PORT": str(free_port())}
    run = subprocess.run(
        [sys.executable, serve.__file__], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "the model cannot be loaded" in run.stderr
