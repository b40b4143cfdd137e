"""Everything that inspect_dataset asks of S3."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from drops.problems import BadDropError, quoted

# HEAD has no body, so its error codes are bare HTTP statuses; 405 is a delete marker asked for by version.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
GONE = {"404", "405", "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed"}
CHANGED = {"412", "PreconditionFailed"}

# A part of a server-side copy; no bytes pass through here, so parts are large to be few.
COPY_PART_BYTES = 128 * 1024**2


@dataclass(frozen=True)
class StoredObject:
    """One object, pinned: by its version where the bucket has versions, and by its ETag everywhere."""

    bucket: str
    key: str
    version_id: str
    etag: str
    size_bytes: int
    last_modified: datetime


def find_object(bucket: str, key: str, version_id: str, *, s3: Any) -> StoredObject:
    """The object of that version; of the current one when `version_id` is empty.

    Raises BadDropError when it is gone, or was never there.
    """
    try:
        head = s3.head_object(Bucket=bucket, Key=key, **_version(version_id))
    except ClientError as problem:
        code = problem.response["Error"]["Code"]
        # 400: it has not even the form of a version.
        if version_id and code in GONE | {"400"}:
            raise BadDropError(
                "vanished" if code in GONE else "bad_version",
                f"{quoted(key)} has no version {quoted(version_id)} (or has it no longer): drop the dataset "
                "again, or start the run without version_id",
                [key],
            ) from problem
        if not version_id and code in GONE:
            raise BadDropError(
                "not_there",
                f"there is no object {quoted(key)} in the bucket {bucket}: check the key (upper and lower "
                "case count), or drop the dataset there",
                [key],
            ) from problem
        raise _translated(problem, key) from problem
    return StoredObject(
        bucket,
        key,
        head.get("VersionId", version_id),
        head["ETag"],
        head["ContentLength"],
        head["LastModified"],
    )


def read_range(stored: StoredObject, first: int, last: int, *, s3: Any) -> bytes:
    """The bytes from first to last, both included. Raises BadDropError when the object is gone or changed."""
    try:
        answer = s3.get_object(
            Bucket=stored.bucket,
            Key=stored.key,
            Range=f"bytes={first}-{last}",
            IfMatch=stored.etag,
            **_version(stored.version_id),
        )
    except ClientError as problem:
        raise _translated(problem, stored.key) from problem
    return _ranged_body(answer, first, last)


def find_other_file(bucket: str, prefix: str, *, s3: Any) -> str | None:
    """The first key under a prefix that is no zip and no mere folder."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            key: str = item["Key"]
            if not key.lower().endswith((".zip", "/")):
                return key
    return None


def read_start(stored: StoredObject, length: int, *, s3: Any) -> bytes:
    """The first bytes of an object. Raises BadDropError when it is gone or changed."""
    # An empty object has no first byte to ask for.
    return read_range(stored, 0, length - 1, s3=s3) if stored.size_bytes else b""


def copy_object(stored: StoredObject, bucket: str, key: str, *, s3: Any) -> None:
    """A server-side copy of exactly that version, in parts when it is large.

    Raises BadDropError when the object is gone or changed.
    """
    try:
        s3.copy(
            {"Bucket": stored.bucket, "Key": stored.key, **_version(stored.version_id)},
            bucket,
            key,
            # Copying the tags as well would need one more permission, and the snapshot has no use for them.
            ExtraArgs={"CopySourceIfMatch": stored.etag, "TaggingDirective": "REPLACE"},
            Config=TransferConfig(multipart_threshold=COPY_PART_BYTES, multipart_chunksize=COPY_PART_BYTES),
        )
    except ClientError as problem:
        raise _translated(problem, stored.key) from problem


def _ranged_body(answer: Mapping[str, Any], first: int, last: int) -> bytes:
    """The bytes that were asked for. A server that is not S3 may answer with everything (RFC 9110, 14.2)."""
    whole = "ContentRange" not in answer
    data: bytes = answer["Body"].read(last + 1)[first:] if whole else answer["Body"].read()
    return data


def _version(version_id: str) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def _translated(problem: ClientError, key: str) -> Exception:
    code = problem.response["Error"]["Code"]
    if code in GONE:
        return BadDropError(
            "vanished", f"{quoted(key)} is no longer in the bucket: drop the dataset again", [key]
        )
    if code in CHANGED:
        return BadDropError(
            "changed",
            f"{quoted(key)} was overwritten while it was read: the newer drop has its own run",
            [key],
        )
    return problem
