"""The model server over HTTP: with a tiny artefact as a process, and with an obedient model for its edges."""

import base64
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.float_tolerance import softmax
from tests.support.waiting import wait_until
from tests.unit.training.serving.serving_models import (
    CLASSES,
    Client,
    ObedientModel,
    free_port,
    server_here,
    server_process,
    write_tiny_artefact,
)
from training.serving.settings import SettingError, read_settings


@pytest.fixture
def model() -> ObedientModel:
    return ObedientModel()


@pytest.fixture
def server(model: ObedientModel) -> Iterator[Client]:
    """One thread, ready."""
    with server_here(model) as client:
        wait_until(client.is_ready)
        yield client


def photo_of(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(buffer, "PNG")
    return buffer.getvalue()


def batch_of(*photos: bytes) -> bytes:
    return json.dumps({"instances": [{"b64": base64.b64encode(photo).decode()} for photo in photos]}).encode()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server with a real artefact, in a folder that it cannot write to."""
    folder = write_tiny_artefact(tmp_path_factory.mktemp("model"), temperature=2.0)
    folder.chmod(0o500)
    with server_process(folder) as (client, process):
        yield client
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_a_photo_is_answered_by_scores_and_calibrated_probabilities(real: Client) -> None:
    status, answer = real.ask(photo_of("lime"))
    assert status == 200
    assert answer["classes"] == CLASSES
    assert answer["scores"] == pytest.approx([0.0, 1.0, 0.0])
    assert answer["probabilities"] == pytest.approx(softmax([0.0, 1.0, 0.0], 2.0))


def test_what_cannot_be_answered_gets_a_sentence(real: Client) -> None:
    photo = photo_of("red")
    status, answer = real.ask(photo[:20])
    assert status == 400
    assert answer["error"].startswith("bad image")
    status, answer = real.ask(photo, Content_Type="application/pdf")
    assert (status, "application/pdf" in answer["error"]) == (415, True)
    status, answer = real.ask(photo, path="/elsewhere")
    assert (status, "POST /invocations" in answer["error"]) == (404, True)
    assert real.get("/invocations")[0] == 405
    assert real.metric("serve_requests_total", status="415") == 1


def test_why_is_told_only_where_it_is_asked(real: Client) -> None:
    asked = {"X_Amzn_SageMaker_Custom_Attributes": "explain=true"}
    assert "explanation" not in real.ask(photo_of("lime"))[1]
    status, answer = real.ask(photo_of("lime"), **asked)
    assert (status, answer["scores"]) == (200, pytest.approx([0.0, 1.0, 0.0]))
    assert answer["explanation"] == {"refused": "this model has no exact heat map: it has no linear head"}


def test_a_batch_is_answered_photo_by_photo(real: Client) -> None:
    body = batch_of(photo_of("red"), b"no photo", *[photo_of("blue")] * 6)
    status, answer = real.ask(body, Content_Type="application/json")
    assert (status, answer["classes"]) == (200, CLASSES)
    first, cut, *others = answer["predictions"]
    assert first["scores"] == pytest.approx([1.0, 0.0, 0.0])
    assert cut["error"].startswith("bad image")
    assert [other["scores"] for other in others] == [pytest.approx([0.0, 0.0, 1.0])] * 6


def test_npy_in_and_out(real: Client) -> None:
    pixels = np.zeros((2, 50, 70, 3), np.uint8)
    pixels[0, ..., 1] = pixels[1, ..., 2] = 255
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    status, body, headers = real.ask_raw(
        buffer.getvalue(), Content_Type="application/x-npy", Accept="application/x-npy"
    )
    assert (status, headers["Content-Type"]) == (200, "application/x-npy")
    scores = np.load(io.BytesIO(body))
    assert scores.dtype == np.float32
    assert np.allclose(scores, [[0, 1, 0], [0, 0, 1]])
    _, body, _ = real.ask_raw(photo_of("red"), Accept="application/x-npy")
    assert np.allclose(np.load(io.BytesIO(body)), [1, 0, 0])


def test_keep_alive_serves_many_requests(real: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", real.port, timeout=60)
    answers = []
    for body in (photo_of("red"), b"no photo", photo_of("red")):
        connection.request("POST", "/invocations", body, {"Content-Type": "image/png"})
        response = connection.getresponse()
        answers.append((response.status, json.loads(response.read())))
    connection.close()
    assert [status for status, _ in answers] == [200, 400, 200]
    assert answers[0] == answers[2]


def test_ping_says_503_until_the_model_has_answered_a_warm_up(model: ObedientModel) -> None:
    model.hold.clear()
    with server_here(model) as client:
        assert client.get("/ping")[0] == 503
        assert client.ask() == (503, {"error": "the model is still loading"})
        model.hold.set()
        wait_until(client.is_ready)
        assert client.ask(b"hello")[0] == 200


def test_a_request_without_the_access_key_is_refused(model: ObedientModel) -> None:
    with server_here(model, access_key="k" * 64) as client:
        for headers in ({}, {"X_Serve_Access_Key": "k" * 63}, {"X_Serve_Access_Key": "ö" * 64}):
            assert client.ask_raw(b"word", **headers)[0] == 403
        assert client.get("/ping")[0] == client.get("/metrics")[0] == 403
        wait_until(lambda: client.ask_raw(b"word", X_Serve_Access_Key="k" * 64)[0] == 200)
        assert model.seen == ["word"]


def test_a_request_beyond_the_queue_gets_503_at_once(model: ObedientModel) -> None:
    with server_here(model, max_requests=2) as client:
        wait_until(client.is_ready)
        waiting = client.ask_later(b"wait 1", b"wait 2")
        wait_until(lambda: client.metric("serve_requests_in_system") == 2)
        status, answer, headers = client.ask_raw(b"late")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert json.loads(answer) == {"error": "too many requests wait already; try again"}
        model.go.set()
        assert [status for status, _ in waiting()] == [200, 200]
        assert client.ask(b"now")[0] == 200
        assert client.metric("serve_dropped_total", reason="full") == 1
        assert "late" not in model.seen


def test_bodies_that_wait_are_bounded_too(model: ObedientModel) -> None:
    with server_here(model, max_bytes=1000) as client:
        wait_until(client.is_ready)
        assert client.ask(b"x" * 1001)[0] == 503
        assert client.ask(b"x" * 1000)[0] == 200


@pytest.mark.parametrize("where", ["decoder", "engine"])
def test_a_fault_is_500_for_its_request_alone_and_keeps_its_details_in_the_log(
    server: Client, model: ObedientModel, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    first = server.ask_later(b"wait")
    wait_until(lambda: "wait" in model.seen)
    others = server.ask_later(f"fail {where}".encode(), b"good")
    wait_until(lambda: server.metric("serve_requests_in_system") == 3)
    model.go.set()
    assert first()[0][0] == 200
    (failed, answer), (good, _) = others()
    assert (failed, good) == (500, 200)
    assert "secret" not in json.dumps(answer)
    assert "/secret/path" in caplog.text


def test_a_queue_timeout_is_a_503_and_nothing_is_computed(model: ObedientModel) -> None:
    with server_here(model, wait_limit_s=0.3) as client:
        wait_until(client.is_ready)
        taken = client.ask_later(b"wait")
        wait_until(lambda: "wait" in model.seen)
        status, answer, headers = client.ask_raw(b"late")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert json.loads(answer) == {"error": "no worker was free within 0.3 s; try again"}
        assert client.metric("serve_dropped_total", reason="not_taken") == 1
        model.go.set()
        assert taken()[0][0] == 200
        assert client.ask(b"now")[0] == 200
        assert "late" not in model.seen


def test_a_computation_that_hangs_times_out_and_ping_fails(
    model: ObedientModel,
) -> None:
    with server_here(model, limit_s=0.5) as client:
        wait_until(client.is_ready)
        assert client.ask(b"wait") == (503, {"error": "no answer within 0.5 s; try again"})
        wait_until(lambda: client.get("/ping")[0] == 503)
        assert client.metric("serve_dropped_total", reason="too_late") == 1
        model.go.set()
        wait_until(client.is_ready)


def test_a_client_disconnect_cancels_its_computation(server: Client, model: ObedientModel) -> None:
    first = server.ask_later(b"wait")
    wait_until(lambda: "wait" in model.seen)
    with server.connect() as raw:
        raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ngone")
        wait_until(lambda: server.metric("serve_requests_in_system") == 2)
    wait_until(lambda: server.metric("serve_dropped_total", reason="client_gone") == 1)
    model.go.set()
    first()
    assert server.ask(b"next")[0] == 200
    assert model.seen == ["wait", "next"]


def test_a_large_batch_does_not_starve_other_requests(server: Client, model: ObedientModel) -> None:
    words = [b"wait 0", *(f"photo {number}".encode() for number in range(1, 9))]
    many = server.ask_later(batch_of(*words), Content_Type="application/json")
    wait_until(lambda: "wait 0" in model.seen)
    single = server.ask_later(b"single")
    wait_until(lambda: server.metric("serve_requests_in_system") == 2)
    model.go.set()
    assert single()[0][0] == 200
    assert len(many()[0][1]["predictions"]) == 9
    assert model.seen.index("single") == 4
    assert [word.encode() for word in model.seen if word != "single"] == words


def test_a_lone_request_gets_more_cores(model: ObedientModel) -> None:
    with server_here(model, threads=2) as client:
        wait_until(client.is_ready)
        model.lone_seen.clear()
        first = client.ask_later(b"wait")
        wait_until(lambda: "wait" in model.seen)
        assert client.ask(b"beside")[0] == 200
        model.go.set()
        first()
        assert client.ask(b"alone")[0] == 200
        assert model.lone_seen == ["wait", "alone"]


def test_sigterm_drains_the_requests_in_flight(tmp_path: Path) -> None:
    photo = photo_of("red")
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {len(photo)}"
    with server_process(write_tiny_artefact(tmp_path)) as (client, process), client.connect() as raw:
        raw.sendall(head.encode() + b"\r\n\r\n" + photo[:10])
        wait_until(lambda: client.metric("serve_requests_in_system") == 1)
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: not client.is_ready())
        with pytest.raises(OSError):
            client.ask(b"too late")
        time.sleep(0.3)
        assert process.poll() is None
        raw.sendall(photo[10:])
        assert raw.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("files", "sentence"),
    [([], "the model artefact has no model.json"), (["graph.bin"], "graph.xml")],
)
def test_a_model_that_cannot_be_loaded_ends_the_server_with_a_sentence(
    tmp_path: Path, files: list[str], sentence: str
) -> None:
    if files:
        write_tiny_artefact(tmp_path)
        (tmp_path / "graph.xml").write_text("<net/>")
    settings = {"SM_MODEL_DIR": str(tmp_path), "SAGEMAKER_BIND_TO_PORT": str(free_port())}
    run = subprocess.run(
        [sys.executable, "-m", "training.serve"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "the model cannot be loaded" in run.stderr
    assert sentence in run.stderr


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_named(port: str) -> None:
    with pytest.raises(SettingError, match=f"SAGEMAKER_BIND_TO_PORT is '{port}'"):
        read_settings({"SAGEMAKER_BIND_TO_PORT": port})


def test_the_defaults_are_those_of_a_container() -> None:
    settings = read_settings({})
    assert (str(settings.model_dir), settings.host, settings.port) == ("/opt/ml/model", "127.0.0.1", 8080)
    assert read_settings({"SERVE_HOST": "0.0.0.0"}).host == "0.0.0.0"
