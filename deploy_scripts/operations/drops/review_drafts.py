"""A review that a person works on, photo by photo: a file like review.csv, of decided photos alone."""

import os
import threading
from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.project import work_folder
from drops.limits import MAX_TABLE_BYTES
from drops.review import Decision, ReviewError, read_review, write_review


def draft_file(bucket: str, name: str) -> Path:
    """Where the draft `name` of a deployment lies, by its data bucket, whose name is nobody else's."""
    return work_folder() / "reviews" / bucket / f"{name}.csv"


class ReviewDraft:
    """Decisions by photo, on disk after each. May be asked from any thread."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()

    def decisions(self) -> dict[str, Decision]:
        """By the photo's name. Raises CliError when the file is no review any more."""
        with self._lock:
            return self._read()

    def decide(self, *decided: Decision) -> None:
        """Add decisions, in the place of those on the same photos."""
        with self._lock:
            self._write(self._read() | {each.file: each for each in decided})

    def undecide(self, name: str) -> None:
        with self._lock:
            self._write({file: each for file, each in self._read().items() if file != name})

    def put_away(self, mark: str) -> Path:
        """After it was followed: the file is kept under another name, and nothing is decided any more."""
        with self._lock:
            return self.file.rename(self.file.with_name(f"{self.file.stem}-{mark}.csv"))

    def _read(self) -> dict[str, Decision]:
        advice = "Correct the file, or move it away to begin anew."
        try:
            if self.file.stat().st_size > MAX_TABLE_BYTES:
                raise CliError(f"{self.file} is over {MAX_TABLE_BYTES // 1024**2} MiB.", advice)
            found, refusals = read_review(self.file.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (ReviewError, UnicodeDecodeError) as error:
            raise CliError(f"{self.file} is no review: {error}.", advice) from error
        if refusals:
            lines = [f"line {each.line}: {each.why}" for each in refusals]
            raise CliError(f"{self.file} has lines that cannot be followed.", advice, lines)
        return {each.file: each for each in found}

    def _write(self, decisions: dict[str, Decision]) -> None:
        """Whole at every moment."""
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.file.with_name(f"{self.file.name}.{os.getpid()}.tmp")
        unfinished.write_text(write_review(decisions.values()), "utf-8")
        unfinished.replace(self.file)
