"""`dropserve drop --review`: what goes up is the reviewed dataset, the original stays as it is."""

import zipfile
from pathlib import Path

import pytest

from deploy_scripts.errors import CliError
from deploy_scripts.operations.drops.reviews import review_dataset
from deploy_scripts.operations.drops.upload import read_dataset
from drops.review import Decision, write_review

PHOTOS = {"cat/1.jpg": b"one", "cat/2.jpg": b"two", "dog/1.jpg": b"three", "notes.txt": b"four"}
REVIEWED = {"cat/1.jpg": b"one", "cat/1-2.jpg": b"three", "notes.txt": b"four"}


@pytest.fixture
def review(tmp_path: Path) -> Path:
    """Drops a photo, relabels one, and asks for what cannot be."""
    file = tmp_path / "review.csv"
    decisions = [
        Decision("drop", "cat/2.jpg", "cat"),
        Decision("relabel", "dog/1.jpg", "dog", "cat"),
        Decision("drop", "cat/9.jpg", "cat"),
    ]
    file.write_text(write_review(decisions) + "bury,cat/1.jpg,cat,,,\n", "utf-8")
    return file


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    file = tmp_path / "pets.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("cat")
        for name, content in PHOTOS.items():
            archive.writestr(name, content)
    return file


def test_a_zip_becomes_another_one_and_stays_as_it_is(drop: Path, review: Path) -> None:
    before = drop.read_bytes()

    dataset, applied = review_dataset(read_dataset(drop, None), review)

    assert dataset.name == "pets.zip" and dataset.source == drop.with_name("pets-reviewed.zip")
    with zipfile.ZipFile(dataset.source) as archive:
        assert {name: archive.read(name) for name in archive.namelist() if name != "cat/"} == REVIEWED
    assert [refusal.line for refusal in applied.refusals] == [4, 5]
    assert drop.read_bytes() == before


def test_an_earlier_reviews_zip_is_not_written_over(drop: Path, review: Path) -> None:
    drop.with_name("pets-reviewed.zip").write_text("earlier")

    with pytest.raises(CliError, match="is there already"):
        review_dataset(read_dataset(drop, None), review)


def test_of_a_folder_the_files_go_up_under_their_new_names(tmp_path: Path, review: Path) -> None:
    for name, content in PHOTOS.items():
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(content)

    dataset, _ = review_dataset(read_dataset(tmp_path / "pets", None), review)

    assert dataset.folder is not None
    assert {name: file.read_bytes() for name, file in dataset.folder.files.items()} == REVIEWED


@pytest.mark.parametrize("is_zip", [True, False])
def test_scenes_follow_photos_that_move(tmp_path: Path, is_zip: bool) -> None:
    photos = {f"{label}/{number}.jpg": b"x" for label in ("cat", "dog") for number in (1, 2)}
    photos["groups.csv"] = b"file,group\ncat/1.jpg,a\ndog/1.jpg,a\ncat/2.jpg,b\ndog/2.jpg,b\n"
    (tmp_path / "review.csv").write_text(
        write_review([Decision("relabel", "dog/1.jpg", "dog", "cat"), Decision("drop", "dog/2.jpg", "dog")])
        + "keep,cat/1.jpg,cat,,,\n"
    )
    for name, content in photos.items():
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(content)
    source = tmp_path / "pets"
    if is_zip:
        source = tmp_path / "pets.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for name, content in photos.items():
                archive.writestr(name, content)

    dataset, _ = review_dataset(read_dataset(source, None), tmp_path / "review.csv")

    if dataset.folder is None:
        with zipfile.ZipFile(dataset.source) as archive:
            assert archive.namelist().count("groups.csv") == 1
            groups = archive.read("groups.csv")
    else:
        assert "groups.csv" not in dataset.folder.files
        groups = dataset.folder.written["groups.csv"]
    assert groups == b"file,group\ncat/1.jpg,a\ncat/1-2.jpg,a\ncat/2.jpg,b\n"


@pytest.mark.parametrize("text", [b"a,b\n", b"\xff\xfe", b""])
def test_another_file_is_no_review(text: bytes, drop: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_bytes(text)

    with pytest.raises(CliError, match="is no review"):
        review_dataset(read_dataset(drop, None), tmp_path / "other.csv")


def test_what_is_no_zip_is_refused_and_leaves_nothing(tmp_path: Path, review: Path) -> None:
    (tmp_path / "pets.zip").write_text("no zip")

    with pytest.raises(CliError, match=r"pets\.zip"):
        review_dataset(read_dataset(tmp_path / "pets.zip", None), review)
    assert not list(tmp_path.glob("*-reviewed*"))
