"""The note that a running server leaves in its state folder, by which others find it."""

import contextlib
import json
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

# Where the server tells who it is.
STATUS_PATH = "/_local_cloud/status"
ASK_TIMEOUT_S = 5.0
MAX_PORT = 65535


@dataclass(frozen=True)
class ServerNote:
    """Which process serves a state folder, and where."""

    pid: int
    port: int

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def note_path(state_dir: Path) -> Path:
    return state_dir / "server.json"


def log_path(state_dir: Path) -> Path:
    return state_dir / "server.log"


def write_note(state_dir: Path, note: ServerNote) -> None:
    unfinished = note_path(state_dir).with_suffix(".tmp")
    unfinished.write_text(json.dumps(asdict(note)))
    unfinished.replace(note_path(state_dir))


def read_note(state_dir: Path) -> ServerNote | None:
    """The note as it stands: the server may be long gone."""
    try:
        note = ServerNote(**json.loads(note_path(state_dir).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    is_sound = isinstance(note.pid, int) and isinstance(note.port, int) and 0 < note.port <= MAX_PORT
    return note if is_sound else None


def remove_note(state_dir: Path) -> None:
    with contextlib.suppress(OSError):
        note_path(state_dir).unlink(missing_ok=True)


def is_served(state_dir: Path, note: ServerNote) -> bool:
    """Whether that very process serves that very folder and is ready: a number alone proves nothing."""
    return ask_status(state_dir, note) is not None


def ask_status(state_dir: Path, note: ServerNote) -> dict[str, Any] | None:
    """What a ready server says of itself; None when it is not the one that the note names."""
    # Not urllib: a proxy in the environment is not for this address.
    connection = HTTPConnection("127.0.0.1", note.port, timeout=ASK_TIMEOUT_S)
    try:
        connection.request("GET", STATUS_PATH)
        status = json.load(connection.getresponse())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    is_it = (
        isinstance(status, dict)
        and status.get("pid") == note.pid
        and status.get("state_dir") == str(state_dir.resolve())
        and status.get("ready")
    )
    return status if is_it else None
