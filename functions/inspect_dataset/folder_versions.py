"""What lies in a folder now, version by version, when it last changed, and the manifest that pins it."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from drops.limits import MAX_IMAGES
from drops.manifest import Folder, ManifestFile, manifest_text
from drops.problems import BadDropError
from functions.common.s3_uris import S3Uri
from functions.inspect_dataset.s3_drops import StoredObject

# A listing gives old versions and deletions too, a thousand a page: this many take some minutes.
MAX_VERSIONS = 1_000_000


@dataclass(frozen=True)
class FolderState:
    """The current objects below a prefix by name, the marker apart (None when it is gone).

    `newest_change` is the name and the time of the latest arrival or deletion, the marker's apart (None when
    nothing but the marker ever was there); `listed_at` is S3's clock when the listing began.
    """

    files: dict[str, StoredObject]
    marker: StoredObject | None
    newest_change: tuple[str, datetime] | None
    listed_at: datetime

    @property
    def sha256(self) -> str:
        """Differs as soon as one file came, went or was overwritten."""
        digest = hashlib.sha256()
        for name, file in sorted(self.files.items()):
            digest.update(f"{name}\0{file.version_id}\0{file.etag}\0".encode(errors="surrogatepass"))
        return digest.hexdigest()


def list_folder(bucket: str, prefix: str, marker_key: str, *, s3: Any) -> FolderState:
    """What is below a prefix. Raises BadDropError when there is more than a dataset may hold.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
    """
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    files: dict[str, StoredObject] = {}
    marker = newest = listed_at = None
    seen = 0
    for page in pages:
        listed_at = listed_at or _clock(page)
        seen += len(page.get("Versions", [])) + len(page.get("DeleteMarkers", []))
        for item in _latest(page):
            name = item["Key"].removeprefix(prefix)
            stored = _stored(bucket, item) if "ETag" in item else None
            if item["Key"] == marker_key:
                marker = stored
                continue
            if newest is None or item["LastModified"] > newest[1]:
                newest = (name, item["LastModified"])
            if stored:
                files[name] = stored
        _check_size(files, seen)
    return FolderState(files, marker, newest, listed_at or datetime.now(UTC))


def _latest(page: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("Versions", "DeleteMarkers"):
        yield from (item for item in page.get(kind, []) if item["IsLatest"])


def _stored(bucket: str, item: dict[str, Any]) -> StoredObject:
    return StoredObject(
        bucket, item["Key"], item["VersionId"], item["ETag"], item["Size"], item["LastModified"]
    )


def _check_size(files: dict[str, StoredObject], seen: int) -> None:
    if len(files) > MAX_IMAGES:
        raise BadDropError("too_many_files", f"the folder holds over {MAX_IMAGES:,} files: split it")
    if seen > MAX_VERSIONS:
        raise BadDropError(
            "too_many_versions",
            f"the folder has over {MAX_VERSIONS:,} versions of files, old and deleted ones among them: "
            "drop it under another name",
        )


def _clock(page: dict[str, Any]) -> datetime | None:
    """The answer's Date header: the clock that LastModified is told by."""
    date = page.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date) if date else None


def put_manifest(files: Mapping[str, StoredObject], folder: S3Uri, uri: S3Uri, *, s3: Any) -> None:
    """Write the manifest of these files, by their names below `folder`, to `uri`.

    Training fetches these versions, whatever comes later.
    """
    lines = [
        ManifestFile(name, stored.version_id, stored.size_bytes, stored.etag)
        for name, stored in files.items()
    ]
    text = manifest_text(Folder(folder.bucket, folder.key), lines)
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=text.encode(), ContentType="application/x-ndjson")
