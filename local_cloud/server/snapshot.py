"""All that a cloud holds beside the bytes of its objects, in one JSON file that is replaced as a whole.

One file, since parts of different moments make a cloud that is only half there: a bucket without the
rule that starts a run on it, a stack that names what does not exist.
"""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FORMAT = 1
# A datetime is kept as {"$datetime": "<ISO 8601>"}.
TIME_KEY = "$datetime"

Encoder = Callable[[Any], Any]
Decoder = Callable[[dict[str, Any]], Any]


class SnapshotError(Exception):
    """What was saved cannot be taken up: the message says why and what to do."""


@dataclass(frozen=True)
class Snapshot:
    """The state of one moment."""

    emulator: dict[str, Any] = field(default_factory=dict)
    """Service of the emulator -> its state."""
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Added service -> its state."""


def snapshot_path(state_dir: Path) -> Path:
    return state_dir / "cloud.json"


def to_text(snapshot: Snapshot, encode: Encoder) -> str:
    """The file's content; `encode` is asked for what is neither a JSON value nor a datetime."""
    document = {"format": FORMAT, "emulator": snapshot.emulator, "services": snapshot.services}
    return json.dumps(document, default=lambda value: _encode(value, encode))


def write(path: Path, text: str, as_of: float) -> None:
    """Replaces the file, on disk; an interrupted write leaves the old one. Raises OSError.

    `as_of`: the moment whose state this is, in seconds of the epoch.
    """
    unfinished = path.with_suffix(".tmp")
    try:
        # The owner's alone: it holds keys and environments of functions.
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.utime(unfinished, (as_of, as_of))
        unfinished.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def confirm(path: Path, as_of: float) -> None:
    """What was written is the state of this later moment too. Raises OSError."""
    os.utime(path, (as_of, as_of))


def saved_at(path: Path) -> datetime | None:
    """The moment whose state the file holds; None without one."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def read(path: Path, decode: Decoder) -> Snapshot | None:
    """None when nothing was saved. Raises SnapshotError for a damaged file, or one of a newer version."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SnapshotError(_damaged(path, str(error))) from error
    try:
        document = json.loads(text, object_hook=lambda value: _decode(value, decode))
        if document["format"] > FORMAT:
            raise SnapshotError(
                f"{path} was saved by a newer version (format {document['format']}, known: {FORMAT}): "
                "use that version, or choose another folder"
            )
        return Snapshot(dict(document["emulator"]), dict(document["services"]))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SnapshotError(_damaged(path, f"{type(error).__name__}: {error}")) from error


def read_before_format_1(path: Path) -> dict[str, dict[str, Any]]:
    """The added services' states of a version that saved them in a file of their own; empty without one."""
    try:
        document: dict[str, dict[str, Any]] = json.loads(
            path.read_text(encoding="utf-8"), object_hook=lambda value: _decode(value, dict)
        )
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SnapshotError(_damaged(path, str(error))) from error
    return document


def _damaged(path: Path, fault: str) -> str:
    return (
        f"the saved state {path} cannot be read ({fault}): put back a copy of it, or move it away "
        "to begin with an empty cloud"
    )


def _encode(value: Any, encode: Encoder) -> Any:
    if isinstance(value, datetime):
        return {TIME_KEY: value.isoformat()}
    return encode(value)


def _decode(value: dict[str, Any], decode: Decoder) -> Any:
    return datetime.fromisoformat(value[TIME_KEY]) if set(value) == {TIME_KEY} else decode(value)
