"""Child processes that never outlive the server."""

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cloud.guarded_groups import GuardedGroups, signal_group

# The child waits for a line before it becomes the real program: were the server killed between the
# start and the watchdog's notice, the pipe would close and the child would end by itself.
WAIT_FOR_GO = 'read -r go || exit 1; exec "$@" </dev/null'


class GuardedPopen(subprocess.Popen[Any]):
    """A Popen that leads a process group: the watchdog knows it, and it is signalled as a whole."""

    def __init__(self, processes: "Processes", args: Sequence[str], **options: Any) -> None:
        self._processes = processes
        self._guarded = False
        super().__init__(args, start_new_session=True, **options)
        self._guarded = True
        processes.guard(self.pid)

    def poll(self) -> int | None:
        code = super().poll()
        if code is not None:
            self._end_group()
        return code

    def wait(self, timeout: float | None = None) -> int:
        code = super().wait(timeout)
        self._end_group()
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            signal_group(self.pid, sig)

    def _end_group(self) -> None:
        """What the program started ends with it."""
        if self._guarded:
            self._guarded = False
            signal_group(self.pid, signal.SIGKILL)
            self._processes.release(self.pid)


class Process:
    """A running child, leader of a process group of its own; when it ends, the whole group ends."""

    def __init__(self, popen: GuardedPopen) -> None:
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    def poll(self) -> int | None:
        """The exit code (negative: the signal that ended it), or None while it runs."""
        return self._popen.poll()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Waits for the end; None if it still runs after `timeout_s` seconds."""
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, grace_s: float = 5.0) -> int:
        """SIGTERM to the whole group, SIGKILL after `grace_s` seconds; the exit code."""
        self._popen.terminate()
        code = self.wait(grace_s)
        if code is None:
            self._popen.kill()
            code = self._popen.wait()
        return code


class Processes:
    """Starts children and has them killed when the server ends, however it ends."""

    def __init__(self, groups: GuardedGroups | None = None) -> None:
        self._groups = groups or GuardedGroups()

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log_file: Path,
    ) -> Process:
        """Starts `argv` with exactly the environment `env`; stdout and stderr are appended to `log_file`.

        A program that cannot be started exits with 126 or 127, as from a shell, and the log says why.
        Raises OSError when the folder or the log file is unusable.
        """
        with log_file.open("ab") as log:
            popen = GuardedPopen(
                self,
                ["/bin/sh", "-c", WAIT_FOR_GO, "sh", *argv],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        # The child may have been killed already; its exit code tells.
        with contextlib.suppress(BrokenPipeError):
            if popen.stdin is not None:
                popen.stdin.write(b"go\n")
                popen.stdin.close()
        return Process(popen)

    def popen(self, args: Sequence[str], **options: Any) -> GuardedPopen:
        """`subprocess.Popen` for callers that talk to the child through pipes."""
        return GuardedPopen(self, args, **options)

    def guard(self, group: int) -> None:
        """Has the process group `group` killed when the server ends."""
        self._groups.add(group)

    def release(self, group: int) -> None:
        """The process group is gone: its number may be given to another."""
        self._groups.forget(group)

    def close(self) -> None:
        """Kills every child that is left."""
        self._groups.close()
