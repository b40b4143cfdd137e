"""The note that a running server leaves in its state folder, by which others find it."""

import contextlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from local_cloud.server.root_key import RootKey, find_root_key

# Where the server proves who it is, and tells whether its state is saved.
# `?challenge=<64 hexadecimal digits>`
STATUS_PATH = "/_local_cloud/status"
CHALLENGE = re.compile(r"[0-9a-f]{64}")
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


@dataclass(frozen=True)
class ServerIdentity:
    """A server, and the folder that it serves."""

    root_key: RootKey
    state_dir: Path
    note: ServerNote
    facts: dict[str, Any] = field(default_factory=dict)
    """What the server tells of itself to whoever asks, kept up to date."""

    def proof(self, challenge: str) -> str:
        """What only that server, with the key of its folder, can answer to a challenge that is new."""
        parts = (str(self.state_dir.resolve()), str(self.note.pid), str(self.note.port), challenge)
        return self.root_key.derive("server", *parts).hex()


def note_path(state_dir: Path) -> Path:
    return state_dir / "server.json"


def log_path(state_dir: Path) -> Path:
    return state_dir / "server.log"


def groups_path(state_dir: Path) -> Path:
    """Where the server writes down the process groups that must end with it."""
    return state_dir / "process-groups.json"


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
    """What a ready server says of itself; None when it cannot prove to be the one that the note names."""
    root_key = find_root_key(state_dir)
    if root_key is None:
        return None
    challenge = secrets.token_hex(32)
    # Not urllib: a proxy in the environment is not for this address.
    connection = HTTPConnection("127.0.0.1", note.port, timeout=ASK_TIMEOUT_S)
    try:
        connection.request("GET", f"{STATUS_PATH}?challenge={challenge}")
        status = json.load(connection.getresponse())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
    if not isinstance(status, dict) or status.get("ready") is not True:
        return None
    expected = ServerIdentity(root_key, state_dir, note).proof(challenge)
    return status if hmac.compare_digest(expected, str(status.get("proof"))) else None
