"""A review of captured photos, followed: the next dataset is dropped, and the photos that were handled go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.bucket import REVIEW
from deploy_scripts.errors import CliError
from deploy_scripts.operations.captures.applied_captures import (
    Applied,
    RefusedLinesError,
    Upload,
    apply_captures,
)
from deploy_scripts.operations.captures.captures import CapturedPhoto, remove_captures
from deploy_scripts.operations.captures.next_drop import Sorted, sort_captures
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.review_files import read_review_file
from deploy_scripts.operations.runs.ledger import Run
from deploy_scripts.operations.runs.starts import wait_for_drop
from drops.review import Refusal

Say = Callable[[str], object]

_ADVICE = f"`dropserve review --out {REVIEW}` writes such a list."
_CORRECT = (
    "Correct them. A label of the dataset itself is corrected by `dropserve drop ZIP --review FILE`, first."
)


@dataclass(frozen=True)
class Followed:
    """What was done; `applied` is None where no photo was labelled, `run` where none was new."""

    done: Sorted
    applied: Applied | None
    run: Run | None


def follow_review(  # noqa: PLR0913 - what both the command and the console have
    deployment: Deployment,
    photos: Sequence[CapturedPhoto],
    file: Path,
    dataset: Path | None,
    *,
    upload: Upload,
    say: Say,
) -> Followed:
    """Drop the zip `dataset`, else the live release's dataset, with the photos that `file` labels.

    Raises CliError when a line cannot be followed, or the next dataset cannot be made or begins no run: then
    every photo waits still.
    """
    done = _read_decisions(photos, file)
    applied, run = None, None
    if done.labels:
        try:
            applied = apply_captures(deployment, done, dataset, upload)
        except RefusedLinesError as error:
            raise _refused(file, error.refusals) from error
        _tell(applied, say)
        if applied.drop is not None:
            run = wait_for_drop(deployment, applied.drop.key, applied.drop.version_id).run
    # Only now: what was not dropped is still there to be reviewed.
    remove_captures(deployment, [*done.labels, *done.thrown_away])
    say(f"{len(done.labels)} photos labelled, {len(done.thrown_away)} thrown away")
    return Followed(done, applied, run)


def _read_decisions(photos: Sequence[CapturedPhoto], file: Path) -> Sorted:
    decisions, refusals = read_review_file(file, _ADVICE)
    done = sort_captures(photos, decisions)
    if refused := [*refusals, *done.refusals]:
        raise _refused(file, refused)
    return done


def _refused(file: Path, refusals: list[Refusal]) -> CliError:
    lines = [f"line {each.line}: {each.why}" for each in sorted(refusals, key=lambda each: each.line)]
    return CliError(f"{file} has lines that cannot be followed; nothing was done.", _CORRECT, lines)


def _tell(applied: Applied, say: Say) -> None:
    additions = applied.additions
    for photo, name in additions.there.items():
        say(f"{photo.name} is in the dataset already, as {name}: it is not added again")
    for label in additions.new_classes:
        say(f"{label} is a new class: it has these photos alone")
    if applied.drop is None:
        say("Nothing is new to the dataset: no run was begun")
