"""A manifest is read as it was written, or refused."""

import json

import pytest

from drops.manifest import Folder, ManifestError, ManifestFile, manifest_text, read_manifest

FOLDER = Folder("bucket", "drops/pets/")
PHOTOS = [
    ManifestFile("cat/1.jpg", "v1", 400, '"etag"'),
    ManifestFile("M\u00f6we/\n\u2028\udcff.jpg", "null", 0, '"e-2"'),
]
LINES = manifest_text(FOLDER, PHOTOS).splitlines()


def test_what_is_written_is_read() -> None:
    assert read_manifest(LINES) == (FOLDER, PHOTOS)
    assert len(LINES) == 3
    assert manifest_text(FOLDER, PHOTOS).isascii()


def changed(number: int, **values: object) -> list[str]:
    lines = list(LINES)
    lines[number] = json.dumps({**json.loads(lines[number]), **values})
    return lines


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "does not begin as a manifest"),
        (LINES[1:], "does not begin as a manifest"),
        (changed(0, schema_version=2), "does not begin as a manifest"),
        (LINES[:2], "has 1 files, not the 2"),
        ([*LINES, LINES[1]], "has 3 files, not the 2"),
        ([*LINES[:2], LINES[2][:20]], "a line 3 that is not JSON"),
        ([*LINES[:2], "[]"], "a line 3 that is no JSON object"),
        (changed(1, name=None), "without a good 'name'"),
        (changed(1, size_bytes="400"), "without a good 'size_bytes'"),
        (changed(1, size_bytes=True), "without a good 'size_bytes'"),
        (changed(0, bucket=3), "without a good 'bucket'"),
    ],
)
def test_a_damaged_manifest_is_refused(lines: list[str], problem: str) -> None:
    with pytest.raises(ManifestError, match=problem):
        read_manifest(lines)
