"""The lock of a state folder: who holds it is the folder's server, ready or not.

It goes with the process, so a killed server leaves none; and a number in a held lock is no stranger's.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

# Others look at the lock by taking it for a moment.
PATIENCE_S = 1.0
POLL_S = 0.02
# The holder has not written its number yet, or is of a version that writes none.
UNKNOWN = 0


def take(state_dir: Path) -> IO[str] | None:
    """The lock, held until it is closed, with this process's number in it; None when another holds it.

    Raises OSError when the folder cannot be written.
    """
    file = _path(state_dir).open("a+")
    deadline = time.monotonic() + PATIENCE_S
    while not _lock(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            file.close()
            return None
        time.sleep(POLL_S)
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def holder(state_dir: Path) -> int | None:
    """The process that holds the lock, or UNKNOWN; None when nobody does."""
    try:
        with _path(state_dir).open() as file:
            if _lock(file, fcntl.LOCK_SH):
                return None
            text = file.read(32)
    except OSError:
        return None
    return int(text) if text.isascii() and text.isdigit() else UNKNOWN


def _lock(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _path(state_dir: Path) -> Path:
    return state_dir / "server.lock"
