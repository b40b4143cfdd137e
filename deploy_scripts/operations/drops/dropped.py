"""Drops in the bucket: a zip as a file, a folder by its files, what a run was trained on photo by photo."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import ClientError

from contracts.bucket import SNAPSHOT_ZIP, snapshot_key
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.dataset_files import DatasetFiles
from deploy_scripts.operations.drops.upload import Dataset, read_dataset
from deploy_scripts.operations.objects import PARALLEL_CALLS, objects_below
from deploy_scripts.operations.runs.ledger import LedgerItem
from drops.keys import MARKER, PREFIX, ZIP_SUFFIX, dataset_of, is_zip
from drops.limits import MAX_IMAGE_BYTES
from drops.manifest import FILE_NAME, Folder, ManifestError, ManifestFile, read_manifest
from drops.problems import BadDropError, quoted
from drops.zip_safety.members import MemberError, ZipDrop
from functions.inspect_dataset.ranged_object import RangedObject
from functions.inspect_dataset.s3_drops import GONE, StoredObject, find_object, read_range

_USE_THE_FOLDER = "Use the folder itself: `dropserve drop FOLDER --review FILE`."

# What to do where a drop cannot be read.
NAME_A_ZIP = "Name a zip to add the photos to: --dataset ZIP."


@dataclass(frozen=True)
class DroppedVersion:
    """A drop's object, a zip or a folder's marker; `version_id` is empty where its bucket keeps none."""

    bucket: str
    key: str
    version_id: str

    @property
    def dataset(self) -> str:
        return dataset_of(self.key)

    @property
    def is_folder(self) -> bool:
        return not is_zip(self.key)


def drop_of(item: LedgerItem) -> DroppedVersion:
    """What a run was begun by."""
    return DroppedVersion(item.bucket, item.key, item.version_id)


def download_zip(deployment: Deployment, drop: DroppedVersion, file: Path) -> None:
    """Raises CliError when it is gone."""
    version = {"VersionId": drop.version_id} if drop.version_id else {}
    try:
        deployment.aws.s3.download_file(drop.bucket, drop.key, str(file), ExtraArgs=version)
    except ClientError as error:
        if is_error(error, *GONE):
            raise CliError(f"s3://{drop.bucket}/{drop.key} is gone.", NAME_A_ZIP) from error
        raise


def download_drop(deployment: Deployment, item: LedgerItem, folder: Path) -> Dataset:
    """What the run was trained on, as files of `folder`. Raises CliError when it is not there any more."""
    if drop_of(item).is_folder:
        return _download_folder(deployment, item, folder)
    stored = _find_zip(deployment, item)
    file = folder / f"dropped{item.key[-len(ZIP_SUFFIX) :]}"
    download_zip(deployment, DroppedVersion(stored.bucket, stored.key, stored.version_id), file)
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


class DroppedFolder:
    """The files of a folder drop as they are now, by their names in it."""

    def __init__(self, deployment: Deployment, drop: DroppedVersion) -> None:
        """Raises CliError for a folder of another bucket, where no drop begins a run."""
        if drop.bucket != deployment.bucket:
            raise CliError(f"s3://{drop.bucket}/{drop.key} is in another bucket.", NAME_A_ZIP)
        self._deployment = deployment
        self._prefix = f"{PREFIX}{drop.dataset}/"

    def entries(self) -> Iterator[tuple[str, int]]:
        """(name, size in bytes) of each file."""
        for key, size_bytes, _ in objects_below(self._deployment, self._deployment.bucket, self._prefix):
            name = key.removeprefix(self._prefix)
            if name and name != MARKER:
                yield name, size_bytes

    def read(self, name: str, max_bytes: int = MAX_IMAGE_BYTES) -> bytes:
        """A file's bytes. Raises CliError when it has more than `max_bytes`."""
        reply = self._deployment.aws.s3.get_object(Bucket=self._deployment.bucket, Key=self._prefix + name)
        if reply["ContentLength"] > max_bytes:
            raise CliError(f"{self._prefix}{name} has over {max_bytes} bytes.", NAME_A_ZIP)
        return reply["Body"].read()

    def read_start(self, name: str, length: int) -> bytes:
        """At most the first `length` bytes of a file."""
        reply = self._deployment.aws.s3.get_object(Bucket=self._deployment.bucket, Key=self._prefix + name)
        return reply["Body"].read(length)


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
                return self._read_object(name) if drop_of(self._item).is_folder else self._read_member(name)
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
