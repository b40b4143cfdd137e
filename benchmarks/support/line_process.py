"""A Python program that stays and answers each line of JSON with one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import Any

from benchmarks.support.processes import BENCHMARKS, ProgramError


class LineProcess:
    """`python -m ARGUMENTS` in a process group of its own; what it says of errors goes to the screen."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self._name = arguments[0]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=BENCHMARKS.parent,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def ask(self, order: Any) -> Any:
        """The answer to one order. Raises ProgramError."""
        assert self._process.stdin  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._ended() from error
        return self.read()

    def read(self) -> Any:
        """A line that it says by itself, as when it is ready. Raises ProgramError."""
        assert self._process.stdout  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        return json.loads(line)

    def end(self) -> None:
        """Kill all of it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def _ended(self) -> ProgramError:
        return ProgramError(f"{self._name} ended with {self._process.wait()}")
