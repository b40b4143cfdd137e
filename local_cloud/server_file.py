"""The note that a running server leaves in its state folder, by which others find it."""

import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from local_cloud.root_key import RootKey, RootKeyError, read_root_key

# Where the server proves who it is, and tells nothing else: `?challenge=<64 hexadecimal digits>`.
STATUS_PATH = "/_local_cloud/status"
CHALLENGE = re.compile(r"[0-9a-f]{64}")
ASK_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class ServerNote:
    """Which process serves a state folder, and where."""

    pid: int
    port: int

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Place:
    """A server, and the folder that it serves."""

    root_key: RootKey
    state_dir: Path
    note: ServerNote

    def proof(self, challenge: str) -> str:
        """What only that server, with the key of its folder, can answer to a challenge that is new."""
        parts = (str(self.state_dir.resolve()), str(self.note.pid), str(self.note.port), challenge)
        return self.root_key.derive("server", *parts).hex()


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
    try:
        root_key = read_root_key(state_dir)
    except RootKeyError:
        return False
    if root_key is None:
        return False
    challenge = secrets.token_hex(32)
    # Not urllib: a proxy in the environment is not for this address.
    connection = HTTPConnection("127.0.0.1", note.port, timeout=ASK_TIMEOUT_S)
    try:
        connection.request("GET", f"{STATUS_PATH}?challenge={challenge}")
        status = json.load(connection.getresponse())
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
    if not isinstance(status, dict):
        return False
    expected = Place(root_key, state_dir, note).proof(challenge)
    return hmac.compare_digest(expected, str(status.get("proof"))) and status.get("ready") is True
