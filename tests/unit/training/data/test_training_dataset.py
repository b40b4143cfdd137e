import random
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.unit.training.made_photos import make_jpeg, write_photos
from training.data.dataset import Dataset, load_dataset
from training.data.photo_source import open_source
from training.failures import DatasetError
from training.settings import SplitConfig


def load(folder: Path, seed: int = 0, valid_share: float = 0.2, test_share: float = 0.2) -> Dataset:
    return load_dataset(open_source(folder), SplitConfig(valid_share, test_share, seed), threads=2)


def hashes(dataset: Dataset, split: str) -> set[str]:
    return {photo.sha256 for photo in dataset.splits[split]}


def sizes(dataset: Dataset) -> dict[str, int]:
    return {split: len(photos) for split, photos in dataset.splits.items()}


def zip_up(folder: Path, members: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "drop.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder


def test_class_folders_are_split_class_by_class(tmp_path: Path) -> None:
    dataset = load(write_photos(tmp_path / "d", count=10))
    assert dataset.classes == ["amber", "blue", "green"]
    assert sizes(dataset) == {"train": 18, "valid": 6, "test": 6}
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        labels = [photo.label for photo in dataset.splits[split]]
        assert labels == [0] * count + [1] * count + [2] * count


def test_names_play_no_part_in_the_split_but_the_seed_does(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "d", count=10)
    before = load(folder)
    for path in list(folder.rglob("*.jpg")):
        path.rename(path.with_name(f"{random.getrandbits(64)}.jpeg"))
    after = load(folder)
    assert [hashes(before, split) for split in before.splits] == [
        hashes(after, split) for split in after.splits
    ]
    assert before.test_split_sha256 == after.test_split_sha256
    assert hashes(load(folder, seed=1), "test") != hashes(before, "test")


def test_a_grown_dataset_keeps_most_of_its_test_photos(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "d", count=40, classes=("amber", "blue"))
    before = hashes(load(folder), "test")
    for label in ("amber", "blue"):
        for number in range(40, 44):
            (folder / label / f"{number}.jpg").write_bytes(make_jpeg(label, number))
    assert len(before & hashes(load(folder), "test")) >= 0.75 * len(before)


@pytest.mark.parametrize("around", ["", "dogImages/"])
@pytest.mark.parametrize("valid", ["valid", "val", "Validation"])
def test_a_drop_with_its_own_splits(tmp_path: Path, around: str, valid: str) -> None:
    members = {
        f"{around}{split}/{label}/{number}.jpg": make_jpeg(label, number)
        for split, numbers in (("train", range(4)), (valid, range(4, 6)), ("test", range(6, 7)))
        for label in ("blue", "green")
        for number in numbers
    }
    dataset = load(zip_up(tmp_path, members))
    assert sizes(dataset) == {"train": 8, "valid": 4, "test": 2}
    assert dataset.excluded == []


def test_a_missing_split_is_cut_from_train(tmp_path: Path) -> None:
    write_photos(tmp_path / "d" / "train", count=10)
    given = {label: (tmp_path / "d" / "test" / label) for label in ("amber", "blue", "green")}
    for label, folder in given.items():
        folder.mkdir(parents=True)
        (folder / "t.jpg").write_bytes(make_jpeg(label, 99))
    assert sizes(load(tmp_path / "d")) == {"train": 24, "valid": 6, "test": 3}


def test_what_is_no_photo_is_passed_over(tmp_path: Path) -> None:
    members = {f"{label}/{n}.jpg": make_jpeg(label, n) for label in ("blue", "green") for n in range(5)}
    clutter = {
        "__MACOSX/blue/._1.jpg": b"x",
        "blue/.hidden.jpg": b"x",
        ".git/blue/1.jpg": b"x",
        "blue/notes.txt": b"x",
        "_SUCCESS": b"",
        "blue/": b"",
    }
    dataset = load(zip_up(tmp_path, members | clutter))
    assert dataset.image_count == 10
    assert dataset.excluded == []


def test_a_photo_outside_every_class_is_listed(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "d", count=5)
    (folder / "stray.jpg").write_bytes(make_jpeg("blue", 77))
    (excluded,) = load(folder).excluded
    assert (excluded.name, excluded.reason) == ("stray.jpg", "lies in no class folder")


def test_duplicates_are_left_out_and_named(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "d", count=6)
    shutil.copy(folder / "blue" / "0.jpg", folder / "blue" / "again.jpg")
    dataset = load(folder)
    assert dataset.image_count == 18
    assert [(item.name, item.reason) for item in dataset.excluded] == [
        ("blue/again.jpg", "the same photo as blue/0.jpg")
    ]


def test_no_photo_leaks_from_the_test_into_training(tmp_path: Path) -> None:
    members = {
        f"{split}/{label}/{number}.jpg": make_jpeg(label, number)
        for split, numbers in (("train", range(8)), ("valid", range(7, 10)), ("test", range(9, 12)))
        for label in ("blue", "green")
        for number in numbers
    }
    dataset = load(zip_up(tmp_path, members))
    assert not hashes(dataset, "train") & (hashes(dataset, "valid") | hashes(dataset, "test"))
    assert not hashes(dataset, "valid") & hashes(dataset, "test")
    assert sizes(dataset) == {"train": 14, "valid": 4, "test": 6}
    reasons = {item.name: item.reason for item in dataset.excluded}
    assert reasons["train/blue/7.jpg"] == "the same photo as valid/blue/7.jpg of the valid split"
    assert reasons["valid/green/9.jpg"] == "the same photo as test/green/9.jpg of the test split"


def test_a_photo_under_two_classes_leaks_into_no_other_split(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "d", count=8, classes=("blue", "green"))
    for number in range(8):
        shutil.copy(folder / "blue" / f"{number}.jpg", folder / "green" / f"b{number}.jpg")
    dataset = load(folder)
    assert not hashes(dataset, "train") & (hashes(dataset, "valid") | hashes(dataset, "test"))


@pytest.mark.parametrize("name", ["../../blue/out.jpg", "/green/root.jpg", "C:\\blue\\1.jpg"])
def test_a_path_that_points_out_of_the_archive_is_refused_as_at_the_door(tmp_path: Path, name: str) -> None:
    members = {f"{label}/{n}.jpg": make_jpeg(label, n) for label in ("blue", "green") for n in range(5)}
    channel = zip_up(tmp_path / "a" / "b", members | {name: make_jpeg("blue", 50)})
    with pytest.raises(DatasetError, match="unsafe names or links in the zip"):
        load(channel)


def test_a_damaged_member_is_left_out(tmp_path: Path) -> None:
    members = {f"{label}/{n}.jpg": make_jpeg(label, n) for label in ("blue", "green") for n in range(5)}
    channel = zip_up(tmp_path, members)
    with zipfile.ZipFile(channel / "drop.zip") as archive:
        offset = archive.getinfo("blue/2.jpg").header_offset + 100
    raw = bytearray((channel / "drop.zip").read_bytes())
    raw[offset] ^= 0xFF
    (channel / "drop.zip").write_bytes(raw)
    dataset = load(channel)
    (excluded,) = dataset.excluded
    assert excluded.name == "blue/2.jpg"
    assert "damaged in the archive" in excluded.reason


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"train/blue/1.jpg": b"1", "extra/blue/2.jpg": b"2"}, "split folders 'train' stand beside 'extra'"),
        ({"1.jpg": b"1", "2.jpg": b"2"}, "no class folders"),
        ({"notes.txt": b"1"}, "no class folders"),
        ({f"blue/{n}.jpg": make_jpeg("blue", n) for n in range(3)}, "at least 2"),
        ({f"{label}/1.jpg": make_jpeg(label, 1) for label in ("blue", "green")}, "needs at least 3"),
        (
            {
                f"{split}/{label}/1.jpg": make_jpeg(label, number)
                for number, split in enumerate(("train", "valid", "test"))
                for label in ("blue", "green")
            }
            | {"test/red/3.jpg": make_jpeg("amber", 9)},
            "no photo to train on is left in the classes 'red'",
        ),
    ],
)
def test_a_drop_that_cannot_be_trained_on_says_why(
    tmp_path: Path, members: dict[str, bytes], sentence: str
) -> None:
    with pytest.raises(DatasetError) as caught:
        load(zip_up(tmp_path, members))
    assert sentence in str(caught.value)


def test_a_channel_that_is_no_dataset_says_why(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist"):
        load(tmp_path / "absent")
    (tmp_path / "one.zip").write_bytes(b"no archive")
    with pytest.raises(DatasetError, match=r"one\.zip: the file is not a zip archive"):
        load(tmp_path)
    (tmp_path / "two.zip").write_bytes(b"no archive")
    with pytest.raises(DatasetError, match=r"several archives \(one\.zip, two\.zip\)"):
        load(tmp_path)
