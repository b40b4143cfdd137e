"""`dropserve review --apply`: the old dataset, the labelled photos, and where each came from."""

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contracts.bucket import CAPTURE_METADATA
from deploy_scripts.errors import CliError
from deploy_scripts.operations.captures.captures import (
    CapturedPhoto,
    as_decisions,
    list_captures,
    remove_captures,
)
from deploy_scripts.operations.captures.next_drop import (
    PROVENANCE,
    Additions,
    Sorted,
    plan_additions,
    sort_captures,
)
from deploy_scripts.operations.drops.zips import open_zip, write_zip
from drops.groups import find_groups_file, read_groups
from drops.layout import read_layout
from drops.review import Decision, read_review, write_review


def photo(number: int) -> CapturedPhoto:
    name = f"2026-01-31/{number:05d}-abcdef01.jpg"
    source, at = "https://example.com/1.jpg", "2026-01-31T12:00:00+00:00"
    keys, digest = (f"captures/{number}",), f"{number}" * 64
    return CapturedPhoto(name, keys, digest, 3, source, "cat", 0.4, True, 3.0, "release-1", at)


ONE, TWO, THREE = photo(1), photo(2), photo(3)


def labelled(photos: dict[CapturedPhoto, str]) -> Sorted:
    return Sorted(labels=photos, lines={photo: line for line, photo in enumerate(photos, start=2)})


def write_zip_of(file: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in content.items():
            archive.writestr(name, body)
    return file


def add(old: Path, photos: dict[CapturedPhoto, str], new: Path) -> Additions:
    """The zip `new`, of `old` and the photos, each with its digest for a content."""
    with open_zip(old) as archive:
        additions = plan_additions(archive, labelled(photos), may_rename=True)
        added = {place: photo.sha256.encode() for photo, place in additions.places.items()}
        write_zip(archive, additions.renamed, new, {**added, **additions.written})
    return additions


def read_zip(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("root", ["", "pets/", "pets/train/"])
def test_photos_are_laid_into_their_classes_to_train_on(tmp_path: Path, root: str) -> None:
    new, newest = tmp_path / "new.zip", tmp_path / "newest.zip"
    names = [f"{root}{label}/1.jpg" for label in ("cat", "dog")]
    if "train" in root:
        names += ["pets/test/cat/1.jpg", "pets/test/dog/1.jpg"]
    old = write_zip_of(tmp_path / "old.zip", {name: name.encode() for name in names})

    assert add(old, {ONE: "dog", TWO: "horse"}, new).new_classes == ["horse"]
    assert add(new, {THREE: "horse"}, newest).new_classes == []

    content = read_zip(newest)
    lines = [json.loads(line) for line in content.pop(PROVENANCE).splitlines()]
    assert {name: content.pop(name) for name in names} == {name: name.encode() for name in names}
    assert [content[line["name"]].decode() for line in lines] == [each.sha256 for each in (ONE, TWO, THREE)]
    assert [line["source"] for line in lines] == ["https://example.com/1.jpg"] * 3
    layout = read_layout([(name, 1) for name in [*names, *content, PROVENANCE]])
    split = "train" if "train" in root else ""
    assert {label: counts[split] for label, counts in layout.counts.items()} == {
        "cat": 1,
        "dog": 2,
        "horse": 2,
    }


def test_a_dataset_with_a_table_gets_class_folders(tmp_path: Path) -> None:
    table = b"file,label\n1.jpg,cat\n2.jpg,dog\n"
    old = write_zip_of(tmp_path / "old.zip", {"labels.csv": table, "1.jpg": b"1", "2.jpg": b"2"})

    add(old, {ONE: "dog"}, tmp_path / "new.zip")

    layout = read_layout([(name, len(body)) for name, body in read_zip(tmp_path / "new.zip").items()])
    assert {label: counts[""] for label, counts in layout.counts.items()} == {"cat": 1, "dog": 2}


TABLES = {
    "labels.csv": "file,label\nimages/1.jpg,cat\nimages/2.jpg,dog\nimages/3.jpg,dog\n",
    "annotations.json": json.dumps(
        {
            "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
            "images": [{"id": number, "file_name": f"images/{number}.jpg"} for number in (1, 2, 3)],
            "annotations": [
                {"image_id": number, "category_id": 1 if number == 1 else 2} for number in (1, 2, 3)
            ],
        }
    ),
}


def scenes(file: Path) -> list[set[str]]:
    """Contents of the photos of each scene that groups.csv of a zip tells."""
    with open_zip(file) as archive:
        layout = read_layout(archive.entries(), archive.read_start)
        groups_file = find_groups_file(layout.others)
        assert groups_file is not None
        found: dict[str, set[str]] = {}
        for name, group in read_groups(archive.read_start, groups_file, layout.candidates).items():
            found.setdefault(group, set()).add(archive.read(name).decode())
        return list(found.values())


@pytest.mark.parametrize("table", list(TABLES))
@pytest.mark.parametrize("root", ["", "pets/"])
def test_a_dataset_with_a_table_keeps_its_scenes(tmp_path: Path, table: str, root: str) -> None:
    groups = "file,group\nimages/1.jpg,one\nimages/2.jpg,one\n3.jpg,two\n"
    content = {table: TABLES[table].encode(), "groups.csv": groups.encode()}
    content |= {f"images/{number}.jpg": str(number).encode() for number in (1, 2, 3)}
    old = write_zip_of(tmp_path / "old.zip", {root + name: body for name, body in content.items()})
    assert scenes(old) == [{"1", "2"}, {"3"}]

    add(old, {ONE: "dog"}, tmp_path / "new.zip")

    assert scenes(tmp_path / "new.zip") == [{"1", "2"}, {"3"}]


def test_a_table_in_a_folder_that_cannot_be_renamed_is_refused(tmp_path: Path) -> None:
    table = b"file,label\n1.jpg,cat\n2.jpg,dog\n"
    old = write_zip_of(tmp_path / "old.zip", {"labels.csv": table, "1.jpg": b"1", "2.jpg": b"2"})

    with open_zip(old) as archive, pytest.raises(CliError, match="a table says"):
        plan_additions(archive, labelled({ONE: "dog"}), may_rename=False)


@pytest.mark.parametrize("label", ["cat", "dog"])
@pytest.mark.parametrize("added_before", [True, False])
@pytest.mark.parametrize("has_size", [True, False])
def test_a_photo_that_the_dataset_has_is_not_added_again(
    tmp_path: Path, added_before: bool, label: str, has_size: bool
) -> None:
    """By its name where an earlier review added it; by its content where it was there as it was sent."""
    body = b"the very photo"
    photo = replace(ONE, sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body) if has_size else None)
    name = f"cat/captured-{photo.sha256[:16]}.jpg" if added_before else "cat/1.jpg"
    content = {name: b"written anew" if added_before else body, "dog/1.jpg": b"another photo!"}
    with open_zip(write_zip_of(tmp_path / "old.zip", content)) as archive:
        additions = plan_additions(archive, labelled({photo: label, TWO: "dog"}), may_rename=True)

    assert additions.there == {photo: name}
    assert list(additions.places) == [TWO]
    if label == "cat":
        assert not additions.refusals
    else:
        (refusal,) = additions.refusals
        assert refusal.line == 2
        assert name in refusal.why and photo.name in refusal.why and "'cat'" in refusal.why


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


class Captures:
    """An S3 client with captured photos: (key, what is told of it); `gone` are listed, and then not there."""

    def __init__(self, *photos: tuple[str, dict[str, Any]], gone: tuple[str, ...] = ()) -> None:
        told = {"source": "sent", "label": "cat", "release": "release-1", "size_bytes": 3}
        at = {"captured_at": "2026-01-30T12:00:00+00:00"}
        self.told = {key: {**told, **at, **each} for key, each in photos}
        self.removed: list[str] = []
        self._gone = gone

    def get_paginator(self, call: str) -> Any:
        listed = [{"Key": key, "ETag": '"abcdef01"', "Size": 3} for key in [*self.told, *self._gone]]
        return SimpleNamespace(paginate=lambda **_: [{"Contents": listed}])

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.told:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        return {"Metadata": {CAPTURE_METADATA: json.dumps(self.told[Key])}}

    def delete_objects(self, *, Bucket: str, Delete: Any) -> dict[str, Any]:  # noqa: N803
        self.removed += [each["Key"] for each in Delete["Objects"]]
        return {}

    @property
    def deployment(self) -> Any:
        return SimpleNamespace(aws=SimpleNamespace(s3=self), bucket="data")


def test_a_photo_that_was_kept_on_two_days_is_reviewed_once() -> None:
    keys = [f"captures/2026-01-{day}/00001.jpg" for day in (30, 31)]
    s3 = Captures(*((key, {"sha256": "1" * 64, "probability": 0.4}) for key in keys))

    (photo,) = list_captures(s3.deployment)
    remove_captures(s3.deployment, [photo])

    assert s3.removed == keys


def test_a_photo_that_was_kept_before_sizes_were_noted_is_reviewed_as_well() -> None:
    s3 = Captures(("captures/2026-01-30/00001.jpg", {"sha256": "1" * 64, "probability": 0.4}))
    del s3.told["captures/2026-01-30/00001.jpg"]["size_bytes"]
    (photo,) = list_captures(s3.deployment)
    assert photo.size_bytes is None


def test_the_greatest_doubt_comes_first_and_what_is_gone_meanwhile_not_at_all() -> None:
    doubts: list[dict[str, Any]] = [
        {"probability": 0.49},
        {"probability": 0.3},
        {"probability": 0.9, "unknown": True, "unknown_score": 2.5},
        {"probability": 0.9, "unknown": True, "unknown_score": 6.0},
    ]
    named = [(f"captures/2026-01-30/{number:05d}.jpg", each) for number, each in enumerate(doubts)]
    s3 = Captures(*((key, {**each, "sha256": key}) for key, each in named), gone=("captures/x.jpg",))

    found = list_captures(s3.deployment)

    assert [each.keys[0] for each in found] == [key for key, _ in reversed(named)]
