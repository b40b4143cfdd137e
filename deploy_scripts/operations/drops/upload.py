"""Uploads a dataset to drops/: a zip as it is, a folder file by file. A drop touches nothing but its own."""

import hashlib
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.dataset_files import (
    DatasetFiles,
    is_name_safe,
    listed,
    read_dataset_folder,
)
from deploy_scripts.operations.objects import PARALLEL_CALLS, objects_below, remove_objects
from deploy_scripts.packaging.archives import sha256_of
from drops.keys import MARKER, MAX_KEY_BYTES, PREFIX

_NOT_REMOVED = "No run was begun. Ask for the permission s3:DeleteObject and drop the folder again."
# On every object of a folder drop: the SHA-256 of the dataset's name, since metadata is ASCII and short.
_OWNER = "dropserve-drop"


@dataclass(frozen=True)
class Drop:
    """What was uploaded; `key` and `version_id` are those of the object that begins the run."""

    key: str
    version_id: str


@dataclass(frozen=True)
class Dataset:
    """What is to be dropped: a file as it is, or the files of a folder."""

    name: str
    source: Path
    folder: DatasetFiles | None = None

    @property
    def size_bytes(self) -> int:
        return self.folder.size_bytes if self.folder else self.source.stat().st_size


def read_dataset(path: Path, name: str | None) -> Dataset:
    """What of the path goes up, as the dataset `name`, or as that of the file or folder.

    Raises CliError when there is nothing to upload at the path, or when something cannot be named so.
    """
    if path.is_dir():
        name = path.resolve().name if name is None else name
        folder = read_dataset_folder(path)
        _check_name(name, [f"{PREFIX}{name}/{file}" for file in (*folder.files, MARKER)])
        return Dataset(name, path, folder)
    if not path.is_file():
        what = "neither a file nor a folder" if path.exists() else "nothing"
        raise CliError(f"There is {what} at {path}.", "Name a zip, or a folder with one folder a class.")
    # With or without the ending that the key gets.
    name = path.stem if name is None else name.removesuffix(path.suffix)
    _check_name(name, [f"{PREFIX}{name}{path.suffix}"])
    return Dataset(name + path.suffix, path)


def upload_drop(
    deployment: Deployment,
    dataset: Dataset,
    *,
    sent: Callable[[int], object],
    say: Callable[[str], object],
) -> Drop:
    """Upload a dataset; `sent` hears of the bytes as they go, `say` of what is left out or removed.

    A file goes up whatever it holds: the pipeline judges it, the same for every way in.
    Raises CliError, before anything is changed, when another drop lies in the way.
    """
    _check_outer_drops(deployment, dataset.name)
    if dataset.folder is None:
        return _upload_file(deployment, dataset, sent)
    for why, names in dataset.folder.left_out.items():
        say(f"Left out, {why}: {listed(names)}")
    return _upload_folder(deployment, dataset.name, dataset.folder, sent, say)


def _check_name(name: str, keys: Sequence[str]) -> None:
    if {"", ".", ".."} & set(name.split("/")) or not all(map(is_name_safe, keys)):
        raise CliError(
            f"{name!r} cannot be the name of a dataset.",
            "Give another with --name: no control characters, no part that is empty, `.` or `..`.",
        )
    longest = max(keys, key=lambda key: len(key.encode()))
    if len(longest.encode()) > MAX_KEY_BYTES:
        raise CliError(
            f"The key {longest[:60]}... is longer than S3 takes ({MAX_KEY_BYTES} bytes).",
            "Give a shorter --name, or shorten the names of folders and files.",
        )


def _check_outer_drops(deployment: Deployment, name: str) -> None:
    """What lies in the folder of another drop would be trained on with it."""
    parts = name.split("/")
    for depth in range(1, len(parts)):
        outer = f"{PREFIX}{'/'.join(parts[:depth])}/"
        if _metadata_of(deployment, outer + MARKER) is not None:
            raise CliError(
                f"The dataset {name} would lie inside another drop, s3://{deployment.bucket}/{outer}.",
                "Give another --name. Nothing was uploaded or removed.",
            )


def _upload_file(deployment: Deployment, dataset: Dataset, sent: Callable[[int], object]) -> Drop:
    """One object, with its SHA-256 beside it."""
    s3 = deployment.aws.s3
    path, key = dataset.source, PREFIX + dataset.name
    s3.upload_file(
        str(path),
        deployment.bucket,
        key,
        ExtraArgs={"Metadata": {"sha256": sha256_of(path)}, "ContentType": _content_type(path.name)},
        Callback=sent,
    )
    return Drop(key, s3.head_object(Bucket=deployment.bucket, Key=key).get("VersionId", ""))


def _upload_folder(
    deployment: Deployment,
    name: str,
    folder: DatasetFiles,
    sent: Callable[[int], object],
    say: Callable[[str], object],
) -> Drop:
    """The files, then the removal of what an earlier drop of this name had beyond them, then the marker."""
    s3 = deployment.aws.s3
    prefix, owner = f"{PREFIX}{name}/", _owner(name)
    files, names = folder.files, [*folder.files, *folder.written]
    left_over = _own_left_over(deployment, prefix, keep={prefix + path for path in names}, owner=owner)

    def upload(path: str) -> None:
        s3.upload_file(
            str(files[path]),
            deployment.bucket,
            prefix + path,
            ExtraArgs={"ContentType": _content_type(path), "Metadata": {_OWNER: owner}},
            Callback=sent,
        )

    with ThreadPoolExecutor(PARALLEL_CALLS) as uploads:
        # list() raises the first upload's error here.
        list(uploads.map(upload, files))
    for path, content in folder.written.items():
        _put(deployment, prefix + path, content, owner)
        sent(len(content))
    if left_over:
        short = [key.removeprefix(prefix) for key in left_over]
        files_are = "1 file" if len(short) == 1 else f"{len(short)} files"
        say(f"Removing {files_are} of the earlier drop {prefix}: {listed(short)}")
        remove_objects(deployment, left_over, _NOT_REMOVED)
    return _put_marker(deployment, prefix)


def add_to_folder(deployment: Deployment, name: str, files: Mapping[str, bytes]) -> Drop:
    """Puts files, by their names in it, into the folder of a drop that is there, and begins a run of it."""
    prefix, owner = f"{PREFIX}{name}/", _owner(name)
    for path, content in files.items():
        _put(deployment, prefix + path, content, owner)
    return _put_marker(deployment, prefix)


def _put(deployment: Deployment, key: str, content: bytes, owner: str) -> None:
    deployment.aws.s3.put_object(
        Bucket=deployment.bucket,
        Key=key,
        Body=content,
        ContentType=_content_type(key),
        Metadata={_OWNER: owner},
    )


def _put_marker(deployment: Deployment, prefix: str) -> Drop:
    """Put anew each time: it is what begins a run."""
    marker = deployment.aws.s3.put_object(Bucket=deployment.bucket, Key=prefix + MARKER, Body=b"")
    return Drop(prefix + MARKER, marker.get("VersionId", ""))


def _own_left_over(deployment: Deployment, prefix: str, *, keep: set[str], owner: str) -> list[str]:
    """Keys that an earlier drop of this name put there and this one has not: they must not be trained on.

    Raises CliError when there are others: they are not this drop's to remove, nor to be trained on with it.
    """
    keys = [
        key
        for key, _, _ in objects_below(deployment, deployment.bucket, prefix)
        # A console makes an object for an empty folder.
        if key not in keep and key != prefix + MARKER and not key.endswith("/")
    ]
    with ThreadPoolExecutor(PARALLEL_CALLS) as calls:
        found = dict(zip(keys, calls.map(lambda key: _metadata_of(deployment, key), keys), strict=True))
    there = {key: metadata for key, metadata in found.items() if metadata is not None}
    others = [key for key, metadata in there.items() if metadata.get(_OWNER) != owner]
    if others:
        raise CliError(
            f"s3://{deployment.bucket}/{prefix} holds {len(others)} objects that no `dropserve drop` of this "
            f"name put there: {listed([key.removeprefix(prefix) for key in others])}.",
            "Give another --name, or remove them first. Nothing was uploaded or removed.",
        )
    return list(there)


def _metadata_of(deployment: Deployment, key: str) -> Mapping[str, str] | None:
    """None when there is no such object."""
    try:
        return deployment.aws.s3.head_object(Bucket=deployment.bucket, Key=key)["Metadata"]
    except ClientError as error:
        if is_error(error, "404", "NoSuchKey"):
            return None
        raise


def _owner(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _content_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
