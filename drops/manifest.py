"""The manifest of a folder drop: the version of each inspected file, one line of JSON a file.

The first line is about the folder, `{"schema_version", "bucket", "prefix", "file_count"}`; each other line
is a file, `{"name", "version_id", "size_bytes", "etag"}`, whose key is the prefix and the name. `version_id`
is "null" in a bucket that keeps no versions, as S3 lists it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

FILE_NAME = "manifest.jsonl"
SCHEMA_VERSION = 1


class ManifestError(ValueError):
    """Not a whole manifest; the message is the end of a sentence that names the file."""


@dataclass(frozen=True)
class Folder:
    """Where the files lie; `prefix` ends in a slash."""

    bucket: str
    prefix: str


@dataclass(frozen=True)
class ManifestFile:
    """One file: its name below the prefix, and what pins its bytes (`etag` with its quotes)."""

    name: str
    version_id: str
    size_bytes: int
    etag: str


def manifest_text(folder: Folder, files: Sequence[ManifestFile]) -> str:
    """The manifest's lines: ASCII, so that no name can end one."""
    head = {"schema_version": SCHEMA_VERSION, **vars(folder), "file_count": len(files)}
    return "".join(json.dumps(line) + "\n" for line in (head, *map(vars, files)))


def read_manifest(lines: Iterable[str]) -> tuple[Folder, list[ManifestFile]]:
    """The folder and its files. Raises ManifestError when a line is malformed, or missing."""
    documents = _documents(lines)
    head = next(documents, {})
    if head.get("schema_version") != SCHEMA_VERSION:
        raise ManifestError(f"does not begin as a manifest of version {SCHEMA_VERSION} does")
    folder = Folder(_field(head, "bucket", str), _field(head, "prefix", str))
    files = [
        ManifestFile(
            _field(line, "name", str),
            _field(line, "version_id", str),
            _field(line, "size_bytes", int),
            _field(line, "etag", str),
        )
        for line in documents
    ]
    if len(files) != _field(head, "file_count", int):
        raise ManifestError(f"has {len(files)} files, not the {head['file_count']} that it began with")
    return folder, files


def _documents(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        try:
            document = json.loads(line)
        except ValueError as error:
            raise ManifestError(f"has a line {number} that is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise ManifestError(f"has a line {number} that is no JSON object")
        yield document


def _field(document: dict[str, Any], name: str, kind: type) -> Any:
    value = document.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ManifestError(f"has a line without a good {name!r}")
    return value
