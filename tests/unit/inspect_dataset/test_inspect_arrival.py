"""Folder drops that still arrive, or change: the versions that were inspected are those to train on."""

import json
from datetime import timedelta

import pytest

from drops.manifest import Folder, ManifestFile, read_manifest
from functions.common.documents import check_document
from functions.inspect_dataset.arrival import look_again
from tests.unit.inspect_dataset.drops_in_memory import BUCKET, DROPPED_AT, JPEG, class_folders
from tests.unit.inspect_dataset.inspecting import MANIFEST, REPORT, codes, inspect

KEY = "drops/pets/_SUCCESS"


def seconds(number):
    return DROPPED_AT + timedelta(seconds=number)


def put(s3, files, *, at=DROPPED_AT):
    for name, body in files.items():
        s3.drop(f"drops/pets/{name}", body, at=at)


def mark(s3, *, at=DROPPED_AT):
    s3.drop(KEY, b"", at=at)


def test_a_marker_that_comes_first_waits_for_the_photos(s3, make_run):
    mark(s3)
    put(s3, class_folders(), at=seconds(20))
    s3.now = seconds(21)
    result, report = inspect(s3, make_run(KEY))
    assert not result["accepted"]
    assert 30 <= result["wait_s"] <= 60
    assert result["reason"] == "photos are still arriving: 12 files are there so far"
    assert result["dataset_uri"] is None
    assert MANIFEST not in s3.objects
    assert report["wait_s"] == result["wait_s"]
    s3.now = seconds(21 + result["wait_s"])
    assert inspect(s3, make_run(KEY))[0]["accepted"]


def test_photos_that_go_on_coming_are_waited_for_again_and_again(s3, make_run):
    mark(s3)
    for minute in range(1, 4):
        put(s3, class_folders(f"train/{minute}"), at=seconds(60 * minute - 1))
        s3.now = seconds(60 * minute)
        assert inspect(s3, make_run(KEY))[0]["wait_s"] > 0
    s3.now = seconds(4 * 60)
    assert inspect(s3, make_run(KEY))[0]["accepted"]


def test_photos_that_leave_after_the_marker_are_waited_for(s3, make_run):
    put(s3, class_folders(images=8))
    mark(s3, at=seconds(10))
    s3.delete("drops/pets/cat/7.jpg", at=seconds(50))
    s3.now = seconds(51)
    assert inspect(s3, make_run(KEY))[0]["wait_s"] > 0
    s3.now = seconds(200)
    result, _ = inspect(s3, make_run(KEY))
    assert (result["accepted"], result["image_count"]) == (True, 15)


@pytest.mark.parametrize(("age_s", "wait_s"), [(1, 4), (4, 1), (5, 0), (300, 0)])
def test_a_marker_that_comes_last_is_gone_on_from_after_its_own_second(s3, make_run, age_s, wait_s):
    put(s3, class_folders())
    mark(s3, at=seconds(30))
    s3.now = seconds(30 + age_s)
    assert inspect(s3, make_run(KEY))[0]["wait_s"] == wait_s


def test_a_marker_that_is_alone_is_not_refused_at_once(s3, make_run):
    mark(s3)
    s3.now = seconds(8)
    assert inspect(s3, make_run(KEY))[0]["wait_s"] == 12
    s3.now = seconds(20)
    result, report = inspect(s3, make_run(KEY))
    assert (result["wait_s"], codes(report)) == (0, ["no_images"])


def test_a_class_that_has_only_begun_is_not_refused_at_once(s3, make_run):
    put(s3, class_folders())
    put(s3, class_folders(labels=("emu",), images=1))
    mark(s3)
    s3.now = seconds(8)
    assert inspect(s3, make_run(KEY))[0]["wait_s"] == 12
    s3.now = seconds(30)
    assert "'emu'" in inspect(s3, make_run(KEY))[0]["reason"]


def test_an_upload_without_end_is_refused_with_a_sentence(s3, make_run):
    mark(s3)
    put(s3, class_folders(), at=seconds(7 * 3600))
    s3.now = seconds(7 * 3600 + 1)  # the run began half an hour after the drop
    result, _ = inspect(s3, make_run(KEY))
    assert (result["accepted"], result["wait_s"]) == (False, 0)
    assert result["reason"] == (
        "photos were still arriving 6 hours after this run began: finish the upload, then write "
        "'drops/pets/_SUCCESS' once more"
    )


def test_the_second_sync_of_a_folder_with_its_old_marker_is_taken_when_it_is_quiet(s3, make_run):
    put(s3, class_folders())
    mark(s3)
    put(s3, class_folders(labels=("emu",)), at=seconds(1000))
    s3.now = seconds(2000)
    result, _ = inspect(s3, make_run(KEY, source="manual"))
    assert (result["accepted"], result["class_count"]) == (True, 3)


def test_a_marker_that_was_written_again_has_a_run_of_its_own(s3, make_run):
    put(s3, class_folders())
    mark(s3)
    mark(s3, at=seconds(60))
    result, _ = inspect(s3, make_run(KEY, "v1"))
    assert result["reason"] == "'drops/pets/_SUCCESS' was written again: the newer drop has its own run"
    assert inspect(s3, make_run(KEY, "v2"))[0]["accepted"]


def test_a_marker_that_was_removed_ends_its_run(s3, make_run):
    """`dropserve drop` removes it while it uploads the folder anew."""
    put(s3, class_folders())
    mark(s3)
    s3.delete(KEY, at=seconds(60))
    assert "was removed while the folder was read" in inspect(s3, make_run(KEY, "v1"))[0]["reason"]


@pytest.mark.parametrize("versioned", [True, False])
def test_the_manifest_has_the_versions_that_were_inspected(s3, make_run, versioned):
    s3.versioned = versioned
    put(s3, {"cat/0.jpg": b"an old photo"})
    put(s3, class_folders())
    put(s3, {"notes.txt": b"no photo", 'cat/a "name" of two.jpg': JPEG})
    mark(s3)
    result, _ = inspect(s3, make_run(KEY))
    assert result["dataset_uri"] == f"s3://{BUCKET}/{MANIFEST}"
    lines = s3.body(MANIFEST).decode().splitlines()
    for line in lines:
        check_document("manifest", json.loads(line))
    folder, files = read_manifest(lines)
    assert folder == Folder(BUCKET, "drops/pets/")
    assert result["image_count"] == 13
    assert len(files) == 14
    version_id = "v2" if versioned else "null"
    etag = s3.head_object(Bucket=BUCKET, Key="drops/pets/cat/0.jpg")["ETag"]
    assert ManifestFile("cat/0.jpg", version_id, len(JPEG), etag) in files
    assert 'cat/a "name" of two.jpg' in {file.name for file in files}


def test_a_photo_that_changes_while_it_is_inspected_ends_the_run(s3, make_run):
    """Without versions there is only the ETag to tell it by."""
    s3.versioned = False
    put(s3, class_folders())
    mark(s3)
    s3.before_get = lambda: s3.drop("drops/pets/cat/0.jpg", b"another")
    assert "was overwritten while it was read" in inspect(s3, make_run(KEY))[0]["reason"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda s3: s3.drop("drops/pets/emu/0.jpg", JPEG, at=seconds(60)), "emu/0.jpg"),
        (lambda s3: s3.drop("drops/pets/cat/0.jpg", JPEG, at=seconds(60)), "cat/0.jpg"),
        (lambda s3: s3.delete("drops/pets/cat/1.jpg", at=seconds(60)), "cat/1.jpg"),
        (lambda s3: s3.drop("drops/pets/cat/\x1b[2J.jpg", JPEG, at=seconds(60)), r"cat/\x1b[2J.jpg"),
    ],
)
def test_the_look_after_training_sees_what_came_went_or_changed(s3, make_run, change, name):
    put(s3, class_folders())
    mark(s3)
    run = make_run(KEY)
    inspected, _ = inspect(s3, run)
    s3.drop("drops/pets 2/cat/0.jpg", JPEG)
    assert not look_again(run, inspected, s3=s3)["changed"]
    change(s3)
    assert look_again(run, inspected, s3=s3) == {
        "changed": True,
        "reason": f"s3://{BUCKET}/drops/pets/ changed after it was inspected (the newest change is at "
        f"'{name}'), so the model of what was there is not released",
        "advice": "when it is complete, begin a run: dropserve run --key drops/pets/_SUCCESS",
    }


@pytest.mark.parametrize(
    "key",
    [
        "drops/p\n../../code\ts3://bucket/elsewhere/_SUCCESS",
        "drops/p\rq.zip",
        "drops/\x1b]0;title\x07.zip",
        "drops/pets\x00/_SUCCESS",
        "drops/gpj\u202e.zip",
        "drops/two\u2028lines/_SUCCESS",
        "drops/../../_SUCCESS",
    ],
)
def test_a_name_that_could_not_be_shown_is_refused_before_anything_is_read(s3, make_run, key):
    s3.drop(key, b"")
    result, report = inspect(s3, make_run(key))
    assert codes(report) == ["unsafe_key"]
    assert ("has control or invisible characters" in result["reason"]) == (".." not in key or "\n" in key)
    assert result["reason"].isprintable()
    assert s3.gets == 0
    assert list(s3.objects) == [key, REPORT]


@pytest.mark.parametrize(
    "name",
    ["it's", '"quoted"', "$(touch x)", "`touch x`", "-rf", "--endpoint-url=http://x", "a b;c"],
)
def test_a_name_that_a_shell_would_mind_is_a_name(s3, make_run, name):
    for file, body in class_folders().items():
        s3.drop(f"drops/{name}/{file}", body)
    s3.drop(f"drops/{name}/_SUCCESS", b"")
    result, _ = inspect(s3, make_run(f"drops/{name}/_SUCCESS"))
    assert (result["accepted"], result["dataset"]) == (True, name)
    assert result["dataset_uri"] == f"s3://{BUCKET}/{MANIFEST}"
