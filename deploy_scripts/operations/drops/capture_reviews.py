"""Reviews of captured photos: a list of decisions read, and the next dataset made of what it says."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from contracts.bucket import REVIEW
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.captures import CapturedPhoto, read_photo, remove_captures
from deploy_scripts.operations.drops.dropped import download_dropped_zip
from deploy_scripts.operations.drops.next_drop import Sorted, sort_captures, write_next_drop
from deploy_scripts.operations.drops.upload import Dataset, Drop, read_dataset
from deploy_scripts.operations.releases.live import read_live
from deploy_scripts.operations.runs.ledger import LedgerItem, find_item
from deploy_scripts.operations.runs.starts import wait_for_drop
from drops.limits import MAX_TABLE_BYTES
from drops.review import ReviewError, read_review


def read_decisions(photos: Sequence[CapturedPhoto], file: Path) -> Sorted:
    """What the file says of the photos. Raises CliError when one of its lines cannot be followed."""
    try:
        if file.stat().st_size > MAX_TABLE_BYTES:
            raise CliError(f"{file} is over {MAX_TABLE_BYTES // 1024**2} MiB.")
        decisions, refusals = read_review(file.read_text("utf-8"))
    except (OSError, ReviewError, UnicodeDecodeError) as error:
        raise CliError(
            f"{file} cannot be read: {error}.", f"`dropserve review --out {REVIEW}` writes such a list."
        ) from error
    done = sort_captures(photos, decisions)
    refused = sorted([*refusals, *done.refusals], key=lambda each: each.line)
    if refused:
        lines = [f"line {each.line}: {each.why}" for each in refused]
        raise CliError(f"{file} has lines that cannot be followed; nothing was done.", "Correct them.", lines)
    return done


def follow_decisions(
    deployment: Deployment,
    done: Sorted,
    dataset: Path | None,
    *,
    upload: Callable[[Dataset], Drop],
    say_new_class: Callable[[str], object],
) -> LedgerItem | None:
    """Drop the dataset with the labelled photos, and remove what was handled; gives the run that began.

    None where nothing was labelled. Raises CliError when the next dataset cannot be made, or begins no run:
    then every photo waits still.
    """
    item = None
    if done.labels:
        with TemporaryDirectory() as folder:
            next_dataset, new_classes = _make_next_dataset(deployment, done, Path(folder), dataset)
            for label in new_classes:
                say_new_class(label)
            dropped = upload(next_dataset)
        item = wait_for_drop(deployment, dropped.key, dropped.version_id)
    # Only now: what was not dropped is still there to be reviewed.
    remove_captures(deployment, [*done.labels, *done.thrown_away])
    return item


def _make_next_dataset(
    deployment: Deployment, done: Sorted, folder: Path, dataset: Path | None
) -> tuple[Dataset, list[str]]:
    """The zip `dataset`, else the live release's, with the labelled photos, in `folder`; and its new classes.

    Raises CliError when there is no such zip, or when it cannot be added to.
    """
    old, name = (dataset, dataset.stem) if dataset else _live_zip(deployment, folder)
    content = {photo: (label, read_photo(deployment, photo)) for photo, label in done.labels.items()}
    target = folder / "next.zip"
    new_classes = write_next_drop(old, content, target)
    return read_dataset(target, name), new_classes


def _live_zip(deployment: Deployment, folder: Path) -> tuple[Path, str]:
    """The very version that the live release was trained on, and its dataset's name."""
    live = read_live(deployment)
    if live is None:
        raise CliError("No release is live.", "Name a zip to add the photos to: --dataset ZIP.")
    return download_dropped_zip(deployment, find_item(deployment, live.run_id), folder)
