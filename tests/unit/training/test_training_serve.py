"""The model server: with a real artefact as a process, and with an obedient model for its edges."""

import base64
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from float_tolerance import near_scores
from made_photos import Trained
from serving_models import (
    Client,
    free_port,
    on_cores,
    server_here,
    server_process,
    wait_for,
    write_obedient_model,
)

import serve
from cores import usable_cores


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_obedient_model(tmp_path)


@pytest.fixture
def server(model: Path) -> Iterator[Client]:
    """One worker, ready."""
    with server_here(model) as client:
        wait_for(client.is_ready)
        yield client


def seen(model: Path) -> list[str]:
    """What the model was asked, without the warm-up."""
    words = (model / "seen").read_text("latin-1").splitlines()
    return [word for word in words if word.isascii() and word.isprintable() and len(word) > 1]


@pytest.fixture(scope="module")
def real(trained: Trained) -> Iterator[tuple[Client, bytes]]:
    """A server with the artefact of a real run, and that run's smoke photo.

    In float32: one machine's workers would serve in bfloat16 and another's not.
    """
    with server_process(trained.model, SERVE_PRECISION="float32") as (client, process):
        yield client, (trained.output / "smoke_test.jpg").read_bytes()
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_a_real_artefact_answers_by_the_wire_protocol(real: tuple[Client, bytes], trained: Trained) -> None:
    client, photo = real
    status, answer = client.ask(photo)
    assert status == 200
    best = max(range(3), key=answer["probabilities"].__getitem__)
    assert answer["classes"][best] == trained.metrics()["smoke_test"]["expected_label"]
    assert len(answer["scores"]) == 3

    status, answer = client.ask(photo[:400])
    assert status == 400
    assert answer["error"].startswith("bad image")
    status, answer = client.ask(photo, Content_Type="application/pdf")
    assert (status, "application/pdf" in answer["error"]) == (415, True)
    assert client.ask(photo, path="/elsewhere")[0] == 404
    assert client.get("/invocations")[0] == 404


def test_a_batch_is_answered_photo_by_photo(real: tuple[Client, bytes]) -> None:
    client, photo = real
    _, alone = client.ask(photo)
    instances = [{"b64": base64.b64encode(data).decode()} for data in (photo, photo[:400], photo)]
    status, answer = client.ask(
        json.dumps({"instances": instances}).encode(), Content_Type="application/json"
    )
    assert status == 200
    assert answer["classes"] == alone["classes"]
    first, cut, third = answer["predictions"]
    assert first["scores"] == near_scores(alone["scores"])
    assert third["scores"] == near_scores(alone["scores"])
    assert cut["error"].startswith("bad image")


def test_npy_in_and_out(real: tuple[Client, bytes]) -> None:
    client, photo = real
    pixels = np.random.default_rng(1).integers(0, 256, (2, 50, 70, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    status, body, headers = client.ask_raw(
        buffer.getvalue(), Content_Type="application/x-npy", Accept="application/x-npy"
    )
    assert (status, headers["Content-Type"]) == (200, "application/x-npy")
    scores = np.load(io.BytesIO(body))
    assert (scores.shape, scores.dtype) == ((2, 3), np.float32)
    assert not np.array_equal(scores[0], scores[1])

    _, body, _ = client.ask_raw(photo, Accept="application/x-npy")
    _, answer = client.ask(photo)
    # The number of threads changes from one lone request to another.
    assert np.load(io.BytesIO(body)).tolist() == near_scores(answer["scores"])


def test_one_connection_serves_many_requests(real: tuple[Client, bytes]) -> None:
    client, photo = real
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    answers = []
    for body in (photo, b"no photo", photo):
        connection.request("POST", "/invocations", body, {"Content-Type": "image/jpeg"})
        response = connection.getresponse()
        answers.append((response.status, json.loads(response.read())))
    connection.close()
    assert [status for status, _ in answers] == [200, 400, 200]
    (_, first), (_, refused), (_, third) = answers
    assert set(refused) == {"error"}
    assert first["classes"] == third["classes"]
    assert first["scores"] == near_scores(third["scores"])


def test_ping_says_503_until_the_model_has_answered_a_warm_up(model: Path) -> None:
    (model / "hold").touch()
    with server_here(model) as client:
        assert client.get("/ping")[0] == 503
        assert client.ask() == (503, {"error": "the model is still loading"})
        (model / "hold").unlink()
        wait_for(client.is_ready)
        assert client.ask(b"hello")[0] == 200


def test_who_has_no_access_key_gets_nothing(model: Path) -> None:
    with server_here(model, access_key="k" * 64) as client:
        for headers in ({}, {"X_Serve_Access_Key": "k" * 63}, {"X_Serve_Access_Key": "K" * 64}):
            wait_for(lambda headers=headers: client.ask_raw(b"word", **headers)[0] == 403)
        assert client.get("/ping")[0] == client.get("/metrics")[0] == 403
        wait_for(lambda: client.ask_raw(b"word", X_Serve_Access_Key="k" * 64)[0] == 200)


def test_a_request_beyond_the_queue_gets_503_at_once(model: Path) -> None:
    with server_here(model, max_requests=2) as client:
        wait_for(client.is_ready)
        waiting = client.ask_later(b"wait 1", b"wait 2")
        wait_for(lambda: client.metric("serve_requests_in_system") == 2)
        status, answer, headers = client.ask_raw(b"late")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert json.loads(answer) == {"error": "too many requests wait already; try again"}
        (model / "go").touch()
        assert [status for status, _ in waiting()] == [200, 200]
        assert client.ask(b"now")[0] == 200
        assert client.metric("serve_dropped_total", reason="full") == 1
        assert "late" not in seen(model)


def test_bodies_that_wait_are_bounded_too(model: Path) -> None:
    with server_here(model, max_bytes=1000) as client:
        wait_for(client.is_ready)
        assert client.ask(b"x" * 1001)[0] == 503
        assert client.ask(b"x" * 1000)[0] == 200


def test_requests_that_wait_are_computed_together(server: Client, model: Path) -> None:
    first = server.ask_later(b"wait")
    wait_for(lambda: "wait" in seen(model))
    others = server.ask_later(*[b"word"] * 5)
    wait_for(lambda: server.metric("serve_requests_in_system") == 6)
    (model / "go").touch()
    assert first()[0][1]["together"] == 1
    assert [answer["together"] for _, answer in others()] == [5] * 5


def test_a_fault_is_500_for_its_request_alone_and_keeps_its_details_in_the_log(
    model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with server_here(model) as server:
        wait_for(server.is_ready)
        first = server.ask_later(b"wait")
        wait_for(lambda: "wait" in seen(model))
        others = server.ask_later(b"fail", b"good")
        wait_for(lambda: server.metric("serve_requests_in_system") == 3)
        (model / "go").touch()
        first()
        (failed, answer), (good, _) = others()
        assert (failed, good) == (500, 200)
        assert "secret" not in json.dumps(answer)
        assert "/secret/path" in capfd.readouterr().err
        assert server.metric("serve_workers_replaced_total") == 0


def test_requests_wait_for_the_only_worker_to_be_replaced(server: Client, model: Path) -> None:
    (model / "hold").touch()
    waiting = server.ask_later(b"die once")
    wait_for(lambda: server.metric("serve_workers_ready") == 0)
    assert not server.is_ready()
    later = server.ask_later(b"later")
    (model / "hold").unlink()
    assert [status for status, _ in waiting() + later()] == [200, 200]


def test_who_waits_too_long_for_a_worker_is_told_to_come_back(model: Path) -> None:
    with server_here(model, wait_limit_s=0.5) as client:
        wait_for(client.is_ready)
        taken = client.ask_later(b"wait")
        wait_for(lambda: "wait" in seen(model))
        status, answer, headers = client.ask_raw(b"late")
        assert (status, headers["Retry-After"]) == (503, "1")
        assert json.loads(answer) == {"error": "no worker was free within 0.5 s; try again"}
        assert client.metric("serve_dropped_total", reason="not_taken") == 1
        (model / "go").touch()
        assert taken()[0][0] == 200
        assert client.ask(b"now")[0] == 200
        assert "late" not in seen(model)


def test_a_killed_worker_is_replaced_and_its_requests_are_answered(model: Path) -> None:
    with server_here(model, workers=2, cores=2) as client:
        wait_for(lambda: client.metric("serve_workers_ready") == 2)
        _, answer = client.ask(b"who")
        waiting = client.ask_later(b"wait 1", b"wait 2")
        wait_for(lambda: len(seen(model)) == 3)
        os.kill(answer["pid"], signal.SIGKILL)
        wait_for(lambda: client.metric("serve_workers_replaced_total") == 1)
        assert client.is_ready()
        (model / "go").touch()
        assert [status for status, _ in waiting()] == [200, 200]
        wait_for(lambda: client.metric("serve_workers_ready") == 2)
        assert answer["pid"] not in [later["pid"] for _, later in waiting()]


@pytest.mark.skipif(len(usable_cores()) < 2, reason="one core cannot be shared out, or no core be chosen")
def test_when_all_workers_are_busy_each_keeps_to_its_core_and_its_answers_are_sent_there(model: Path) -> None:
    everywhere = usable_cores()[:2]
    with on_cores(everywhere), server_process(model) as (client, process):
        wait_for(lambda: client.metric("serve_workers_ready") == 2)
        first = client.ask_later(b"wait")
        wait_for(lambda: "wait" in seen(model))
        _, second = client.ask(b"both are busy")
        assert len(second["cores"]) == 1
        assert usable_cores(process.pid) == second["cores"]
        # The one that takes its place begins with all cores, wherever the server is.
        os.kill(second["pid"], signal.SIGKILL)
        wait_for(lambda: client.metric("serve_workers_replaced_total") == 1)
        (model / "go").touch()
        assert first()[0][1]["cores"] == everywhere
        wait_for(lambda: client.metric("serve_workers_ready") == 2)
        assert client.ask(b"alone")[1]["cores"] == everywhere
        assert usable_cores(process.pid) == everywhere


def test_a_request_that_kills_workers_takes_no_other_with_it(server: Client, model: Path) -> None:
    first = server.ask_later(b"wait")
    wait_for(lambda: "wait" in seen(model))
    others = server.ask_later(b"die", b"good")
    wait_for(lambda: server.metric("serve_requests_in_system") == 3)
    (model / "go").touch()
    assert first()[0][0] == 200
    (fatal, answer), (good, _) = others()
    assert (fatal, good) == (500, 200)
    assert answer == {"error": "the model's process ended twice at this request"}
    assert seen(model).count("die") == 2


def test_a_request_whose_worker_dies_once_is_answered_by_the_next(server: Client) -> None:
    status, answer = server.ask(b"die once")
    assert (status, answer["echo"]) == (200, "die once")
    assert server.metric("serve_workers_replaced_total") == 1


def test_a_worker_that_hangs_is_replaced(model: Path) -> None:
    with server_here(model, limit_s=1.0) as client:
        wait_for(client.is_ready)
        status, answer = client.ask(b"hang")
        assert (status, answer) == (503, {"error": "no answer within 1 s; try again"})
        wait_for(lambda: client.metric("serve_workers_replaced_total") == 1)
        wait_for(client.is_ready)
        assert client.ask(b"again")[0] == 200
        assert client.metric("serve_dropped_total", reason="too_late") == 1
        assert seen(model) == ["hang", "again"]


def test_nobody_computes_for_a_client_that_has_gone(server: Client, model: Path) -> None:
    first = server.ask_later(b"wait")
    wait_for(lambda: "wait" in seen(model))
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ngone")
        wait_for(lambda: server.metric("serve_requests_in_system") == 2)
    wait_for(lambda: server.metric("serve_dropped_total", reason="client_gone") == 1)
    (model / "go").touch()
    first()
    assert server.ask(b"next")[0] == 200
    assert seen(model) == ["wait", "next"]


def test_sigterm_lets_the_requests_in_work_finish(model: Path) -> None:
    with server_process(model, SAGEMAKER_MODEL_SERVER_WORKERS="1") as (client, process):
        waiting = client.ask_later(b"wait 1", b"wait 2")
        wait_for(lambda: client.metric("serve_requests_in_system") == 2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert process.poll() is None
        with pytest.raises(OSError):
            client.ask(b"too late")
        (model / "go").touch()
        assert [status for status, _ in waiting()] == [200, 200]
        assert process.wait(timeout=60) == 0


def test_workers_do_not_outlive_the_server(model: Path) -> None:
    with server_process(model) as (_, process):
        workers = psutil.Process(process.pid).children()
        assert workers
        process.kill()
        wait_for(lambda: not any(worker.is_running() and worker.status() != "zombie" for worker in workers))


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "the model cannot be loaded"),
        ({"SM_MODEL_DIR": ""}, "SM_MODEL_DIR is not set"),
        ({"SAGEMAKER_BIND_TO_PORT": "http"}, "SAGEMAKER_BIND_TO_PORT is 'http'"),
        ({"SAGEMAKER_MODEL_SERVER_WORKERS": "0"}, "SAGEMAKER_MODEL_SERVER_WORKERS is '0'"),
    ],
)
def test_what_cannot_serve_ends_with_a_sentence(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    settings = {"SM_MODEL_DIR": str(tmp_path), "SAGEMAKER_BIND_TO_PORT": str(free_port())}
    run = subprocess.run(
        [sys.executable, serve.__file__],
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert sentence in run.stderr
