"""A container's `serve`, started and asked."""

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.container_images.buildah import Container, program_of
from tests.container_images.job_folder import COLOURS, make_photo

# Not 127.0.0.1: who listens there alone does not answer here.
HOST = "127.0.0.2"
# Under emulation everything takes its time.
_START_S = 300


def check_serving(
    container: Container, model: Path, log: Path, *, user: str = "0:0", **environment: str
) -> None:
    """It knows new photos by the model in a read-only folder, and ends well when told to."""
    with serving(container, model, log, user=user, **environment) as (process, port):
        for label in COLOURS:
            status, body = ask(port, "POST", "/invocations", make_photo(label, 100))
            answer = json.loads(body)
            assert status == 200, answer
            assert max(zip(answer["probabilities"], answer["classes"], strict=True))[1] == label
        program_of(process).send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, log.read_text()[-4000:]


@contextmanager
def serving(
    container: Container, model: Path, log: Path, *, user: str = "0:0", **environment: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`serve` with its port, once /ping says 200."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    environment["SAGEMAKER_BIND_TO_PORT"] = str(port)
    process = container.start(
        "serve", volumes={model: "/opt/ml/model:ro"}, environment=environment, user=user, log=log
    )
    try:
        deadline = time.monotonic() + _START_S
        while ask(port, "GET", "/ping") != (200, b""):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()[-4000:]
            time.sleep(0.1)
        yield process, port
    finally:
        if process.poll() is None:
            program_of(process).kill()
            process.wait()


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """Status and body; status 0 while nothing listens."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": "image/jpeg"} if body else {})
        response = connection.getresponse()
        return response.status, response.read()
    except ConnectionError:
        return 0, b""
    finally:
        connection.close()
