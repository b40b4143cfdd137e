"""Servers as processes that take turns: all are kept ready, and all but one are stopped."""

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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.support.processes import BENCHMARKS, ProgramError

PROJECT = BENCHMARKS.parent
_START_LIMIT_S = 120
# Of some servers, further workers are still loading.
SETTLE_S = 4
_LUA = Path(__file__).with_name("photos.lua")


@dataclass(frozen=True)
class Load:
    """What wrk sends: the photos of a folder, named 0.jpg and so on, over so many connections."""

    photos: Path
    connections: int
    seconds: int
    first_photo: int = 0


class Server:
    """A server in a process group of its own, on a port of its own; it runs only while it is used."""

    def __init__(
        self, command: list[str], port: int, log: Path, environment: Mapping[str, str], settle_s: float
    ) -> None:
        self._port = port
        self._log = log
        began = time.perf_counter()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=BENCHMARKS.parent,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_ready()
        self.start_s = time.perf_counter() - began
        self.peak_memory_bytes = 0
        time.sleep(settle_s)
        self._signal(signal.SIGSTOP)

    def load(self, load: Load) -> dict[str, float]:
        """What wrk measured. Raises ProgramError, also when an answer was none."""
        with self._running():
            address = f"http://127.0.0.1:{self._port}"
            command = ["wrk", "-t1", f"-c{load.connections}", f"-d{load.seconds}s", "--timeout", "60s"]
            command += ["-s", str(_LUA), address, "--", str(load.photos)]
            command += [str(len(list(load.photos.iterdir()))), str(load.first_photo)]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            self._note_memory()
        if run.returncode != 0:
            raise ProgramError(f"wrk failed: {run.stderr}\n{self.said()}")
        figures: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
        if figures["failures"]:
            raise ProgramError(f"{figures['failures']} requests failed:\n{self.said()}")
        if not figures["throughput"]:
            raise ProgramError(f"no answer within {load.seconds} s: the machine is too busy to measure")
        return figures

    def top_class(self, photo: bytes) -> str:
        """The class that it answers."""
        address = f"http://127.0.0.1:{self._port}/invocations"
        request = urllib.request.Request(address, photo, {"Content-Type": "image/jpeg"})
        with self._running(), urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
            answer = json.load(reply)
        return str(answer["classes"][answer["scores"].index(max(answer["scores"]))])

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text("utf-8", "replace")[-2000:]

    def end(self) -> None:
        """Kill the whole group."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._signal(signal.SIGSTOP)

    def _note_memory(self) -> None:
        """Of all its processes; what they share counts once."""
        process = psutil.Process(self._process.pid)
        tree = [process, *process.children(recursive=True)]
        taken = 0
        for each in tree:
            memory = each.memory_full_info()
            taken += getattr(memory, "pss", memory.rss)
        self.peak_memory_bytes = max(self.peak_memory_bytes, taken)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        address = f"http://127.0.0.1:{self._port}/ping"
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError, urllib.error.URLError):
                urllib.request.urlopen(address, timeout=5).close()
                return
            time.sleep(0.02)
        self.end()
        raise ProgramError(f"no server came up:\n{self.said()}")

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


@contextlib.contextmanager
def serving(
    model: Path, folder: Path, *, project: Path = PROJECT, settle_s: float = SETTLE_S
) -> Iterator[Server]:
    """The model server of a work tree with one of its models."""
    environment = {"SM_MODEL_DIR": str(model), "PYTHONPATH": str(project)}
    with _started([str(project / "training" / "serve.py")], folder, environment, settle_s) as server:
        yield server


@contextlib.contextmanager
def litserve(
    settings: dict[str, Any],
    model: Path,
    folder: Path,
    *,
    project: Path = PROJECT,
    precision: str = "float32",
) -> Iterator[Server]:
    """LitServe as a work tree's benchmarks have it; older ones serve torch, and heed `precision`."""
    environment = {"PYTHONPATH": f"{project}:{project / 'benchmarks'}", "SERVE_PRECISION": precision}
    script = str(project / "benchmarks" / "support" / "serving_litserve.py")
    # -P: the script's folder has a package `training` of its own.
    command = ["-P", script, "PORT", str(model), json.dumps(settings)]
    with _started(command, folder, environment, SETTLE_S) as server:
        yield server


@contextlib.contextmanager
def _started(
    command: list[str], folder: Path, environment: Mapping[str, str], settle_s: float
) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [port if part == "PORT" else part for part in command]
    environment = {**environment, "SAGEMAKER_BIND_TO_PORT": port}
    server = Server(command, int(port), folder / f"server-{port}.log", environment, settle_s)
    try:
        yield server
    finally:
        server.end()
