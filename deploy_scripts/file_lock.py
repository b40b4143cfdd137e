"""One command at a time where two would be in each other's way."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(path: Path, *, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a file, waiting for another command that holds it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another deployment of this folder")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
