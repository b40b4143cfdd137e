"""The manifest of an inspected folder: training fetches these versions, whatever comes later."""

from collections.abc import Mapping
from typing import Any

from drops.manifest import Folder, ManifestFile, manifest_text
from functions.common.s3_uris import S3Uri
from functions.inspect_dataset.s3_drops import StoredObject


def put_manifest(files: Mapping[str, StoredObject], folder: S3Uri, uri: S3Uri, *, s3: Any) -> None:
    """Write the manifest of these files, by their names below `folder`, to `uri`."""
    lines = [
        ManifestFile(name, stored.version_id, stored.size_bytes, stored.etag)
        for name, stored in files.items()
    ]
    text = manifest_text(Folder(folder.bucket, folder.key), lines)
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=text.encode(), ContentType="application/x-ndjson")
