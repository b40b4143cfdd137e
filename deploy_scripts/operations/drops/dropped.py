"""The drop of a run: the very version that it was trained on, as files, or photo by photo."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import ClientError

from contracts.bucket import SNAPSHOT_ZIP, snapshot_key
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.dataset_files import DatasetFiles
from deploy_scripts.operations.drops.upload import Dataset, read_dataset
from deploy_scripts.operations.objects import PARALLEL_CALLS
from deploy_scripts.operations.runs.ledger import LedgerItem
from drops.keys import ZIP_SUFFIX, dataset_of, is_zip
from drops.limits import MAX_IMAGE_BYTES
from drops.manifest import FILE_NAME, Folder, ManifestError, ManifestFile, read_manifest
from drops.problems import BadDropError, quoted
from drops.zip_safety.members import MemberError, ZipDrop
from functions.inspect_dataset.ranged_object import RangedObject
from functions.inspect_dataset.s3_drops import GONE, StoredObject, find_object, read_range

_USE_THE_FOLDER = "Use the folder itself: `dropserve drop FOLDER --review FILE`."


def is_folder_drop(item: LedgerItem) -> bool:
    """Whether it was dropped as a folder of objects."""
    return not is_zip(item.key)


def download_drop(deployment: Deployment, item: LedgerItem, folder: Path) -> Dataset:
    """What the run was trained on, as files of `folder`. Raises CliError when it is not there any more."""
    if is_folder_drop(item):
        return _download_folder(deployment, item, folder)
    stored = _find_zip(deployment, item)
    file = folder / f"dropped{item.key[-len(ZIP_SUFFIX) :]}"
    version = {"VersionId": stored.version_id} if stored.version_id else {}
    deployment.aws.s3.download_file(stored.bucket, stored.key, str(file), ExtraArgs=version)
    return read_dataset(file, dataset_of(item.key))


def _download_folder(deployment: Deployment, item: LedgerItem, folder: Path) -> Dataset:
    """A number is each file's name on this machine: in S3 another may have been any text."""
    try:
        dropped, files = _read_manifest(deployment, item)
    except BadDropError as error:
        raise CliError(f"The drop of run {item.run.run_id} is gone: {error}.", _USE_THE_FOLDER) from error
    paths = {name: folder / str(number) for number, name in enumerate(files)}

    def download(name: str) -> None:
        key, version = dropped.prefix + name, {"VersionId": files[name].version_id}
        try:
            deployment.aws.s3.download_file(dropped.bucket, key, str(paths[name]), ExtraArgs=version)
        except ClientError as error:
            if is_error(error, *GONE):
                raise CliError(f"The version of {quoted(name)} is gone.", _USE_THE_FOLDER) from error
            raise

    with ThreadPoolExecutor(PARALLEL_CALLS) as downloads:
        # list() raises the first download's error here.
        list(downloads.map(download, files))
    return Dataset(dataset_of(item.key), folder, DatasetFiles(paths))


class DroppedPhotos:
    """Reads single photos of a run's drop, from many threads one after the other.

    What was read of the zip's directory, or of the folder's manifest, is kept.
    """

    def __init__(self, deployment: Deployment, item: LedgerItem) -> None:
        self._deployment = deployment
        self._item = item
        self._lock = threading.Lock()
        self._zip: ZipDrop | None = None
        self._folder: tuple[Folder, dict[str, ManifestFile]] | None = None

    def read(self, name: str) -> bytes:
        """A photo's bytes, by its name in the drop. Raises CliError when it is not there, or too large."""
        with self._lock:
            try:
                return self._read_object(name) if is_folder_drop(self._item) else self._read_member(name)
            except KeyError as error:
                raise CliError(f"The drop has no photo {quoted(name)}.") from error
            except (BadDropError, MemberError) as error:
                raise CliError(f"{quoted(name)} cannot be read: {error}.") from error

    def _read_member(self, name: str) -> bytes:
        if self._zip is None:
            stored = _find_zip(self._deployment, self._item)
            fetch = partial(read_range, stored, s3=self._deployment.aws.s3)
            file = RangedObject(stored.size_bytes, fetch)
            self._zip = ZipDrop(cast(Any, file), stored.size_bytes)
        return self._zip.read(name)

    def _read_object(self, name: str) -> bytes:
        if self._folder is None:
            self._folder = _read_manifest(self._deployment, self._item)
        folder, files = self._folder
        file = files[name]
        if file.size_bytes > MAX_IMAGE_BYTES:
            raise MemberError(f"{file.size_bytes} bytes; the limit for one photo is {MAX_IMAGE_BYTES}")
        s3 = self._deployment.aws.s3
        stored = find_object(folder.bucket, folder.prefix + name, file.version_id, s3=s3)
        return read_range(stored, 0, max(file.size_bytes - 1, 0), s3=s3)


def _read_manifest(deployment: Deployment, item: LedgerItem) -> tuple[Folder, dict[str, ManifestFile]]:
    """The files of a folder drop by name. Raises BadDropError when it is gone, CliError when malformed."""
    key = snapshot_key(item.run.run_id, FILE_NAME)
    stored = find_object(deployment.bucket, key, "", s3=deployment.aws.s3)
    body = deployment.aws.s3.get_object(Bucket=stored.bucket, Key=stored.key)["Body"]
    try:
        folder, files = read_manifest(line.decode() for line in body.iter_lines())
    except (ManifestError, UnicodeDecodeError) as error:
        raise CliError(f"s3://{stored.bucket}/{key} is no manifest: {error}.") from error
    return folder, {file.name: file for file in files}


def _find_zip(deployment: Deployment, item: LedgerItem) -> StoredObject:
    """The copy that the run was trained on; later, when that has expired, the version that was dropped.

    Raises CliError when neither is there any more.
    """
    s3 = deployment.aws.s3
    try:
        return find_object(deployment.bucket, snapshot_key(item.run.run_id, SNAPSHOT_ZIP), "", s3=s3)
    except BadDropError:
        pass
    if not item.version_id:
        raise CliError(
            f"What run {item.run.run_id} was trained on is not there any more, and its version not known.",
            "Use the zip itself.",
        )
    try:
        return find_object(item.bucket, item.key, item.version_id, s3=s3)
    except BadDropError as error:
        raise CliError(f"The drop of run {item.run.run_id} is gone: {error}.") from error
