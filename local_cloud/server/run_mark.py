"""The file that stands while a server runs, and after one that ended without saving.

It is made once a server has its state and removed once the last save is on disk, which a full disk does not
hinder. Its time of change is 0 until the watchdog, which sees the server end, sets it: when both ended at
once, nobody knows.
"""

import contextlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from local_cloud.server import snapshot


@dataclass(frozen=True)
class SuddenEnd:
    """How the server before ended, without saving."""

    saved_at: datetime | None
    """The moment of what is kept; None when nothing was saved yet."""
    ended_at: datetime | None
    """None when nobody saw it."""

    @property
    def lost_s(self) -> float | None:
        """How much time's changes are lost at most; None when that is not known."""
        if self.saved_at is None or self.ended_at is None:
            return None
        return max((self.ended_at - self.saved_at).total_seconds(), 0.0)

    @staticmethod
    def from_json(document: dict[str, str | None]) -> "SuddenEnd":
        """What `to_json` gave."""
        saved_at, ended_at = document["saved_at"], document["ended_at"]
        return SuddenEnd(
            datetime.fromisoformat(saved_at) if saved_at else None,
            datetime.fromisoformat(ended_at) if ended_at else None,
        )

    def to_json(self) -> dict[str, str | None]:
        return {
            "saved_at": self.saved_at.isoformat() if self.saved_at else None,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
        }


def mark_path(state_dir: Path) -> Path:
    return state_dir / "running"


def find_sudden_end(state_dir: Path) -> SuddenEnd | None:
    """None when the server that had the folder last has saved all, or there was none."""
    try:
        changed_at = mark_path(state_dir).stat().st_mtime
    except OSError:
        return None
    ended_at = datetime.fromtimestamp(changed_at, UTC) if changed_at else None
    return SuddenEnd(snapshot.saved_at(snapshot.snapshot_path(state_dir)), ended_at)


def set_mark(state_dir: Path) -> None:
    """A server runs. Raises OSError."""
    mark_path(state_dir).touch()
    os.utime(mark_path(state_dir), (0, 0))


def write_cut_off(state_dir: Path, arns: Sequence[str]) -> None:
    """Which executions ended with the server before: for the owner of the folder, not for who asks a port.

    Where there is no room, nobody is told.
    """
    with contextlib.suppress(OSError):
        _cut_off_path(state_dir).write_text(json.dumps(list(arns)), "utf-8")


def read_cut_off(state_dir: Path) -> list[str]:
    """None where that is not known."""
    try:
        return [str(arn) for arn in json.loads(_cut_off_path(state_dir).read_text("utf-8"))]
    except (OSError, ValueError):
        return []


def _cut_off_path(state_dir: Path) -> Path:
    return state_dir / "cut-off.json"


def remove_mark(state_dir: Path) -> None:
    """All is saved. Raises OSError."""
    mark_path(state_dir).unlink(missing_ok=True)
