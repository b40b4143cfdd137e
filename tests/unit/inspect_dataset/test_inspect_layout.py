"""Which files of a drop are photos, of which class and split."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drops.layout import read_layout
from drops.limits import MAX_IMAGE_BYTES
from drops.problems import BadDropError
from functions.inspect_dataset.class_checks import check_classes


def layout_of(*names: str):
    return read_layout((name, 100) for name in names)


def numbered(folder: str, count: int) -> list[str]:
    return [f"{folder}/{number}.jpg" for number in range(count)]


def codes(layout) -> dict[str, str]:
    return {problem.code: problem.severity for problem in check_classes(layout)}


@pytest.mark.parametrize("around", ["", "dogImages/", "./", "./my photos/"])
def test_class_folders_directly_or_in_one_folder(around):
    layout = layout_of(around, f"{around}cat/1.jpg", f"{around}dog/2.PNG", f"{around}dog/deep/3.webp")
    assert layout.kind == "flat"
    assert {label: splits.total() for label, splits in layout.counts.items()} == {"cat": 1, "dog": 2}


@pytest.mark.parametrize("around", ["", "dogImages/"])
@pytest.mark.parametrize("valid", ["valid", "val", "validation", "Valid"])
def test_a_split_drop(around, valid):
    layout = layout_of(
        f"{around}train/001.Affenpinscher/a.jpg",
        f"{around}{valid}/001.Affenpinscher/b.jpg",
        f"{around}test/001.Affenpinscher/c.jpg",
        f"{around}train/002.Afghan_hound/d.jpg",
    )
    assert layout.kind == "split"
    assert {label: dict(splits) for label, splits in layout.counts.items()} == {
        "001.Affenpinscher": {"train": 1, "valid": 1, "test": 1},
        "002.Afghan_hound": {"train": 1},
    }


def test_only_train_is_a_split_too():
    assert layout_of("train/cat/1.jpg", "train/dog/1.jpg").kind == "split"


def test_splits_beside_other_folders_are_refused():
    with pytest.raises(BadDropError, match="'train' stand beside 'bus', 'car'"):
        layout_of("train/1.jpg", "bus/2.jpg", "car/3.jpg")


def test_photos_directly_in_a_split_have_no_class():
    layout = layout_of("train/1.jpg", "test/2.jpg")
    assert (layout.candidates, layout.strays) == ([], ["train/1.jpg", "test/2.jpg"])


def test_backslashes_part_folders_too():
    assert list(layout_of("pets\\cat\\1.jpg", "pets\\dog\\2.jpg").counts) == ["cat", "dog"]


def test_what_is_no_photo_is_counted_and_passed_over():
    layout = layout_of(
        "__MACOSX/cat/._1.jpg",
        "cat/.DS_Store",
        "cat/Thumbs.db",
        "README.txt",
        "loose.jpg",
        "cat/1.jpg",
    )
    assert (layout.hidden, layout.others, layout.strays) == (3, ["README.txt"], ["loose.jpg"])
    assert [image.name for image in layout.candidates] == ["cat/1.jpg"]


@pytest.mark.parametrize(
    "around, stray", [("", "loose.jpg"), ("", "train/loose.jpg"), ("pets/", "pets/train/loose.jpg")]
)
def test_a_stray_photo_does_not_hide_the_layout(around, stray):
    layout = layout_of(stray, f"{around}train/cat/1.jpg", f"{around}train/dog/1.jpg")
    assert (layout.kind, list(layout.counts), layout.strays) == ("split", ["cat", "dog"], [stray])


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["rain", "cat", "a b", "é+", "."]), st.text(max_size=8)), max_size=20)
)
def test_every_file_is_counted_exactly_once_whatever_its_name(pairs):
    names = [f"{folder}/{name}" for folder, name in pairs]
    try:
        layout = read_layout((name, 1) for name in names)
    except BadDropError as bad:
        assert bad.problem.code in {"unsafe_name", "unsafe_path"}
        return
    files = [name for name in names if not name.endswith(("/", "\\"))]
    passed_over = layout.hidden + len(layout.others) + len(layout.strays)
    assert len(layout.candidates) + passed_over == len(files)


def test_sound_classes_have_no_problem():
    assert codes(layout_of(*numbered("cat", 20), *numbered("dog", 30))) == {}


def test_errors_over_classes():
    assert codes(layout_of("README.txt")) == {"no_images": "error"}
    assert codes(layout_of("loose.jpg")) == {"no_images": "error"}
    assert codes(layout_of(*numbered("cat", 20))) == {"one_class": "error"}
    assert codes(layout_of(*numbered("cat", 20), *numbered("dog", 4)))["too_few_images"] == "error"
    assert "too_few_images" not in codes(layout_of(*numbered("cat", 20), *numbered("dog", 5)))


def test_the_minimum_is_stated_with_its_reason_and_the_classes():
    problems = check_classes(layout_of(*numbered("cat", 20), *numbered("dog", 4)))
    (few,) = [problem for problem in problems if problem.code == "too_few_images"]
    assert "needs 5 photos" in few.message
    assert "training, validation and test" in few.message
    assert few.names == ("dog",)


def test_a_split_class_must_be_in_train():
    names = [*numbered("train/cat", 20), *numbered("test/cat", 5), *numbered("test/dog", 20)]
    assert codes(layout_of(*names))["too_few_in_train"] == "error"
    names += numbered("train/dog", 3)
    assert "too_few_in_train" not in codes(layout_of(*names))


def test_warnings_do_not_refuse():
    assert codes(layout_of(*numbered("cat", 5), *numbered("dog", 50))) == {
        "tiny_class": "warning",
        "skewed": "warning",
    }
    assert codes(layout_of("a.jpg", *numbered("cat", 20), *numbered("dog", 20))) == {
        "unlabelled_images": "warning"
    }
    large = read_layout([*((name, 1) for name in numbered("cat", 20)), ("cat/x.jpg", MAX_IMAGE_BYTES + 1)])
    assert codes(large) == {"one_class": "error", "oversized_images": "warning"}
    split = [*numbered("train/cat", 20), *numbered("train/dog", 20), *numbered("test/dog", 4)]
    assert codes(layout_of(*split)) == {"missing_from_split": "warning"}
