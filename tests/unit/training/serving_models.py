"""Servers for the tests: tiny artefacts that obey the request, and ways to run serve.py with one."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from prometheus_client.parser import text_string_to_metric_families

import serve
from cores import usable_cores
from serving_settings import ServeSettings

# An artefact whose model does as the request says; b"wait" waits for the file `go`.
OBEDIENT_MODEL = """
import json, os, pathlib, time

def model_fn(model_dir):
    folder = pathlib.Path(model_dir)
    while (folder / "hold").exists():
        time.sleep(0.01)
    return folder

def input_fn(data, content_type, context=None):
    return bytes(data)

def predict_batch(requests, model):
    return [answer(request, model) | {"together": len(requests)} for request in requests]

def answer(request, model):
    word = request.decode("latin-1")[:20]
    with (model / "seen").open("a") as seen:
        seen.write(word + "\\n")
    if word == "fail":
        raise ValueError("a fault with /secret/path in it")
    if word == "die" or (word == "die once" and not (model / "died").exists()):
        (model / "died").touch()
        os._exit(3)
    if word == "hang":
        time.sleep(1000)
    while word.startswith("wait") and not (model / "go").exists():
        time.sleep(0.01)
    return {"echo": word, "pid": os.getpid(), "cores": cores()}

def cores():
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


def write_obedient_model(folder: Path) -> Path:
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text(OBEDIENT_MODEL)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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

    def ask_later(self, *bodies: bytes) -> Callable[[], list[tuple[int, Any]]]:
        """Send requests now, each over a connection of its own; what is given back waits for the answers."""
        answers: dict[int, tuple[int, Any]] = {}

        def ask(place: int, body: bytes) -> None:
            answers[place] = self.ask(body)

        threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(bodies)]
        for thread in threads:
            thread.start()

        def collect() -> list[tuple[int, Any]]:
            for thread in threads:
                thread.join()
            return [answers[place] for place in range(len(bodies))]

        return collect

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
def on_cores(cores: list[int]) -> Iterator[None]:
    """What this thread starts in the meantime may use these cores alone."""
    everywhere = usable_cores()
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


@contextlib.contextmanager
def server_process(model_dir: Path, **environment: str) -> Iterator[tuple[Client, subprocess.Popen[bytes]]]:
    """`python serve.py`, ready."""
    client = Client(free_port())
    settings = {"SM_MODEL_DIR": str(model_dir), "SAGEMAKER_BIND_TO_PORT": str(client.port)}
    with subprocess.Popen(
        [sys.executable, serve.__file__], env={**os.environ, **settings, **environment}
    ) as process:
        try:
            wait_for(lambda: process.poll() is not None or client.is_ready())
            assert process.poll() is None
            yield client, process
        finally:
            process.kill()


@contextlib.contextmanager
def server_here(model_dir: Path, **changes: Any) -> Iterator[Client]:
    """The same in a thread, with settings that a machine would not have; not waited for."""
    everywhere = usable_cores()
    client = Client(free_port())
    defaults = {"workers": 1, "cores": 1, "wait_limit_s": 60.0}
    pool, config = serve.build(ServeSettings(model_dir, client.port, **{**defaults, **changes}))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(serve.serve(pool, server)))
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield client
    finally:
        server.should_exit = True
        thread.join()
        # The workers take their server, which is this process, to their cores.
        if everywhere:
            os.sched_setaffinity(0, everywhere)
