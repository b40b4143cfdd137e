"""Servers for the tests: a tiny artefact, a model that obeys its requests, ways to serve one."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13
from prometheus_client.parser import text_string_to_metric_families

from tests.support.waiting import wait_until
from training import serve
from training.data.preprocessing import Preprocessing
from training.export.served_model import Description, UnknownRule, machine_architecture
from training.serving.settings import Settings

# The class of a photo is its strongest channel.
CLASSES = ["red", "green", "blue"]
SIDE = 32
PREPROCESSING = Preprocessing(SIDE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")


def write_tiny_artefact(
    folder: Path, temperature: float = 2.0, *, unknown_above: float | None = None
) -> Path:
    """Scores are the means of the channels, from 0 to 1; the unknown score is the sum of them."""
    pixels = opset13.parameter([-1, SIDE, SIDE, 3], np.uint8)
    means = opset13.reduce_mean(opset13.convert(pixels, "f32"), np.array([1, 2]))
    scores = opset13.divide(means, np.float32(255))
    outputs = [scores, opset13.reduce_sum(scores, np.array([1]))]
    rule = None if unknown_above is None else UnknownRule(unknown_above, 0.05)
    model = ov.Model(outputs if rule else outputs[:1], [pixels])
    ov.save_model(model, folder / "graph.xml", compress_to_fp16=False)
    description = Description("tiny", PREPROCESSING, "float32", machine_architecture(), temperature, rule)
    (folder / "model.json").write_text(json.dumps(description.to_json()))
    (folder / "classes.json").write_text(json.dumps(CLASSES))
    return folder


class ObedientModel:
    """Does as the request's body says; b"wait..." waits for `go`. It stands for a ServedModel."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.hold = threading.Event()
        self.hold.set()
        self.seen: list[str] = []
        self.lone_seen: list[str] = []
        self.classes = ["only"]
        self.description = SimpleNamespace(preprocessing=SimpleNamespace(decode=self._decode))

    def load(self, _settings: Settings) -> tuple[Any, Any]:
        self.hold.wait()
        lone = SimpleNamespace(**{**vars(self), "answers": self._answers_alone})
        lone.probabilities, lone.drift = self.probabilities, self.drift
        return self, lone

    def _decode(self, photo: bytes) -> bytes:
        if photo == b"fail decoder":
            raise ValueError("a fault with /secret/path in it")
        return photo

    def scores(self, photos: list[bytes]) -> Any:
        (photo,) = photos
        # Not the warm-up's.
        if photo.isascii():
            self.seen.append(photo.decode())
        if photo == b"fail engine":
            raise RuntimeError("a fault with /secret/path in it")
        if photo.startswith(b"wait"):
            self.go.wait()
        return np.zeros((1, 1), np.float32)

    def answers(self, photos: list[bytes]) -> tuple[Any, None]:
        return self.scores(photos), None

    def _answers_alone(self, photos: list[bytes]) -> tuple[Any, None]:
        self.lone_seen.append(photos[0].decode("latin-1"))
        return self.answers(photos)

    def probabilities(self, scores: Any) -> Any:
        return scores + 1

    def drift(self, _probabilities: Any, _unknown_score: float | None) -> dict[str, Any]:
        return {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Client:
    """Asks a server on a port of this machine, by a new connection each time."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, body: bytes = b"x", path: str = "/invocations", **headers: str) -> tuple[int, Any]:
        status, answer, _ = self.ask_raw(body, path, **headers)
        return status, json.loads(answer) if answer else None

    def ask_raw(
        self, body: bytes, path: str = "/invocations", **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, body, {"Content-Type": "image/jpeg", **headers})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, answer, response.headers

    def ask_later(self, *bodies: bytes, **headers: str) -> Callable[[], list[tuple[int, Any]]]:
        """Send requests now, each over a connection of its own; what is given back waits for the answers."""
        answers: dict[int, tuple[int, Any]] = {}

        def ask(place: int, body: bytes) -> None:
            answers[place] = self.ask(body, **headers)

        threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(bodies)]
        for thread in threads:
            thread.start()

        def collect() -> list[tuple[int, Any]]:
            for thread in threads:
                thread.join()
            return [answers[place] for place in range(len(bodies))]

        return collect

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, answer

    def is_ready(self) -> bool:
        try:
            return self.get("/ping")[0] == 200
        except OSError:
            return False

    def metric(self, name: str, **labels: str) -> float:
        """A sample of /metrics; 0 when there is none yet."""
        families = text_string_to_metric_families(self.get("/metrics")[1].decode())
        samples = [sample for family in families for sample in family.samples]
        return sum(sample.value for sample in samples if (sample.name, sample.labels) == (name, labels))


@contextlib.contextmanager
def server_process(model_dir: Path, **environment: str) -> Iterator[tuple[Client, subprocess.Popen[bytes]]]:
    """`python -m training.serve`, ready."""
    client = Client(free_port())
    settings = {"SM_MODEL_DIR": str(model_dir), "SAGEMAKER_BIND_TO_PORT": str(client.port)}
    with subprocess.Popen(
        [sys.executable, "-m", "training.serve"], env={**os.environ, **settings, **environment}
    ) as process:
        try:
            wait_until(lambda: process.poll() is not None or client.is_ready())
            assert process.poll() is None
            yield client, process
        finally:
            process.kill()


@contextlib.contextmanager
def server_here(model: ObedientModel, **changes: Any) -> Iterator[Client]:
    """The same in a thread, with an obedient model and one thread; not waited for."""
    client = Client(free_port())
    defaults = {"threads": 1, "wait_limit_s": 60.0}
    settings = Settings(Path("nowhere"), "127.0.0.1", client.port, **{**defaults, **changes})
    server = serve.Server(settings, model.load)

    def run() -> None:
        with asyncio.Runner(loop_factory=server.http.config.get_loop_factory()) as runner:
            runner.run(server.serve())

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: server.http.started)
    try:
        yield client
    finally:
        model.hold.set()
        model.go.set()
        server.http.should_exit = True
        thread.join()
