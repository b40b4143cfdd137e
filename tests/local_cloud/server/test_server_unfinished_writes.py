"""An object of S3 is two files: what a sudden end left of a write is ended, or undone."""

from pathlib import Path

import pytest

from local_cloud.ministack_adapter.s3.unfinished_writes import put_right

OLD = {"k": "old", "k.meta.json": "old facts"}


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ({"k.tmp": "ne"}, OLD),
        ({"k.tmp": "new", "k.meta.json.next.tmp": "new fa"}, OLD),
        # The bytes have taken their place: the sidecar was whole by then.
        ({"k": "new", "k.meta.json.next.tmp": "new facts"}, {"k": "new", "k.meta.json": "new facts"}),
        ({"k.meta.json.tmp": "new fa"}, OLD),
        ({}, OLD),
    ],
)
def test_a_write_is_whole_or_never_was(
    tmp_path: Path, left: dict[str, str], expected: dict[str, str]
) -> None:
    folder = tmp_path / "account" / "bucket"
    folder.mkdir(parents=True)
    for name, content in {**OLD, **left}.items():
        (folder / name).write_text(content)
    put_right(tmp_path)
    assert {file.name: file.read_text() for file in folder.iterdir()} == expected
