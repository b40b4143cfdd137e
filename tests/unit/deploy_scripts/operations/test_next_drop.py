"""`dropserve review --apply`: the old dataset, the labelled photos, and where each came from."""

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.bucket import CAPTURE_METADATA
from deploy_scripts.operations.drops.captures import (
    CapturedPhoto,
    as_decisions,
    list_captures,
    remove_captures,
)
from deploy_scripts.operations.drops.next_drop import PROVENANCE, sort_captures, write_next_drop
from drops.layout import read_layout
from drops.review import Decision, read_review, write_review


def photo(number: int) -> CapturedPhoto:
    name = f"2026-01-31/{number:05d}-abcdef01.jpg"
    source, at = "https://example.com/1.jpg", "2026-01-31T12:00:00+00:00"
    return CapturedPhoto(
        name, (f"captures/{number}",), f"{number}" * 64, source, "cat", 0.4, True, 3.0, "release-1", at
    )


ONE, TWO, THREE = photo(1), photo(2), photo(3)


@pytest.mark.parametrize("root", ["", "pets/", "pets/train/"])
def test_photos_are_laid_into_their_classes_to_train_on(tmp_path: Path, root: str) -> None:
    old, new, newest = tmp_path / "old.zip", tmp_path / "new.zip", tmp_path / "newest.zip"
    names = [f"{root}{label}/1.jpg" for label in ("cat", "dog")]
    if "train" in root:
        names += ["pets/test/cat/1.jpg", "pets/test/dog/1.jpg"]
    with zipfile.ZipFile(old, "w") as archive:
        for name in names:
            archive.writestr(name, name)

    assert write_next_drop(old, {ONE: ("dog", b"one"), TWO: ("horse", b"two")}, new) == ["horse"]
    assert write_next_drop(new, {THREE: ("horse", b"three")}, newest) == []

    with zipfile.ZipFile(newest) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    lines = [json.loads(line) for line in content.pop(PROVENANCE).splitlines()]
    assert {name: content.pop(name) for name in names} == {name: name.encode() for name in names}
    assert [content[line["name"]] for line in lines] == [b"one", b"two", b"three"]
    assert [line["source"] for line in lines] == ["https://example.com/1.jpg"] * 3
    layout = read_layout([(name, 1) for name in [*names, *content, PROVENANCE]])
    split = "train" if "train" in root else ""
    assert {label: counts[split] for label, counts in layout.counts.items()} == {
        "cat": 1,
        "dog": 2,
        "horse": 2,
    }


def test_a_list_as_it_is_written_leaves_all_photos_for_later() -> None:
    decisions, refusals = read_review(write_review(as_decisions([ONE, TWO])))

    done = sort_captures([ONE, TWO], decisions)

    assert not (refusals or done.refusals or done.labels or done.thrown_away)


def test_lines_that_cannot_be_followed_are_named() -> None:
    done = sort_captures(
        [ONE, TWO],
        [
            Decision("relabel", ONE.name, "", "dog", line=2),
            Decision("drop", ONE.name, "", line=3),
            Decision("drop", THREE.name, "", line=4),
            Decision("relabel", TWO.name, "", "../dog", line=5),
            Decision("drop", TWO.name, "", line=6),
        ],
    )

    assert done.labels == {ONE: "dog"} and done.thrown_away == [TWO]
    assert [refusal.line for refusal in done.refusals] == [3, 4, 5]


def test_a_photo_that_was_kept_on_two_days_is_reviewed_once() -> None:
    pages = [
        {"Contents": [{"Key": f"captures/2026-01-{day}/00001.jpg", "ETag": '"abcdef01"'} for day in (30, 31)]}
    ]
    told = {"sha256": "1" * 64, "source": "sent", "label": "cat", "probability": 0.4, "release": "release-1"}
    metadata = {CAPTURE_METADATA: json.dumps({**told, "captured_at": "2026-01-30T12:00:00+00:00"})}
    removed: list[str] = []
    s3 = SimpleNamespace(
        get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: pages),
        head_object=lambda **_: {"Metadata": metadata},
        delete_object=lambda **asked: removed.append(asked["Key"]),
    )
    deployment: Any = SimpleNamespace(aws=SimpleNamespace(s3=s3), bucket="data")

    (photo,) = list_captures(deployment)
    remove_captures(deployment, [photo])

    assert photo.captured_at.startswith("2026-01-30")
    assert removed == [each["Key"] for each in pages[0]["Contents"]]
