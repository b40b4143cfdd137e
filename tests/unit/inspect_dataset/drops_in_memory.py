"""A versioned S3 in memory whose calls are held against botocore's own shapes, and drops to put into it."""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

BUCKET = "data-bucket"
JPEG = b"\xff\xd8\xff\xe0" + bytes(400)
DROPPED_AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
S3_MODEL = botocore.session.get_session().get_service_model("s3")


class SparseFile:
    """Bytes at both ends of a long run of zeros, which is never made."""

    def __init__(self, start: bytes, gap_bytes: int, end: bytes) -> None:
        self.start, self.gap_bytes, self.end = start, gap_bytes, end

    def __len__(self) -> int:
        return len(self.start) + self.gap_bytes + len(self.end)

    def __getitem__(self, part: slice) -> bytes:
        first, last = part.start or 0, min(part.stop, len(self))
        gap_end = len(self.start) + self.gap_bytes
        zeros = max(0, min(last, gap_end) - max(first, len(self.start)))
        return (
            self.start[first:last] + bytes(zeros) + self.end[max(0, first - gap_end) : max(0, last - gap_end)]
        )


@dataclass
class FakeS3:
    """Objects by key, each a list of versions; the last is current. It counts what is read.

    Everything was written at DROPPED_AT, an hour ago, unless `at` says otherwise.
    A body of None is a deletion.
    """

    objects: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    times: dict[tuple[str, str], datetime] = field(default_factory=dict)
    now: datetime = DROPPED_AT + timedelta(hours=1)
    versioned: bool = True
    ignores_ranges: bool = False
    gets: int = 0
    bytes_read: int = 0
    copies: list[dict[str, Any]] = field(default_factory=list)
    before_get: Callable[[], None] = lambda: None

    def drop(self, key: str, body: Any, *, at: datetime = DROPPED_AT) -> str:
        versions = self.objects.setdefault(key, [])
        version_id = f"v{len(versions) + 1}" if self.versioned else ""
        versions[:] = [*(versions if self.versioned else []), (version_id, body)]
        self.times[key, version_id] = at
        return version_id

    def delete(self, key: str, *, at: datetime = DROPPED_AT) -> None:
        self.drop(key, None, at=at)

    def body(self, key: str) -> Any:
        return self.objects[key][-1][1]

    def _find(self, operation: str, parameters: dict[str, Any]) -> tuple[str, Any]:
        validate_parameters(parameters, S3_MODEL.operation_model(operation).input_shape)
        wanted = parameters.get("VersionId")
        for version_id, body in reversed(self.objects.get(parameters["Key"], [])):
            if wanted in (None, version_id or "null"):
                if body is None:
                    break
                if parameters.get("IfMatch", self._etag(version_id, body)) != self._etag(version_id, body):
                    raise client_error("PreconditionFailed", operation)
                return version_id, body
        raise client_error("404" if operation == "HeadObject" else "NoSuchKey", operation)

    def _etag(self, version_id: str, body: Any) -> str:
        return f'"{version_id}-{len(body)}-{hash(bytes(body[0:64]))}"'

    def head_object(self, **parameters: Any) -> dict[str, Any]:
        version_id, body = self._find("HeadObject", parameters)
        written_at = self.times[parameters["Key"], version_id]
        head = {"ETag": self._etag(version_id, body), "ContentLength": len(body), "LastModified": written_at}
        return head | ({"VersionId": version_id} if version_id else {})

    def get_object(self, **parameters: Any) -> dict[str, Any]:
        self.before_get()
        _, body = self._find("GetObject", parameters)
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", parameters["Range"]).groups())
        if first >= len(body):
            raise client_error("InvalidRange", "GetObject")
        part = body[first : last + 1]
        self.gets += 1
        self.bytes_read += len(part)
        if self.ignores_ranges:
            return {"Body": io.BytesIO(body)}
        return {
            "Body": io.BytesIO(part),
            "ContentRange": f"bytes {first}-{first + len(part) - 1}/{len(body)}",
        }

    def put_object(self, **parameters: Any) -> None:
        validate_parameters(parameters, S3_MODEL.operation_model("PutObject").input_shape)
        self.drop(parameters["Key"], parameters["Body"])

    def copy(self, source: dict[str, str], bucket: str, key: str, **settings: Any) -> None:
        assert bucket == BUCKET
        _, body = self._find("HeadObject", {**source, "IfMatch": settings["ExtraArgs"]["CopySourceIfMatch"]})
        self.copies.append(source)
        self.drop(key, body)

    def get_paginator(self, operation: str) -> Any:
        listings = {"list_objects_v2": self._list_objects, "list_object_versions": self._list_versions}
        return SimpleNamespace(paginate=listings[operation])

    def _list_objects(self, **parameters: Any) -> list[dict[str, Any]]:
        validate_parameters(parameters, S3_MODEL.operation_model("ListObjectsV2").input_shape)
        found = [
            {"Key": key, "Size": len(versions[-1][1])}
            for key, versions in sorted(self.objects.items())
            if key.startswith(parameters["Prefix"]) and versions[-1][1] is not None
        ]
        return [{"Contents": page} if page else {} for page in _pages(found)]

    def _list_versions(self, **parameters: Any) -> list[dict[str, Any]]:
        """Newest version first, as S3 lists them."""
        validate_parameters(parameters, S3_MODEL.operation_model("ListObjectVersions").input_shape)
        found = [
            self._listed(key, version_id, body, latest=number == len(versions) - 1)
            for key, versions in sorted(self.objects.items())
            if key.startswith(parameters["Prefix"])
            for number, (version_id, body) in reversed(list(enumerate(versions)))
        ]
        metadata = {"HTTPHeaders": {"date": format_datetime(self.now, usegmt=True)}}
        return [
            {
                "Versions": [item for item in page if "ETag" in item],
                "DeleteMarkers": [item for item in page if "ETag" not in item],
                "ResponseMetadata": metadata,
            }
            for page in _pages(found)
        ]

    def _listed(self, key: str, version_id: str, body: Any, *, latest: bool) -> dict[str, Any]:
        written_at = self.times[key, version_id]
        item = {"Key": key, "VersionId": version_id or "null", "IsLatest": latest, "LastModified": written_at}
        return item if body is None else item | {"ETag": self._etag(version_id, body), "Size": len(body)}


def _pages(found: list[Any]) -> list[list[Any]]:
    """Two to a page, so that a listing which forgets its pages is found out; the last page is empty."""
    return [found[at : at + 2] for at in range(0, len(found), 2)] + [[]]


def client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def make_zip(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def class_folders(
    prefix: str = "", images: int = 6, labels: tuple[str, ...] = ("cat", "dog")
) -> dict[str, bytes]:
    return {f"{prefix}{label}/{number}.jpg": JPEG for label in labels for number in range(images)}


@pytest.fixture
def s3() -> FakeS3:
    return FakeS3()


@pytest.fixture
def make_run() -> Callable[..., dict[str, str]]:
    def make(key: str = "drops/pets.zip", version_id: str = "", source: str = "drop") -> dict[str, str]:
        return {
            "id": "0123456789abcdef0123456789abcdef",
            "source": source,
            "bucket": BUCKET,
            "key": key,
            "version_id": version_id,
            "started_at": "2026-11-22T09:00:00.000Z",
            "execution_arn": "arn:aws:states:us-east-1:000000000000:execution:dropserve:one",
        }

    return make
