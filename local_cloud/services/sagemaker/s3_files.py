"""Files and folders to and from S3, acting as the role of a job or a model."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import ClientError

_CHUNK_BYTES = 1024 * 1024
_S3_URI = re.compile(r"s3://([^/]+)/?(.*)", re.DOTALL)


class UnsafeKeyError(Exception):
    """An object's key would leave the folder that it is downloaded to."""


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/key` -> (bucket, key); raises ValueError for anything else."""
    match = _S3_URI.fullmatch(uri)
    if match is None:
        raise ValueError(f"not an S3 URI: {uri}")
    return match[1], match[2]


class S3Files:
    """`client` is a boto3 S3 client with the credentials to act with."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def keys(self, prefix_uri: str) -> Iterator[str]:
        """The keys below a prefix, page by page; markers of folders (keys that end in /) are left out.

        Raises botocore's ClientError when the bucket is missing or closed to the role.
        """
        bucket, prefix = split_uri(prefix_uri)
        for found in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from (item["Key"] for item in found.get("Contents", []) if not item["Key"].endswith("/"))

    def has_objects(self, prefix_uri: str) -> bool:
        """Whether the role can list at least one object there."""
        try:
            return next(self.keys(prefix_uri), None) is not None
        except ClientError:
            return False

    def exists(self, uri: str) -> bool:
        """Whether the role can read the object."""
        bucket, key = split_uri(uri)
        try:
            self._client.head_object(Bucket=bucket, Key=key)
        except ClientError:
            return False
        return True

    def download_prefix(self, prefix_uri: str, folder: Path) -> int:
        """Downloads every object below a prefix, relative paths kept; returns how many.

        Raises UnsafeKeyError for a key with `..` in it, ClientError as S3 answers.
        """
        bucket, prefix = split_uri(prefix_uri)
        folder.mkdir(parents=True, exist_ok=True)
        count = 0
        for key in self.keys(prefix_uri):
            self._download(bucket, key, folder / _relative_path(key, prefix))
            count += 1
        return count

    def download(self, uri: str, target: Path) -> None:
        """Downloads one object; raises ClientError as S3 answers."""
        bucket, key = split_uri(uri)
        self._download(bucket, key, target)

    def upload(self, source: Path, uri: str) -> None:
        """Uploads one file; raises boto3's S3UploadFailedError when S3 refuses it."""
        bucket, key = split_uri(uri)
        self._client.upload_file(str(source), bucket, key)

    def _download(self, bucket: str, key: str, target: Path) -> None:
        # One GetObject a file: download_file asks HeadObject first, and a dataset has thousands of files.
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(self._client.get_object(Bucket=bucket, Key=key)["Body"], file, _CHUNK_BYTES)


def _relative_path(key: str, prefix: str) -> PurePosixPath:
    is_folder = prefix.endswith("/") or key.startswith(f"{prefix}/")
    # A prefix may end inside a name (train -> train-1.csv): then the names are kept whole.
    root = prefix if is_folder else prefix[: prefix.rfind("/") + 1]
    path = PurePosixPath(key[len(root) :].lstrip("/"))
    if ".." in path.parts or not path.parts:
        raise UnsafeKeyError(f"the key {key!r} does not name a file below its prefix")
    return path
