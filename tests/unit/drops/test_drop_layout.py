"""Splits, wrappers and classes are told apart alike at the inspection and in training, or refused."""

import pytest

from drops.layout import read_layout
from drops.splits import split_of
from tests.unit.drops.both_readers import drop_folder, read_both, refusal, train_on
from tests.unit.drops.made_zips import as_channel, class_photos, photo, text_zip
from tests.unit.inspect_dataset.inspecting import codes, inspect_bytes
from training.failures import DatasetError

DOGS = ("001.Affenpinscher", "002.Afghan_hound")


def splits(*words: str, classes: tuple[str, ...] = ("cat", "dog"), around: str = "") -> dict[str, bytes]:
    """Six photos of each class in each split."""
    return class_photos(*(f"{around}{word}/{label}" for word in words for label in classes))


@pytest.mark.parametrize(
    ("word", "split"),
    [
        *((word, "train") for word in ("train", "Training", "TRN", "train2017", "training_set", "Train (1)")),
        *((word, "valid") for word in ("val_2017", "Validation", "dev", "eval", "ValSet", "val-images")),
        *((word, "test") for word in ("test-1", "Testing", "tst", "test data", "TestImages")),
        *((word, split) for word, split in (("TrainSet", "train"), ("VALID", "valid"), ("tEst", "test"))),
        *((word, None) for word in ("trainers", "contest", "trainval", "train_test", "seg_train", "data")),
    ],
)
def test_the_words_for_splits(word, split):
    assert split_of(word) == split


@pytest.mark.parametrize(
    "words",
    [
        ("Training", "Testing"),
        ("train2017", "val2017"),
        ("train", "dev", "test"),
        ("TRAIN", "eval"),
        ("training_set", "test_set"),
        ("train_1", "train_2", "test-1"),
    ],
)
@pytest.mark.parametrize("around", ["", "archive/Brain MRI/", "a/b/c/"])
def test_the_usual_words_are_splits_in_any_wrapper(s3, make_run, tmp_path, words, around):
    inspected, trained = read_both(s3, make_run, tmp_path, text_zip(splits(*words, around=around)))
    assert inspected == trained == ["cat", "dog"]


def test_the_dog_images_shape_works_as_it_is(s3, make_run, tmp_path):
    body = text_zip(splits("train", "valid", "test", classes=DOGS, around="dogImages/"))
    inspected, trained = read_both(s3, make_run, tmp_path, body)
    assert inspected == trained == list(DOGS)
    result, report = inspect_bytes(s3, make_run, body)
    assert result["layout"] == "split"
    assert report["classes"][0]["splits"] == {"test": 6, "train": 6, "valid": 6}


@pytest.mark.parametrize("around", ["", "xray/"])
def test_splits_inside_each_class_are_splits(s3, make_run, tmp_path, around):
    files = class_photos(
        *(f"{around}{label}/{word}" for label in ("chest", "hand") for word in ("training", "testing"))
    )
    body = text_zip(files)
    result, report = inspect_bytes(s3, make_run, body)
    assert result["layout"] == "split"
    assert [(row["label"], row["splits"]) for row in report["classes"]] == [
        (label, {"train": 6, "test": 6}) for label in ("chest", "hand")
    ]
    dataset = train_on(as_channel(tmp_path, body), result["layout_sha256"])
    assert all("/testing/" in photo.name for photo in dataset.splits["test"])
    assert not any("/testing/" in photo.name for photo in dataset.splits["train"])


@pytest.mark.parametrize("around", ["", "archive/"])
def test_one_part_of_the_body_in_splits_has_no_class(s3, make_run, around):
    body = text_zip(class_photos(f"{around}chest/training", f"{around}chest/testing"))
    assert refusal(s3, make_run, body)[0] == ["no_images"]


@pytest.mark.parametrize("around", ["", "archive/"])
def test_a_split_in_a_folder_of_its_own_name_is_one_split(s3, make_run, tmp_path, around):
    files = splits("train/train", "test/test", around=around)
    inspected, trained = read_both(s3, make_run, tmp_path, text_zip(files))
    assert inspected == trained == ["cat", "dog"]


UNCLEAR = {
    "splits beside classes": (class_photos("train", "bus", "car"), "mixed_layout"),
    "photos to test beside classes": (class_photos("cat", "dog", "test"), "mixed_layout"),
    "splits beside other folders": (splits("Training", "Testing", "cleaned"), "mixed_layout"),
    "a word before the split": (splits("seg_train", "seg_test", "seg_pred"), "unclear_splits"),
    "a word after the split": (splits("train_final", "valid_final"), "unclear_splits"),
    "a letter right behind the split": (class_photos("trainA", "trainB", "testA", "testB"), "unclear_splits"),
    "words without a separator": (splits("brainTrain", "brainTest"), "unclear_splits"),
    "detection: roles, then splits": (
        class_photos(*(f"{role}/{word}" for role in ("images", "labels") for word in ("train", "val"))),
        "unclear_splits",
    ),
    "splits inside one class alone": (
        class_photos("chest/training", "chest/testing", "hand"),
        "unclear_splits",
    ),
    "splits inside classes, beside others": (
        class_photos("cat/train", "cat/more", "dog/train"),
        "unclear_splits",
    ),
    "splits in splits": (splits("train/train", "train/test"), "unclear_splits"),
    "a split beside the classes of a split": (
        splits("train", "test") | splits("train/val"),
        "unclear_splits",
    ),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_cannot_be_told_is_refused_with_a_way_out(s3, make_run, tmp_path, case):
    files, code = UNCLEAR[case]
    body = text_zip(files)
    found, reason = refusal(s3, make_run, body)
    assert found == [code]
    assert "if a class is really called so" in reason
    with pytest.raises(DatasetError, match="if a class is really called so"):
        train_on(as_channel(tmp_path, body))


PARTS = {
    "folds": ("fold1", "fold2", "fold3"),
    "words of another language": ("entrenamiento", "prueba"),
    "another script": ("训练", "测试"),
    "the same photos in other colours": ("color", "grayscale", "segmented"),
    "a misspelling": ("trian", "tets"),
}


@pytest.mark.parametrize("around", ["", "archive/"])
@pytest.mark.parametrize("case", PARTS)
def test_the_same_folders_in_each_of_a_few_are_refused_with_a_way_out(s3, make_run, tmp_path, case, around):
    files = splits(*PARTS[case], around=around) | class_photos(f"{around}{PARTS[case][0]}/more")
    body = text_zip(files)
    found, reason = refusal(s3, make_run, body)
    assert found == ["unclear_classes"]
    assert "hold the same folders ('cat', 'dog')" in reason
    with pytest.raises(DatasetError, match="put them into one folder train"):
        train_on(as_channel(tmp_path, body))


CLASSES_WITH_FOLDERS = {
    "one folder in each": class_photos("cat/images", "dog/images"),
    "different folders": class_photos("cat/tabby", "cat/siamese", "dog/poodle", "dog/beagle"),
    "photos beside the folders": class_photos("cat", "cat/near", "cat/far", "dog/near", "dog/far"),
    "the stated way": class_photos("train/cat/near", "train/cat/far", "train/dog/near", "train/dog/far"),
    "many classes": class_photos(*(f"{label}/{year}" for label in "abcdefghijk" for year in (2019, 2020))),
}


@pytest.mark.parametrize("case", CLASSES_WITH_FOLDERS)
def test_folders_in_classes_belong_to_the_class(s3, make_run, tmp_path, case):
    files = CLASSES_WITH_FOLDERS[case]
    inspected, trained = read_both(s3, make_run, tmp_path, text_zip(files))
    assert inspected == trained == sorted({name.removeprefix("train/").split("/")[0] for name in files})


@pytest.mark.parametrize("really", ["train", "test", "val"])
def test_a_class_really_named_so_has_its_way(s3, make_run, tmp_path, really):
    body = text_zip(splits("train", classes=("bus", really)))
    inspected, trained = read_both(s3, make_run, tmp_path, body)
    assert inspected == trained == sorted(["bus", really])


def test_classes_with_a_splits_word_among_others_are_classes(s3, make_run, tmp_path):
    inspected, trained = read_both(
        s3, make_run, tmp_path, text_zip(class_photos("train station", "test tube"))
    )
    assert inspected == trained == ["test tube", "train station"]


@pytest.mark.parametrize("word", ["train", "Testing", "val2"])
def test_photos_right_in_splits_have_no_class(s3, make_run, word):
    found, reason = refusal(s3, make_run, text_zip(class_photos(word, "test")))
    assert found == ["no_images"]
    assert "every photo lies outside a class folder" in reason


@pytest.mark.parametrize("stray", ["stray.jpg", "pets/stray.jpg", "pets/more/stray.jpg"])
def test_a_stray_photo_hides_no_class(s3, make_run, tmp_path, stray):
    around = stray.rpartition("/")[0]
    files = class_photos(f"{around}/cat" if around else "cat", f"{around}/dog" if around else "dog")
    body = text_zip(files | {stray: photo(9000)})
    inspected, trained = read_both(s3, make_run, tmp_path, body)
    assert inspected == trained == ["cat", "dog"]
    result, _ = inspect_bytes(s3, make_run, body)
    assert f"photos in no class folder are left out: '{stray}'" in result["findings"]


def test_more_strays_than_photos_in_classes_are_refused(s3, make_run):
    strays = {f"pets/{number}.jpg": photo(9000 + number) for number in range(20)}
    found, reason = refusal(s3, make_run, text_zip(class_photos("pets/cat", "pets/dog") | strays))
    assert found == ["mostly_unlabelled"]
    assert "(20) than inside (12)" in reason


def test_unlabelled_test_photos_beside_a_train_split_are_a_warning(s3, make_run, tmp_path):
    strays = {f"imgs/test/{number}.jpg": photo(9000 + number) for number in range(20)}
    inspected, trained = read_both(s3, make_run, tmp_path, text_zip(splits("imgs/train") | strays))
    assert inspected == trained == ["cat", "dog"]


@pytest.mark.parametrize(
    "hidden",
    [
        ".thumbnails\\1.jpg",
        "dog\\.git\\1.jpg",
        "__MACOSX\\cat\\1.jpg",
        "cat\\.thumbnails\\1.jpg",
        "@eaDir/1.jpg",
    ],
)
def test_hidden_folders_are_no_classes_whatever_parts_the_name(s3, make_run, tmp_path, hidden):
    files = {name.replace("/", "\\"): body for name, body in class_photos("cat", "dog").items()}
    inspected, trained = read_both(s3, make_run, tmp_path, text_zip(files | {hidden: photo(9000)}))
    assert inspected == trained == ["cat", "dog"]


@pytest.mark.parametrize(
    "clutter", ["Thumbs.db", "desktop.ini", "Icon\r", ".DS_Store", "._1.jpg", "_SUCCESS"]
)
def test_what_systems_lay_beside_photos_is_passed_over(s3, make_run, tmp_path, clutter):
    files = class_photos("cat", "dog") | {f"cat/{clutter}": b"x", clutter: b"x"}
    inspected, trained = read_both(s3, make_run, tmp_path, text_zip(files))
    assert inspected == trained == ["cat", "dog"]
    assert inspect_bytes(s3, make_run, text_zip(files))[1]["ignored"]["hidden"] == 2


@pytest.mark.parametrize(
    "empty", ["bird/", "bird/deep/", "bird\\", "bird/.DS_Store", "bird/Thumbs.db", "bird/.git/1.jpg"]
)
def test_an_empty_class_folder_refuses_the_drop(s3, make_run, tmp_path, empty):
    body = text_zip(class_photos("cat", "dog") | {empty: b""})
    found, reason = refusal(s3, make_run, body)
    assert found == ["empty_class"]
    assert "class folders without a file: 'bird'" in reason
    with pytest.raises(DatasetError, match="class folders without a file: 'bird'"):
        train_on(as_channel(tmp_path, body))


def test_a_class_that_is_empty_in_one_split_alone_is_a_warning(s3, make_run, tmp_path):
    files = class_photos("train/cat", "train/dog", "test/cat", "test/dog", "valid/cat") | {"valid/dog/": b""}
    body = text_zip(files)
    assert read_both(s3, make_run, tmp_path, body) == (["cat", "dog"], ["cat", "dog"])
    assert "missing: 'valid/dog'" in inspect_bytes(s3, make_run, body)[0]["findings"]


@pytest.mark.parametrize("depth", [65, 3000])
def test_folders_too_deep_in_each_other_are_refused(s3, make_run, depth):
    found, reason = refusal(s3, make_run, text_zip({"a/" * depth + "1.jpg": photo(1)}))
    assert found == ["too_deep"]
    assert "over 64 folders" in reason


def test_an_archive_in_a_folder_drop_is_no_drop_of_its_own(s3, make_run, tmp_path):
    files = class_photos("cat", "dog") | {"old.zip": text_zip(class_photos("apple", "pear"))}
    result, report = drop_folder(s3, make_run, files)
    assert [row["label"] for row in report["classes"]] == ["cat", "dog"]
    assert "archives inside the drop are not unpacked: 'old.zip'" in result["findings"]
    for name, body in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(body)
    assert train_on(tmp_path, result["layout_sha256"]).classes == ["cat", "dog"]


@pytest.mark.parametrize(
    "change",
    [
        {"cow/1.jpg": photo(1)},
        {"cat/new.jpg": photo(1)},
        {"cat/0.jpg": None},
        {"dog/deep/1.jpg": photo(2)},
    ],
)
def test_training_refuses_another_layout_than_was_inspected(s3, make_run, tmp_path, change):
    files = class_photos("cat", "dog", count=8)
    result, _ = inspect_bytes(s3, make_run, text_zip(files))
    changed = {name: body for name, body in (files | change).items() if body is not None}
    with pytest.raises(DatasetError, match=r"not those that were inspected.*drop the dataset again"):
        train_on(as_channel(tmp_path, text_zip(changed)), result["layout_sha256"])


def test_the_digest_knows_names_classes_and_splits_but_no_order():
    files = [("train/cat/1.jpg", 1), ("train/dog/2.jpg", 1), ("test/cat/3.jpg", 1)]
    digest = read_layout(files).sha256
    assert read_layout(reversed(files)).sha256 == digest
    assert read_layout([*files, ("notes.txt", 1), ("test/.DS_Store", 1)]).sha256 == digest
    assert read_layout([*files[:2], ("valid/cat/3.jpg", 1)]).sha256 != digest
    assert read_layout([*files[:2], ("test/dog/3.jpg", 1)]).sha256 != digest


def test_one_error_stands_for_a_class_that_vanished(s3, make_run):
    result, report = inspect_bytes(s3, make_run, text_zip(class_photos("cat") | {"dog/": b""}))
    assert codes(report)[0] == "empty_class"
    assert not result["accepted"]
