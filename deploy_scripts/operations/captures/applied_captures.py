"""Adds labelled photos to a dataset, and drops it again: a zip anew, a folder by its new files alone."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.operations.captures.captures import read_photo
from deploy_scripts.operations.captures.last_drop import last_drop_of_live
from deploy_scripts.operations.captures.next_drop import Additions, Sorted, plan_additions
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.dropped import DroppedFolder, download_zip
from deploy_scripts.operations.drops.foresight import require_accepted
from deploy_scripts.operations.drops.upload import Dataset, Drop, add_to_folder, read_dataset
from deploy_scripts.operations.drops.zips import open_zip, write_zip
from drops.problems import BadDropError
from drops.review import Refusal

Upload = Callable[[Dataset], Drop]


@dataclass(frozen=True)
class Applied:
    """`drop` is None where the dataset has all of the photos."""

    additions: Additions
    drop: Drop | None


class RefusedLinesError(Exception):
    """Lines of a review that cannot be followed; nothing was done."""

    def __init__(self, refusals: list[Refusal]) -> None:
        super().__init__(f"{len(refusals)} lines")
        self.refusals = refusals


def apply_captures(deployment: Deployment, done: Sorted, dataset: Path | None, upload: Upload) -> Applied:
    """Adds to the zip `dataset`, which goes up under its own name; else to the live release's dataset.

    Raises RefusedLinesError, and CliError when there is nothing to add to, it cannot be read, or the pipeline
    would reject the zip that it becomes.
    """
    with tempfile.TemporaryDirectory() as folder:
        if dataset is not None:
            if dataset.is_dir():
                raise CliError(f"{dataset} is a folder.", "Zip it, and name the zip: --dataset ZIP.")
            read_dataset(dataset, None)
            return _add_to_zip(deployment, done, dataset, (Path(folder), dataset.stem), upload)
        last = last_drop_of_live(deployment)
        if last.is_folder:
            return _add_to_folder(deployment, done, DroppedFolder(deployment, last), last.dataset)
        old = Path(folder) / "old.zip"
        download_zip(deployment, last, old)
        return _add_to_zip(deployment, done, old, (Path(folder), last.dataset), upload)


def _add_to_zip(
    deployment: Deployment, done: Sorted, old: Path, new: tuple[Path, str], upload: Upload
) -> Applied:
    """`new`: the folder to write the zip in, and the name of its dataset."""
    target = new[0] / "next.zip"
    with open_zip(old) as archive:
        additions = plan_additions(archive, done, may_rename=True)
        _check(additions)
        if not additions.places:
            return Applied(additions, None)
        write_zip(archive, additions.renamed, target, _files(deployment, additions))
    dataset = read_dataset(target, new[1])
    require_accepted(dataset)
    return Applied(additions, upload(dataset))


def _add_to_folder(deployment: Deployment, done: Sorted, folder: DroppedFolder, name: str) -> Applied:
    try:
        additions = plan_additions(folder, done, may_rename=False)
    except BadDropError as bad:
        raise CliError(f"The folder of {name}: {bad}.", "Correct it first, and drop it again.") from bad
    _check(additions)
    if not additions.places:
        return Applied(additions, None)
    return Applied(additions, add_to_folder(deployment, name, _files(deployment, additions)))


def _check(additions: Additions) -> None:
    if additions.refusals:
        raise RefusedLinesError(additions.refusals)


def _files(deployment: Deployment, additions: Additions) -> dict[str, bytes]:
    files = {place: read_photo(deployment, photo) for photo, place in additions.places.items()}
    return {**files, **additions.written}
