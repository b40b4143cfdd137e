"""Starts, finds and stops a server that runs detached, by the note in its state folder."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local_cloud.guarded_groups import kill_left_behind
from local_cloud.server import run_mark, server_file, server_lock
from local_cloud.server.root_key import RootKey, find_root_key
from local_cloud.server.run_mark import SuddenEnd

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
KILL_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 10.0
# What cannot be saved is told at once; this bounds a slow disk or a busy machine.
SAVE_TIMEOUT_S = 60.0
POLL_S = 0.05
# The folder that has this package: the server finds it there, wherever that is.
CODE = Path(__file__).resolve().parent.parent
LOG_LINES = 20

# Servers that this process started: a parent must collect its children.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


class ControlError(Exception):
    """The server did not start or did not stop: the message says why."""


@dataclass(frozen=True)
class Cloud:
    """A server that runs."""

    endpoint_url: str
    pid: int
    log_file: Path
    root_key: RootKey
    """What signs as the account's root."""


def start(
    state_dir: Path, *, port: int = 4566, containers: Path | None = None, quotas: str | None = None
) -> Cloud:
    """Starts a server and waits until it is ready; one that serves the folder already is given back.

    `port` 0 takes any free one; `quotas` None leaves the account's as they were.
    Raises ControlError with the end of the log.
    """
    child: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        cloud = find(state_dir)
        if cloud:
            if child is not None and child.pid != cloud.pid:
                # It would take the folder once the other has been stopped.
                child.kill()
                child.wait()
            return cloud
        # Somebody else's server may be starting, or ending.
        is_held = server_lock.holder(state_dir) is not None
        if child is None and not is_held:
            child = _spawn(state_dir, port, containers, quotas)
        elif child is not None and child.poll() is not None:
            if not is_held:
                raise ControlError(f"the local cloud did not start:\n{_end_of(state_dir)}")
            child = None
        time.sleep(POLL_S)
    if child is None:
        raise ControlError(
            f"process {server_lock.holder(state_dir)} holds {state_dir} and is not ready after "
            f"{START_TIMEOUT_S:g} s:\n{_end_of(state_dir)}"
        )
    child.kill()
    raise ControlError(f"the local cloud was not ready after {START_TIMEOUT_S:g} s:\n{_end_of(state_dir)}")


def _spawn(
    state_dir: Path, port: int, containers: Path | None, quotas: str | None
) -> "subprocess.Popen[bytes]":
    # -P: its working folder is its own state, which holds no code.
    command = [sys.executable, "-P", "-m", "local_cloud", "--port", str(port)]
    command += ["--state-dir", str(state_dir.resolve())]
    if containers:
        command += ["--containers", str(containers.resolve())]
    if quotas:
        command += ["--quotas", quotas]
    paths = [str(CODE), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        # Its owner's alone from the first moment: the server sees to what is there already.
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with server_file.log_path(state_dir).open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=state_dir,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise ControlError(f"the folder {state_dir} cannot be used: {error.strerror}") from error
    _children[child.pid] = child
    return child


def find(state_dir: Path) -> Cloud | None:
    """The server of a state folder, once it has proved to be that; None when there is none."""
    note = server_file.read_note(state_dir)
    if note is None or not server_file.is_served(state_dir, note):
        return None
    root_key = find_root_key(state_dir)
    if root_key is None:
        return None
    return Cloud(note.endpoint_url, note.pid, server_file.log_path(state_dir), root_key)


def is_there(state_dir: Path) -> bool:
    """Whether a server has the folder, be it that it starts, serves, ends or hangs."""
    return server_lock.holder(state_dir) is not None


def _ask_status(state_dir: Path) -> dict[str, Any] | None:
    note = server_file.read_note(state_dir)
    return server_file.ask_status(state_dir, note) if note else None


@dataclass(frozen=True)
class SaveState:
    """`saved_at`: the moment, in ISO 8601, whose state is on disk. `save_error`: why no later one can be."""

    saved_at: str | None = None
    save_error: str | None = None


def save_state(state_dir: Path) -> SaveState:
    """Both None when no server answers; else None for what has not been saved yet, or can be."""
    status = _ask_status(state_dir) or {}
    return SaveState(status.get("saved_at"), status.get("save_error"))


def sudden_end(state_dir: Path) -> SuddenEnd | None:
    """How the server before the running one ended, or the last one where none runs; None: with all saved."""
    status = _ask_status(state_dir)
    if status is None:
        return run_mark.find_sudden_end(state_dir)
    told = status["sudden_end"]
    return SuddenEnd.from_json(told) if told else None


def cut_off(state_dir: Path) -> list[str]:
    """ARNs of the executions that ended with the server before; none when no server answers."""
    return run_mark.read_cut_off(state_dir) if _ask_status(state_dir) else []


def quota_set(state_dir: Path) -> str | None:
    """Which quotas the running cloud's account has; None when none answers."""
    status = _ask_status(state_dir)
    return str(status["quota_set"]) if status else None


def wait_until_saved(state_dir: Path) -> None:
    """Returns when all that was done so far is on disk. Raises ControlError when it cannot be saved."""
    deadline = time.monotonic() + SAVE_TIMEOUT_S
    wanted: int | None = None
    while time.monotonic() < deadline:
        status = _ask_status(state_dir)
        if status is None:
            raise ControlError("it has ended")
        if "save_error" in status:
            raise ControlError(str(status["save_error"]))
        wanted = status["changes"] if wanted is None else wanted
        if status["saved_changes"] >= wanted:
            return
        time.sleep(POLL_S)
    raise ControlError(f"it is not saved after {SAVE_TIMEOUT_S:g} s")


def stop(state_dir: Path) -> bool:
    """Stops the server of a state folder, with its state saved; False when none runs.

    One that does not end in time is killed: it has saved its state as it changed.
    Raises ControlError when even that is not possible.
    """
    pid = _holder(state_dir)
    if pid is None:
        server_file.remove_note(state_dir)
        kill_left_behind(server_file.groups_path(state_dir))
        return False
    try:
        os.kill(pid, signal.SIGTERM)
        if not _has_left(state_dir, pid, STOP_TIMEOUT_S):
            os.kill(pid, signal.SIGKILL)
            if not _has_left(state_dir, pid, KILL_TIMEOUT_S):
                raise ControlError(f"process {pid} does not even end when it is killed")
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise ControlError(f"process {pid} belongs to another user") from error
    return True


def _holder(state_dir: Path) -> int | None:
    """The process that has the folder. Raises ControlError when it does not tell its number."""
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    while True:
        pid = server_lock.holder(state_dir)
        if pid != server_lock.UNKNOWN:
            return pid
        note = server_file.read_note(state_dir)
        if note and server_file.is_served(state_dir, note):
            return note.pid
        if time.monotonic() > deadline:
            raise ControlError(f"some process has {state_dir} and does not answer")
        time.sleep(POLL_S)


def _has_left(state_dir: Path, pid: int, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while _is_alive(pid) or server_lock.holder(state_dir) == pid:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _is_alive(pid: int) -> bool:
    """A process that has ended and that its parent has not collected is not alive."""
    child = _children.get(pid)
    if child is not None:
        return child.poll() is None
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _end_of(state_dir: Path) -> str:
    try:
        text = server_file.log_path(state_dir).read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-LOG_LINES:])
