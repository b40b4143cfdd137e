"""The demo's model behind the model server that an endpoint runs, and the function's other AWS calls."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.demo_model import PROJECT, demo_photos, train_demo_model
from benchmarks.support.inference.lambda_stubs import Stubs
from benchmarks.support.processes import ProgramError

_START_LIMIT_S = 180


@dataclass(frozen=True)
class Demo:
    """Where it all answers."""

    stubs: Stubs
    model: Path
    server_pid: int
    server_port: int
    photo_count: int

    def photo_url(self, number: int) -> str:
        """The address of one of the demo's photos."""
        return f"http://localhost:{self.stubs.port}/photo/{number}"


@contextlib.contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """Train, serve, and stop at the end of the block. Raises ProgramError."""
    model, photos = train_demo_model(folder / "training"), demo_photos()
    photos_folder = folder / "photos"
    photos_folder.mkdir()
    for number, photo in enumerate(photos):
        (photos_folder / f"{number:04d}").write_bytes(photo)
    port = _free_port()
    environment = {**os.environ, "SM_MODEL_DIR": str(model), "SAGEMAKER_BIND_TO_PORT": str(port)}
    with contextlib.ExitStack() as stack:
        server = _started(stack, ["-m", "training.serve"], environment, folder / "server.log")
        _wait_until_ready(port, server)
        aws = _started(
            stack,
            ["-m", "benchmarks.support.inference.demo_aws", str(photos_folder), str(port)],
            dict(os.environ),
            None,
        )
        assert aws.stdout  # noqa: S101 - it is a pipe
        yield Demo(Stubs(int(aws.stdout.readline())), model, server.pid, port, len(photos))


def _started(
    stack: contextlib.ExitStack, arguments: list[str], environment: dict[str, str], log: Path | None
) -> "subprocess.Popen[str]":
    """A Python program that ends with the stack."""
    output = stack.enter_context(log.open("w")) if log else subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**environment, "PYTHONPATH": str(PROJECT)},
        stdout=output,
        stderr=subprocess.STDOUT if log else None,
        text=True,
    )

    def end() -> None:
        process.terminate()
        process.wait()

    stack.callback(end)
    return process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(port: int, server: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5).close()
            return
        time.sleep(0.3)
    raise ProgramError("the model server did not come up")
