"""review.csv: what a person, or the doctor, decides of single photos of a drop: keep, drop or relabel."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from drops.csv_cells import guarded, unguarded
from drops.problems import quoted

Action = Literal["keep", "drop", "relabel"]
ACTIONS: tuple[Action, ...] = get_args(Action)
COLUMNS = ("action", "file", "label", "suggested_label", "why", "score")


@dataclass(frozen=True)
class Decision:
    """What happens to a photo, by its name in the drop; `line` is where the file says so (0: nowhere)."""

    action: Action
    file: str
    label: str
    suggested_label: str = ""
    why: str = ""
    score: float = 0.0
    line: int = 0


@dataclass(frozen=True)
class Refusal:
    """A line that is not followed, and why, as a sentence."""

    line: int
    why: str


class ReviewError(ValueError):
    """The file as a whole is no review; the message says what is wrong."""


def write_review(decisions: Iterable[Decision]) -> str:
    """The file's text; no cell begins as a formula does."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in decisions:
        cells = (each.action, each.file, each.label, each.suggested_label, each.why, f"{each.score:.3f}")
        writer.writerow([guarded(cell) for cell in cells])
    return buffer.getvalue()


def read_review(text: str) -> tuple[list[Decision], list[Refusal]]:
    """The decisions, and the lines that are none; lines without an action or a file are passed over as empty.

    Raises ReviewError when the columns are not there.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = [name for name in ("action", "file") if name not in (reader.fieldnames or [])]
    if missing:
        raise ReviewError(f"there is no column {' and no column '.join(missing)} in its first line")
    decisions: list[Decision] = []
    refusals: list[Refusal] = []
    try:
        for row in reader:
            cells = {name: unguarded((row.get(name) or "").strip()) for name in COLUMNS}
            if not any(cells.values()):
                continue
            read = _read_line(cells, reader.line_num)
            if isinstance(read, Refusal):
                refusals.append(read)
            else:
                decisions.append(read)
    except csv.Error as error:
        raise ReviewError(f"line {reader.line_num} is no line of a CSV file: {error}") from error
    return decisions, refusals


def _read_line(cells: dict[str, str], line: int) -> Decision | Refusal:
    action = next((each for each in ACTIONS if each == cells["action"].casefold()), None)
    if action is None:
        return Refusal(line, f"the action {quoted(cells['action'])} is none of {', '.join(ACTIONS)}")
    if not cells["file"]:
        return Refusal(line, "there is no file")
    if action == "relabel" and not cells["suggested_label"]:
        return Refusal(line, f"{quoted(cells['file'])} is to be relabelled, but suggested_label is empty")
    return Decision(
        action,
        cells["file"],
        cells["label"],
        cells["suggested_label"],
        cells["why"],
        _number(cells["score"]),
        line,
    )


def _number(text: str) -> float:
    """A score is only shown: what is none counts as 0."""
    try:
        return float(text)
    except ValueError:
        return 0.0
