"""Both container images, really built and run as SageMaker runs them."""

import http.client
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from buildah import Buildah, Container, program_of
from job_folder import COLOURS, make_photo

pytestmark = pytest.mark.timeout(900)

MAX_SERVE_BYTES = 300_000_000
# Not 127.0.0.1: who listens there alone does not answer here.
HOST = "127.0.0.2"


@pytest.fixture
def model(job: Path, tmp_path: Path) -> Path:
    """As an endpoint has it: unpacked, of another owner, and not to be written."""
    folder = tmp_path / "model"
    shutil.copytree(job / "model", folder)
    tmp_path.chmod(0o755)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


@contextmanager
def serving(
    container: Container, model: Path, user: str, log: Path
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`serve` with its port, once /ping says 200."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    environment = {"SAGEMAKER_BIND_TO_PORT": str(port)}
    process = container.start(
        "serve", volumes={model: "/opt/ml/model:ro"}, environment=environment, user=user, log=log
    )
    try:
        deadline = time.monotonic() + 60
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


@pytest.mark.parametrize("user", ["0:0", "65534:65534"], ids=["root", "nobody"])
def test_what_train_made_is_served(
    buildah: Buildah, serve_image: str, model: Path, user: str, tmp_path: Path
) -> None:
    log = tmp_path / "serve.log"
    with (
        buildah.container(serve_image) as container,
        serving(container, model, user, log) as (process, port),
    ):
        for label in COLOURS:
            status, body = ask(port, "POST", "/invocations", make_photo(label, 100))
            answer = json.loads(body)
            assert status == 200, answer
            best = max(zip(answer["probabilities"], answer["classes"], strict=True))
            assert best[1] == label
        program_of(process).send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, log.read_text()[-4000:]


def test_a_job_leaves_what_sagemaker_uploads(job: Path) -> None:
    served = {"graph.xml", "graph.bin", "classes.json", "model.json"}
    assert served <= {path.name for path in (job / "model").iterdir()}
    assert json.loads((job / "output" / "data" / "metrics.json").read_text())["run_id"] == "a" * 32
    assert (job / "output" / "success").exists()


def test_sagemaker_finds_the_commands(buildah: Buildah, serve_image: str, train_image: str) -> None:
    """It runs `docker run IMAGE serve` as root: an entrypoint would get `serve` as its argument."""
    for image in (serve_image, train_image):
        configuration = buildah.configuration(image)
        assert configuration["Cmd"] == [image]
        assert not configuration.get("Entrypoint")
        assert not configuration.get("User")
        path = next(entry for entry in configuration["Env"] if entry.startswith("PATH="))
        with buildah.container(image) as container:
            folders = path.removeprefix("PATH=").split(":")
            assert any((container.root / folder.strip("/") / image).is_file() for folder in folders)


def test_sizes(
    buildah: Buildah,
    serve_image: str,
    train_image: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the images add to their base; the train image takes minutes to compress."""
    with buildah.container(serve_image) as serve, buildah.container(train_image) as train:
        compressed = serve.compressed_bytes("/opt", tmp_path / "serve.tar.gz")
        with capsys.disabled():
            print(
                f"\nwithout the base: serve {serve.size_bytes('/opt') / 1e6:.0f} MB,"
                f" {compressed / 1e6:.0f} MB compressed;"
                f" train {train.size_bytes('/opt') / 1e6:.0f} MB"
            )
        assert compressed < MAX_SERVE_BYTES
