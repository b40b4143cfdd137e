"""Applies a review to a dataset before it is dropped: what goes up is a copy, the original stays as it is."""

from dataclasses import replace
from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.operations.drops.dataset_files import DatasetFiles
from deploy_scripts.operations.drops.review_files import read_review_file
from deploy_scripts.operations.drops.upload import Dataset
from deploy_scripts.operations.drops.zips import open_zip, write_zip
from drops.applied_review import AppliedReview, apply_review
from drops.label_tables import ReadFile
from drops.problems import BadDropError
from drops.review import Decision, Refusal

_ADVICE = "`dropserve doctor` writes such a file: correct that one, and hand it back."


def review_dataset(dataset: Dataset, review: Path) -> tuple[Dataset, AppliedReview]:
    """The dataset as the review wants it: of a zip, another zip beside it; of a folder, the files renamed.

    Raises CliError when the review, or the dataset, cannot be read, or when the other zip is there already.
    """
    decisions, refusals = read_review_file(review, _ADVICE)
    if dataset.folder is not None:
        files = dataset.folder.files
        sizes = [(name, file.stat().st_size) for name, file in files.items()]
        applied = _applied(dataset, sizes, decisions, refusals, lambda name, limit: _read(files[name], limit))
        renamed = {new: files[name] for name, new in applied.names.items()}
        return replace(
            dataset, folder=DatasetFiles(renamed, dataset.folder.left_out, applied.written)
        ), applied
    target = dataset.source.with_name(f"{dataset.source.stem}-reviewed{dataset.source.suffix}")
    if target.exists():
        raise CliError(f"{target} is there already.", "It is an earlier review's: move it away.")
    return _review_zip(dataset, target, decisions, refusals)


def _review_zip(
    dataset: Dataset, target: Path, decisions: list[Decision], refusals: list[Refusal]
) -> tuple[Dataset, AppliedReview]:
    with open_zip(dataset.source) as archive:
        applied = _applied(dataset, list(archive.entries()), decisions, refusals, archive.read_start)
        write_zip(archive, applied.names, target, applied.written)
    return replace(dataset, source=target), applied


def _read(file: Path, limit: int) -> bytes:
    with file.open("rb") as opened:
        return opened.read(limit)


def _applied(
    dataset: Dataset,
    entries: list[tuple[str, int]],
    decisions: list[Decision],
    refusals: list[Refusal],
    read_file: ReadFile,
) -> AppliedReview:
    """With what could not even be read among the refusals, by line."""
    try:
        applied = apply_review(entries, decisions, read_file)
    except BadDropError as bad:
        raise CliError(f"{dataset.source}: {bad}.", "Correct the layout first.") from bad
    return replace(applied, refusals=sorted([*applied.refusals, *refusals], key=lambda each: each.line))
