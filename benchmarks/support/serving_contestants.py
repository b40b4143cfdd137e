"""Servers and the floor as processes that take turns: all are kept ready, and all but one are stopped."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.line_process import LineProcess
from support.processes import BENCHMARKS, ProgramError

_SERVE = BENCHMARKS.parent / "training" / "serve.py"
_START_LIMIT_S = 120
_WORKERS_S = 4


@dataclass(frozen=True)
class Turn:
    """How long a contestant is loaded before it counts, how long it counts, and which photo comes first."""

    warm_s: float
    seconds: float
    first_photo: int = 0


class Server:
    """A server in a process group of its own, on a port of its own."""

    def __init__(self, command: list[str], port: int, log: Path, environment: dict[str, str]) -> None:
        self._port = port
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=BENCHMARKS,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_ready()
        self._signal(signal.SIGSTOP)

    def load(self, client: LineProcess, connections: int, turn: Turn) -> dict[str, Any]:
        """What the client measured; the server runs only meanwhile. Raises ProgramError."""
        self._signal(signal.SIGCONT)
        try:
            figures: dict[str, Any] = client.ask(
                {"port": self._port, "connections": connections, **vars(turn)}
            )
        except ProgramError as error:
            raise ProgramError(f"{error}\n{self._said()}") from error
        finally:
            self._signal(signal.SIGSTOP)
        return figures

    def end(self) -> None:
        """Kill the whole group."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError, urllib.error.URLError):
                address = f"http://127.0.0.1:{self._port}/ping"
                with urllib.request.urlopen(address, timeout=5):
                    # Further workers may still be loading.
                    time.sleep(_WORKERS_S)
                    return
            time.sleep(0.3)
        self.end()
        raise ProgramError(f"no server came up:\n{self._said()}")

    def _said(self) -> str:
        return self._log.read_text("utf-8", "replace")[-2000:]

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


class Floor:
    """The bare loop."""

    def __init__(self, model: Path, photos: Path) -> None:
        self._loops = LineProcess("support.serving_floor", str(model), str(photos))
        self.precision = str(self._loops.read()["precision"])

    def run(self, way: dict[str, int], turn: Turn) -> dict[str, Any]:
        """Photos a second and milliseconds a batch."""
        figures: dict[str, Any] = self._loops.ask({**way, **vars(turn)})
        return figures

    def end(self) -> None:
        """Kill all of it."""
        self._loops.end()


@contextlib.contextmanager
def started(
    name: str, settings: dict[str, Any], precision: str, model: Path, folder: Path
) -> Iterator[Server]:
    """`ours`, `litserve` or `toolkit`, ready, with these settings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {"SERVE_PRECISION": precision}
    command = ["-m", f"support.serving_{name}", str(port), str(model), json.dumps(settings)]
    if name == "ours":
        command = [str(_SERVE)]
        environment |= {"SM_MODEL_DIR": str(model), "SAGEMAKER_BIND_TO_PORT": str(port)}
    if name == "toolkit":
        environment |= {"PYTHONPATH": str(model / "code")}
    server = Server(command, port, folder / f"{name}-{port}.log", environment)
    try:
        yield server
    finally:
        server.end()
