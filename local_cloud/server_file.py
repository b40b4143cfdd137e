"""The note that a running server leaves in its state folder, by which others find it."""

import json
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

# Where the server tells who it is.
STATUS_PATH = "/_local_cloud/status"
ASK_TIMEOUT_S = 5.0


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
        return ServerNote(**json.loads(note_path(state_dir).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def remove_note(state_dir: Path) -> None:
    note_path(state_dir).unlink(missing_ok=True)


def is_served(state_dir: Path, note: ServerNote) -> bool:
    """Whether that very process serves that very folder and is ready: a number alone proves nothing."""
    # Not urllib: a proxy in the environment is not for this address.
    connection = HTTPConnection("127.0.0.1", note.port, timeout=ASK_TIMEOUT_S)
    try:
        connection.request("GET", STATUS_PATH)
        status = json.load(connection.getresponse())
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return bool(
        status.get("pid") == note.pid
        and status.get("state_dir") == str(state_dir.resolve())
        and status.get("ready")
    )
