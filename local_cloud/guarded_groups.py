"""Which process groups end with the server, however it ends.

A watchdog process knows them all and kills them when the server is gone. One that ends before the server is
replaced at once. Were both killed in the same moment, the groups would stay until the next start: they stand
in a file, and `kill_left_behind` ends them.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

WATCHDOG = Path(__file__).parent / "server" / "watchdog.py"
# A watchdog that cannot live, as where no process can be started, is not started without end.
PAUSE_S = 0.2


class GuardedGroups:
    """The groups, their watchdog, and the file that names them."""

    def __init__(self, record: Path | None = None, *, touched_at_end: Path | None = None) -> None:
        """`record`: where the groups are written down; `touched_at_end`: a file that gets the server's end
        as its time of change.
        """
        self._record = record
        self._touched_at_end = touched_at_end
        self._lock = threading.Lock()
        self._groups: dict[int, float] = {}
        self._is_closed = threading.Event()
        self._watchdog = self._start_watchdog()
        threading.Thread(target=self._keep_watchdog, name="keep-watchdog", daemon=True).start()

    @property
    def watchdog_pid(self) -> int:
        """The watchdog of this moment."""
        return self._watchdog.pid

    def add(self, group: int) -> None:
        """Has the process group `group` killed when the server ends."""
        try:
            started_at = psutil.Process(group).create_time()
        except psutil.NoSuchProcess:
            started_at = 0.0
        with self._lock:
            self._groups[group] = started_at
            self._write_record()
            self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """The process group is gone: its number may be given to another."""
        with self._lock:
            self._groups.pop(group, None)
            self._write_record()
            self._tell(f"-{group}\n")

    def close(self) -> None:
        """Kills every group that is left and ends the watchdog."""
        with self._lock:
            self._is_closed.set()
            watchdog = self._watchdog
            if watchdog.stdin is not None:
                with contextlib.suppress(OSError):
                    watchdog.stdin.close()
        watchdog.wait()
        # What a watchdog that was killed just now could not do.
        for group in self._groups:
            signal_group(group, signal.SIGKILL)
        self._groups.clear()
        self._write_record()

    def _keep_watchdog(self) -> None:
        while True:
            watchdog = self._watchdog
            watchdog.wait()
            if self._is_closed.wait(0 if watchdog.returncode < 0 else PAUSE_S):
                return
            with contextlib.suppress(OSError), self._lock:
                if self._is_closed.is_set():
                    return
                self._watchdog = self._start_watchdog()
                for group in self._groups:
                    self._tell(f"+{group}\n")

    def _start_watchdog(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-I", str(WATCHDOG)]
        if self._touched_at_end is not None:
            command.append(str(self._touched_at_end))
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )

    def _tell(self, line: str) -> None:
        pipe = self._watchdog.stdin
        # Closed: the watchdog has killed everything already. Broken: it was killed, and the next is told all.
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(BrokenPipeError):
                pipe.write(line)
                pipe.flush()

    def _write_record(self) -> None:
        if self._record is None:
            return
        unfinished = self._record.with_suffix(".tmp")
        # On a full disk the watchdog is what is left.
        with contextlib.suppress(OSError):
            unfinished.write_text(json.dumps(self._groups))
            unfinished.replace(self._record)


def kill_left_behind(record: Path) -> None:
    """Ends the groups that a server and its watchdog, killed at once, have left; by number and start time."""
    try:
        groups = {int(group): float(at) for group, at in json.loads(record.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        groups = {}
    for group, started_at in groups.items():
        with contextlib.suppress(psutil.Error):
            if psutil.Process(group).create_time() == started_at:
                signal_group(group, signal.SIGKILL)
    with contextlib.suppress(OSError):
        record.unlink(missing_ok=True)


def signal_group(group: int, number: int) -> None:
    """Signals a process group; one that is gone is left alone."""
    # PermissionError is what macOS says of a group that holds only zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
