"""Photos are told by content, at the inspection and in training; no class vanishes unseen."""

import pytest

from functions.inspect_dataset import spot_check
from tests.unit.drops.both_readers import drop_folder, read_both, refusal, train_on
from tests.unit.drops.made_zips import (
    AVIF_START,
    HEIC_START,
    PNG_START,
    as_channel,
    class_photos,
    photo,
    text_zip,
)
from tests.unit.inspect_dataset.inspecting import codes, inspect_bytes
from training.failures import DatasetError


@pytest.mark.parametrize("suffix", [".jfif", "", ".JPG", ".jpe", ".image", ".PNG", ".dat"])
def test_photos_of_any_suffix_are_photos(s3, make_run, tmp_path, suffix):
    body = text_zip(class_photos("cat", "dog", suffix=suffix))
    assert read_both(s3, make_run, tmp_path, body) == (["cat", "dog"], ["cat", "dog"])
    assert inspect_bytes(s3, make_run, body)[0]["image_count"] == 12


@pytest.mark.parametrize("suffix", [".avif", ".AVIF", ""])
def test_avif_is_read(s3, make_run, tmp_path, suffix):
    files = class_photos("cat") | class_photos("dog", suffix=suffix, start=AVIF_START)
    assert read_both(s3, make_run, tmp_path, text_zip(files)) == (["cat", "dog"], ["cat", "dog"])


@pytest.mark.parametrize("name", ["dog/1.HEIC", "dog/IMG_0001", "dog/2.jpg"])
@pytest.mark.parametrize("others", [0, 5])
def test_heic_is_refused_by_name(s3, make_run, name, others):
    files = class_photos("cat") | class_photos("dog", count=others) | {name: photo(9000, HEIC_START)}
    found, reason = refusal(s3, make_run, text_zip(files))
    assert found[0] == "unread_format"
    assert "HEIC photos are not read: export them as JPEG" in reason
    assert name in reason


LOST = {
    "tables": {f"dog/{number}.csv": b"1,2,3" for number in range(6)},
    "films": {f"dog/{number}.mp4": b"\0\0\0\x18ftypmp42" for number in range(6)},
    "text in files named as photos": {f"dog/{number}.jpg": b"<html>404</html>" for number in range(6)},
    "nothing in the files": {f"dog/{number}.jpg": b"" for number in range(6)},
}


@pytest.mark.parametrize("case", LOST)
def test_a_class_without_a_photo_refuses_the_drop(s3, make_run, tmp_path, case):
    body = text_zip(class_photos("cat", "bird") | LOST[case])
    result, report = inspect_bytes(s3, make_run, body)
    assert not result["accepted"]
    lost = [problem for problem in report["problems"] if problem["code"] == "class_without_photos"]
    assert lost[0]["names"] == ["dog"]
    with pytest.raises(DatasetError, match="no file can be read as a photo: 'dog'"):
        train_on(as_channel(tmp_path, body))


def test_photos_are_found_behind_many_files_that_are_none(s3, make_run, tmp_path):
    tables = {f"{label}/{number:05}.csv": b"1" for label in ("cat", "dog") for number in range(400)}
    files = tables | {
        f"{label}/z{number}": photo(number + 50 * (label == "cat"))
        for label in ("cat", "dog")
        for number in range(40)
    }
    body = text_zip(files)
    assert read_both(s3, make_run, tmp_path, body) == (["cat", "dog"], ["cat", "dog"])
    assert inspect_bytes(s3, make_run, body)[0]["image_count"] == 80


def test_tables_beside_the_photos_neither_count_nor_end_a_training(s3, make_run, tmp_path):
    files = class_photos("cat", "dog")
    files |= {f"{name[:-4]}.xml": b"<annotation/>" for name in files}
    body = text_zip(files)
    result, report = inspect_bytes(s3, make_run, body)
    assert (result["accepted"], result["image_count"]) == (True, 12)
    assert report["ignored"]["not_images"] == 12
    assert report["problems"] == [] or {problem["severity"] for problem in report["problems"]} == {"warning"}
    dataset = train_on(as_channel(tmp_path, body), result["layout_sha256"])
    assert (dataset.image_count, dataset.excluded, dataset.unreadable) == (12, [], 0)


def test_too_few_photos_beside_tables_are_too_few(s3, make_run):
    files = class_photos("cat") | class_photos("dog", count=2) | {f"dog/{n}.xml": b"<a/>" for n in range(20)}
    assert refusal(s3, make_run, text_zip(files))[0] == ["too_few_images"]


def test_a_photo_that_is_none_is_listed_by_training(s3, make_run, tmp_path):
    body = text_zip(class_photos("cat", "dog", count=20) | {"cat/0.jpg": b"<html>"})
    result, _ = inspect_bytes(s3, make_run, body)
    (excluded,) = train_on(as_channel(tmp_path, body), result["layout_sha256"]).excluded
    assert excluded.name == "cat/0.jpg"
    assert "not one of JPEG, PNG" in excluded.reason


def test_every_class_of_many_is_looked_at(s3, make_run):
    labels = [f"c{number:03}" for number in range(150)]
    files = class_photos(*labels) | {f"c077/{number}.jpg": b"no photo" for number in range(6)}
    found, reason = refusal(s3, make_run, text_zip(files))
    assert "class_without_photos" in found
    assert "'c077'" in reason


def test_the_reads_of_an_inspection_are_bounded(s3, make_run, monkeypatch):
    monkeypatch.setattr(spot_check, "MAX_READS", 50)
    labels = [f"c{number:03}" for number in range(100)]
    result, report = inspect_bytes(s3, make_run, text_zip(class_photos(*labels)))
    assert result["accepted"]
    assert report["spot_check"]["checked"] == 50


def test_folder_drops_are_told_by_content_too(s3, make_run):
    result, report = drop_folder(s3, make_run, class_photos("cat", "dog", suffix=".jfif", start=PNG_START))
    assert (result["accepted"], result["image_count"]) == (True, 12)
    result, report = drop_folder(s3, make_run, {"bird/": b"", "bird/notes": b"x"})
    assert codes(report) == ["class_without_photos"]


@pytest.mark.parametrize("copied", [range(6), range(2, 6)])
def test_a_class_whose_train_photos_are_all_in_test_says_so(tmp_path, copied):
    files = class_photos("train/cat", "train/dog", "valid/cat", "valid/dog", "test/cat")
    files |= {f"test/dog/{number}.jpg": files[f"train/dog/{number}.jpg"] for number in copied}
    if len(copied) < 6:
        files |= {f"valid/dog/x{number}.jpg": files[f"train/dog/{number}.jpg"] for number in range(2)}
    with pytest.raises(DatasetError) as caught:
        train_on(as_channel(tmp_path, text_zip(files)))
    assert "classes 'dog'" in str(caught.value)
    assert "lies in valid or test as well" in str(caught.value)
