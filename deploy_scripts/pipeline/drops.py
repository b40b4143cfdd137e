"""Uploads a dataset to drops/: a zip as it is, a folder file by file."""

import mimetypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy_scripts.errors import CliError
from deploy_scripts.packaging.archives import files_below, sha256_of
from deploy_scripts.pipeline.deployment import Deployment

# The object that says "this folder is complete": only it begins a run.
MARKER = "_SUCCESS"
_PARALLEL_UPLOADS = 8


@dataclass(frozen=True)
class Drop:
    """What was uploaded; `key` and `version_id` are those of the object that begins the run."""

    key: str
    version_id: str


def size_of(path: Path) -> int:
    """Bytes to upload. Raises CliError when there is nothing at the path."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in _files_of(path).values())


def upload_drop(
    deployment: Deployment, path: Path, dataset: str | None, *, sent: Callable[[int], object]
) -> Drop:
    """Upload a zip or a folder of class folders; `sent` hears of the bytes as they go.

    A file goes up whatever it holds: the pipeline judges it, the same for every way in.
    Raises CliError when there is nothing at the path.
    """
    if path.is_dir():
        return _upload_folder(deployment, path, dataset or path.resolve().name, sent)
    name = f"{dataset}{path.suffix}" if dataset else path.name
    return _upload_file(deployment, path, f"drops/{name}", sent)


def _upload_file(deployment: Deployment, path: Path, key: str, sent: Callable[[int], object]) -> Drop:
    """One object, with its SHA-256 beside it."""
    s3 = deployment.aws.s3
    s3.upload_file(
        str(path),
        deployment.bucket,
        key,
        ExtraArgs={"Metadata": {"sha256": sha256_of(path)}, "ContentType": _content_type(path.name)},
        Callback=sent,
    )
    return Drop(key, s3.head_object(Bucket=deployment.bucket, Key=key).get("VersionId", ""))


def _upload_folder(deployment: Deployment, folder: Path, name: str, sent: Callable[[int], object]) -> Drop:
    s3 = deployment.aws.s3
    prefix = f"drops/{name}/"
    files = _files_of(folder)
    _remove_what_left(deployment, prefix, keep={prefix + path for path in files})

    def upload(path: str) -> None:
        s3.upload_file(
            str(files[path]),
            deployment.bucket,
            prefix + path,
            ExtraArgs={"ContentType": _content_type(path)},
            Callback=sent,
        )

    with ThreadPoolExecutor(_PARALLEL_UPLOADS) as uploads:
        # list() raises the first upload's error here.
        list(uploads.map(upload, files))
    marker = s3.put_object(Bucket=deployment.bucket, Key=prefix + MARKER, Body=b"")
    return Drop(prefix + MARKER, marker.get("VersionId", ""))


def _remove_what_left(deployment: Deployment, prefix: str, *, keep: set[str]) -> None:
    """Photos of an earlier drop of this name that the folder no longer has must not be trained on."""
    s3 = deployment.aws.s3
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=deployment.bucket, Prefix=prefix):
        gone = [item["Key"] for item in page.get("Contents", []) if item["Key"] not in keep]
        if gone:
            s3.delete_objects(Bucket=deployment.bucket, Delete={"Objects": [{"Key": key} for key in gone]})


def _content_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _files_of(folder: Path) -> dict[str, Path]:
    if not folder.exists():
        raise CliError(f"There is nothing at {folder}.", "Name a zip, or a folder with one folder a class.")
    files = {name: file for name, file in files_below(folder).items() if name != MARKER}
    if not files:
        raise CliError(f"The folder {folder} holds no files.", "Put the photos in one folder a class.")
    return files


def newest_drop(deployment: Deployment, bucket: str | None = None) -> str:
    """The key of the newest zip or marker below drops/. Raises CliError when there is none."""
    bucket = bucket or deployment.bucket
    pages = deployment.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="drops/")
    drops = [
        item
        for page in pages
        for item in page.get("Contents", [])
        if item["Key"].endswith((".zip", f"/{MARKER}"))
    ]
    if not drops:
        raise CliError(f"Nothing was dropped in {bucket} yet.", "Drop photos: `dropserve drop photos.zip`.")
    return max(drops, key=lambda item: item["LastModified"])["Key"]
