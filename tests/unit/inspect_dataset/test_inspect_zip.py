"""Sound zips, and the S3 objects that they are."""

import struct
import zipfile

import pytest
from botocore.exceptions import ClientError

from drops.layout import read_layout
from drops.text import printable
from functions.inspect_dataset.inspection import inspect_drop
from tests.unit.inspect_dataset.drops_in_memory import (
    BUCKET,
    DROPPED_AT,
    JPEG,
    SparseFile,
    class_folders,
    client_error,
    make_zip,
)
from tests.unit.inspect_dataset.inspecting import REPORT, SNAPSHOT, codes, inspect, inspect_bytes


def test_a_sound_zip_is_accepted_and_copied(s3, make_run):
    body = make_zip({**class_folders(images=20), "__MACOSX/cat/._0.jpg": b"x", "README.txt": b"x"})
    result, report = inspect_bytes(s3, make_run, body)
    assert result == {
        "accepted": True,
        "reason": None,
        "dataset": "pets",
        "dataset_uri": f"s3://{BUCKET}/{SNAPSHOT}",
        "wait_s": 0,
        "folder_sha256": None,
        "format": "zip",
        "layout": "flat",
        "class_count": 2,
        "image_count": 40,
        "layout_sha256": read_layout((name, 1) for name in class_folders(images=20)).sha256,
        "findings": "",
        "total_bytes": 40 * len(JPEG),
        "drop_order_ms": int(DROPPED_AT.timestamp() * 1000),
        "report_uri": f"s3://{BUCKET}/{REPORT}",
    }
    assert s3.body(SNAPSHOT) == body
    assert report["ignored"] == {"hidden": 1, "not_images": 1, "unlabelled": 0}
    assert report["spot_check"] == {"checked": 14, "bad": []}
    assert report["problems"] == []


def test_the_dog_images_shape(s3, make_run):
    files = {}
    for split, images in {"train": 10, "valid": 2, "test": 2}.items():
        files |= class_folders(f"dogImages/{split}/", images, ("001.Affenpinscher", "002.Afghan_hound"))
    result, report = inspect_bytes(s3, make_run, make_zip(files))
    assert (result["accepted"], result["layout"], result["class_count"]) == (True, "split", 2)
    assert report["classes"][0] == {
        "label": "001.Affenpinscher",
        "images": 14,
        "splits": {"test": 2, "train": 10, "valid": 2},
    }


@pytest.mark.parametrize("name", ["my pets", "cats+dogs", "hunde und kätzchen 🐕", "100%25", "a/b"])
def test_keys_are_taken_as_they_are(s3, make_run, name):
    s3.drop(f"drops/{name}.zip", make_zip(class_folders(labels=("chat noir", "café+lait"))))
    result, report = inspect(s3, make_run(f"drops/{name}.zip"))
    assert (result["accepted"], result["dataset"]) == (True, name)
    assert [row["label"] for row in report["classes"]] == ["café+lait", "chat noir"]


def test_the_named_version_is_read_and_copied_though_a_newer_one_is_there(s3, make_run):
    first = make_zip(class_folders(images=7))
    version_id = s3.drop("drops/pets.zip", first)
    s3.drop("drops/pets.zip", b"newer, and no zip")
    result, report = inspect(s3, make_run(version_id=version_id))
    assert result["image_count"] == 14
    assert report["version_id"] == version_id == s3.copies[0]["VersionId"]
    assert s3.body(SNAPSHOT) == first


def test_a_manual_start_pins_the_current_version_and_is_ordered_by_its_start(s3, make_run):
    s3.drop("drops/pets.zip", b"older")
    version_id = s3.drop("drops/pets.zip", make_zip(class_folders()))
    result, report = inspect(s3, make_run(source="manual"))
    assert report["version_id"] == version_id == s3.copies[0]["VersionId"]
    assert result["drop_order_ms"] == 1795338000000  # 2026-11-22T09:00:00Z


def test_a_bucket_without_versions(s3, make_run):
    s3.versioned = False
    result, report = inspect_bytes(s3, make_run, make_zip(class_folders()))
    assert (result["accepted"], report["version_id"]) == (True, "")


def test_a_server_that_answers_a_range_with_everything(s3, make_run):
    s3.ignores_ranges = True
    files = {name: JPEG + bytes(9000) for name in class_folders(images=20)}
    result, report = inspect_bytes(s3, make_run, make_zip(files))
    assert (result["accepted"], report["spot_check"]["bad"]) == (True, [])


def test_an_object_overwritten_between_two_reads_is_refused(s3, make_run):
    s3.versioned = False
    s3.drop("drops/pets.zip", make_zip(class_folders()))
    s3.before_get = lambda: s3.drop("drops/pets.zip", make_zip(class_folders(images=9)))
    result, report = inspect(s3, make_run())
    assert codes(report) == ["changed"]
    assert "overwritten" in result["reason"]


def test_an_object_that_vanished_is_refused(s3, make_run):
    result, report = inspect(s3, make_run(version_id="v9"))
    assert codes(report) == ["vanished"]
    # Whether it ever was there, S3 does not tell.
    assert "has no version 'v9' (or has it no longer): drop the dataset again" in result["reason"]
    assert (result["format"], result["layout"], result["dataset_uri"]) == ("zip", None, None)


def test_a_version_that_is_none_is_refused(s3, make_run, monkeypatch):
    def head_object(**parameters):
        raise client_error("400", "HeadObject")

    monkeypatch.setattr(s3, "head_object", head_object)
    result, report = inspect(s3, make_run(version_id="nonsense"))
    assert codes(report) == ["bad_version"]
    assert "has no version 'nonsense'" in result["reason"]
    with pytest.raises(ClientError):
        inspect_drop(make_run(), data_bucket=BUCKET, s3=s3)


def test_a_denied_read_is_a_failure_of_the_deployment_not_of_the_drop(s3, make_run):
    s3.drop("drops/pets.zip", make_zip(class_folders()))

    def deny():
        raise client_error("AccessDenied", "GetObject")

    s3.before_get = deny
    with pytest.raises(Exception, match="AccessDenied"):
        inspect_drop(make_run(), data_bucket=BUCKET, s3=s3)


@pytest.mark.parametrize(
    "key", ["pets.zip", "runs/pets.zip", "drops/pets.tar", "drops/.zip", "drops/_SUCCESS"]
)
def test_a_key_that_is_no_drop(s3, make_run, key):
    result, report = inspect(s3, make_run(key))
    assert codes(report) == ["not_a_drop"]
    assert "drops/<dataset>.zip" in result["reason"]


def test_another_bucket_is_refused(s3, make_run):
    result, report = inspect(s3, {**make_run(), "bucket": "elsewhere"})
    assert codes(report) == ["wrong_bucket"]
    assert BUCKET in result["reason"]


def test_a_few_bad_photos_are_a_warning(s3, make_run):
    files = class_folders(images=8)
    files["cat/0.jpg"] = b"<html>not found</html>"
    result, report = inspect_bytes(s3, make_run, make_zip(files, zipfile.ZIP_DEFLATED))
    assert result["accepted"]
    assert report["spot_check"] == {"checked": 16, "bad": ["cat/0.jpg"]}
    assert "some_not_images" in [problem["code"] for problem in report["problems"]]


def test_a_zip64_archive_of_5_gb_is_inspected_with_a_few_ranged_reads(s3, make_run):
    """The photos' bytes are a gap of zeros, but for those that the spot check looks at."""
    gap_bytes = 5 * 1024**3
    start = make_zip(class_folders(images=8))
    directory_at = start.index(b"PK\x01\x02")
    end = zip64_end(start, directory_at, gap_bytes)
    body = SparseFile(start[:directory_at], gap_bytes, end)
    result, _ = inspect_bytes(s3, make_run, body)
    assert (result["accepted"], result["image_count"]) == (True, 16)
    assert s3.gets <= 3
    assert s3.bytes_read < 300_000


def zip64_end(archive: bytes, directory_at: int, gap_bytes: int) -> bytes:
    """The directory and end records of a zip whose directory begins `gap_bytes` later, past 4 GiB."""
    directory = archive[directory_at : archive.index(b"PK\x05\x06")]
    entries = directory.count(b"PK\x01\x02")
    new_start = directory_at + gap_bytes
    record = struct.pack(
        "<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, len(directory), new_start
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, new_start + len(directory), 1)
    closing = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return directory + record + locator + closing


def test_a_wide_archive_costs_one_read_a_sample(s3, make_run):
    files = {
        f"{label}/{number}.jpg": JPEG + bytes(30_000) for label in ("cat", "dog") for number in range(500)
    }
    body = make_zip(files)
    result, _ = inspect_bytes(s3, make_run, body)
    assert result["accepted"]
    assert s3.gets <= 20
    assert s3.bytes_read < len(body) / 15


@pytest.mark.parametrize("key", ["drops/.zip", "drops/team-a/.zip", "drops//.ZIP"])
def test_a_zip_without_a_name_is_no_drop(s3, make_run, key):
    s3.drop(key, make_zip(class_folders()))
    result, _ = inspect(s3, make_run(key))
    assert not result["accepted"]
    assert "is not a drop: put the dataset at drops/<dataset>.zip" in result["reason"]


@pytest.mark.parametrize(
    "key", ["drops/ .zip", "drops/\u3000.ZIP", "drops/team-a/ .zip", "drops/\u2800.zip", "drops/ /_SUCCESS"]
)
def test_a_dataset_whose_name_is_blank_is_refused(s3, make_run, key):
    s3.drop(key, make_zip(class_folders()))
    result, _ = inspect(s3, make_run(key))
    assert not result["accepted"]
    assert "is blank: drop it under another name" in result["reason"]


@pytest.mark.parametrize("key", ["drops/team-a/pets.zip", "drops/team-a/2026/pets.ZIP"])
def test_a_zip_in_a_teams_folder_of_zips_is_a_drop(s3, make_run, key):
    s3.drop("drops/team-a/", b"")
    s3.drop("drops/team-a/older.zip", b"whatever")
    s3.drop("drops/team-b/cat/1.jpg", JPEG)
    s3.drop(key, make_zip(class_folders()))
    result, _ = inspect(s3, make_run(key))
    assert (result["accepted"], result["dataset"]) == (True, key[len("drops/") : -4])


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("drops/pets/old.zip", "drops/pets/cat/1.jpg"),
        ("drops/pets/cat/old.zip", "drops/pets/dog/1.jpg"),
        ("drops/pets/old.ZIP", "drops/pets/_SUCCESS"),
    ],
)
def test_a_zip_among_the_files_of_a_folder_drop_is_none_of_its_own(s3, make_run, key, other):
    s3.drop(key, make_zip(class_folders()))
    s3.drop(other, JPEG)
    result, report = inspect(s3, make_run(key))
    assert codes(report) == ["zip_in_folder"]
    assert other in result["reason"]
    assert "put the zip at drops/<dataset>.zip" in result["reason"]
    assert inspect(s3, make_run(key, source="manual"))[0]["accepted"]


@pytest.mark.parametrize("key", ["drops/never.zip", "drops/Pets.zip", "drops/team/never.zip"])
def test_a_key_that_never_was_is_called_so(s3, make_run, key):
    s3.drop("drops/pets.zip", make_zip(class_folders()))
    result, report = inspect(s3, make_run(key))
    assert codes(report) == ["not_there"]
    assert f"there is no object '{key}' in the bucket {BUCKET}: check the key" in result["reason"]


@pytest.mark.parametrize(
    "key",
    [
        "drops/p\n../../code\ts3://bucket/elsewhere/_SUCCESS",
        "drops/\x1b[2Jpets.zip",
        "drops/\u202epets.zip",
        "drops/a/../pets/_SUCCESS",
        "drops/ /pets.zip",
        f"drops/{'x' * 300}/_SUCCESS",
    ],
)
def test_a_key_that_must_reach_no_screen_and_no_script_is_refused(s3, make_run, key):
    s3.drop(key, make_zip(class_folders()))
    result, report = inspect(s3, make_run(key))
    assert codes(report) == ["unsafe_key"]
    assert "drop it under another name" in result["reason"]
    for text in (result["reason"], result["dataset"]):
        assert text == printable(text)


def test_the_order_of_a_drop_is_the_time_of_its_event(s3, make_run):
    """Of an upload in parts, Last-Modified says when it began."""
    s3.drop("drops/pets.zip", make_zip(class_folders(images=20)))
    result, _ = inspect(s3, {**make_run(), "event_time": "2026-11-22T08:45:00Z"})
    assert result["drop_order_ms"] == int(DROPPED_AT.timestamp() * 1000) + 15 * 60_000
    by_hand, _ = inspect(s3, {**make_run(source="manual"), "event_time": "2026-11-22T08:45:00Z"})
    assert by_hand["drop_order_ms"] == int(DROPPED_AT.timestamp() * 1000) + 30 * 60_000


@pytest.mark.parametrize("character", ["x", "\N{DOG FACE}", "\x1b", "\u202e"])
def test_a_refusal_about_long_names_is_short_and_printable(s3, make_run, character):
    body = make_zip({f"{number}{character * 15_000}/1.jpg": JPEG for number in range(4)})
    result, _ = inspect_bytes(s3, make_run, body)
    assert not result["accepted"]
    assert len(result["reason"]) < 1100
    assert result["reason"].isprintable()
