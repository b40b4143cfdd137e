"""Starts, finds and stops a server that runs detached, by the note in its state folder."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from local_cloud import server_file
from local_cloud.root_key import RootKey, RootKeyError, read_root_key
from local_cloud.server_file import ServerNote

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
POLL_S = 0.05
REPOSITORY = Path(__file__).resolve().parent.parent
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


def start(state_dir: Path, *, port: int = 4566, containers: Path | None = None) -> Cloud:
    """Starts a server and waits until it is ready; one that serves the folder already is given back.

    `port` 0 takes any free one. Raises ControlError with the end of the log.
    """
    running = find(state_dir)
    if running:
        return running
    # Its owner's alone from the first moment: the server sees to what is there already.
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "local_cloud",
        "--port",
        str(port),
        "--state-dir",
        str(state_dir.resolve()),
    ]
    if containers:
        command += ["--containers", str(containers.resolve())]
    log_file = server_file.log_path(state_dir)
    with log_file.open("ab") as log:
        child = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        cloud = find(state_dir)
        if cloud:
            return cloud
        if child.poll() is not None:
            raise ControlError(f"the local cloud did not start:\n{_end_of(log_file)}")
        time.sleep(POLL_S)
    child.kill()
    raise ControlError(f"the local cloud was not ready after {START_TIMEOUT_S:g} s:\n{_end_of(log_file)}")


def find(state_dir: Path) -> Cloud | None:
    """The server of a state folder, once it has proved to be that; None when there is none."""
    note = server_file.read_note(state_dir)
    if note is None or not server_file.is_served(state_dir, note):
        return None
    try:
        root_key = read_root_key(state_dir)
    except RootKeyError:
        return None
    if root_key is None:
        return None
    return Cloud(note.endpoint_url, note.pid, server_file.log_path(state_dir), root_key)


def stop(state_dir: Path) -> bool:
    """Stops the server of a state folder, with its state saved; False when none runs.

    Raises ControlError when it does not end in time.
    """
    note = server_file.read_note(state_dir)
    if note is None:
        return False
    if not server_file.is_served(state_dir, note):
        server_file.remove_note(state_dir)
        return False
    os.kill(note.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while _is_alive(note):
        if time.monotonic() > deadline:
            log_file = server_file.log_path(state_dir)
            raise ControlError(
                f"process {note.pid} did not end within {STOP_TIMEOUT_S:g} s:\n{_end_of(log_file)}"
            )
        time.sleep(POLL_S)
    return True


def _is_alive(note: ServerNote) -> bool:
    child = _children.get(note.pid)
    if child is not None:
        return child.poll() is None
    try:
        os.kill(note.pid, 0)
    except ProcessLookupError:
        return False
    return True


def _end_of(log_file: Path) -> str:
    return "\n".join(log_file.read_text(errors="replace").splitlines()[-LOG_LINES:])
