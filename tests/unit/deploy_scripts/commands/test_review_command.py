"""`dropserve review`: its page, its list, and a list that cannot be followed; the bucket is made."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from deploy_scripts import cli
from deploy_scripts.commands.runs import review as review_command
from deploy_scripts.errors import CliError
from deploy_scripts.operations.captures import applied_captures, capture_reviews
from deploy_scripts.operations.captures.captures import CapturedPhoto
from deploy_scripts.operations.drops.upload import Drop

PHOTO = CapturedPhoto(
    "2026-01-31/00001-abcdef01.jpg",
    ("captures/2026-01-31/00001.jpg",),
    "1" * 64,
    12,
    "https://example.com/<b>\x1b.jpg",
    "cat",
    0.4,
    True,
    3.0,
    "release-1",
    "2026-01-31T12:00:00+00:00",
)


def jpeg(green: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (400, 300), (255, green, 0)).save(stream, "JPEG")
    return stream.getvalue()


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(cli.make_app(["review", "drop"]), list(map(str, arguments)))


@pytest.fixture(autouse=True)
def removed(monkeypatch: pytest.MonkeyPatch) -> list[CapturedPhoto]:
    """One photo waits; gives those that are removed."""
    gone: list[CapturedPhoto] = []
    monkeypatch.setattr(review_command, "open_deployment", lambda target: SimpleNamespace())
    monkeypatch.setattr(review_command, "list_captures", lambda deployment: [PHOTO])
    monkeypatch.setattr(review_command, "read_photo", lambda deployment, photo: jpeg(0))
    monkeypatch.setattr(capture_reviews, "remove_captures", lambda deployment, photos: gone.extend(photos))
    return gone


def test_the_photos_are_shown_on_the_screen_on_a_page_and_in_a_list(tmp_path: Path) -> None:
    page, out = tmp_path / "review.html", tmp_path / "review.csv"

    result = invoke("review", "--page", page, "--out", out)

    assert result.exit_code == 0, result.output
    assert "Photos that wait for a review: 1" in result.output and "\x1b.jpg" not in result.output
    html = page.read_text("utf-8")
    assert "data:image/jpeg;base64," in html and "&lt;b&gt;" in html and "\x1b" not in html
    assert PHOTO.name in out.read_text("utf-8")
    assert isinstance(invoke("review", "--out", out).exception, CliError)


def test_a_photo_is_thrown_away(tmp_path: Path, removed: list[CapturedPhoto]) -> None:
    (tmp_path / "review.csv").write_text(f"action,file\ndrop,{PHOTO.name}\n", "utf-8")

    result = invoke("review", "--apply", tmp_path / "review.csv")

    assert result.exit_code == 0, result.output
    assert removed == [PHOTO]


def test_with_a_bad_line_nothing_is_done(tmp_path: Path, removed: list[CapturedPhoto]) -> None:
    (tmp_path / "review.csv").write_text(f"action,file\ndrop,{PHOTO.name}\nbury,1.jpg\n", "utf-8")

    error = invoke("review", "--apply", tmp_path / "review.csv").exception

    assert isinstance(error, CliError) and "line 3" in str(error.details)
    assert not removed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--dataset", "pets.zip"), "--apply alone"),
        (("--apply", "review.csv", "--page", "page.html"), "neither --page nor --out"),
        (("--apply", "not-there.csv"), "not-there.csv cannot be read: No such file"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)

    error = invoke("review", *arguments).exception

    assert isinstance(error, CliError) and said in error.message


@pytest.mark.parametrize(
    ("dataset", "said"), [("not-there.zip", "There is nothing at"), (".", "is a folder"), ("a.zip", "a.zip")]
)
def test_a_dataset_that_cannot_be_added_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: list[CapturedPhoto], dataset: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.zip").write_text("no zip")
    Path("review.csv").write_text(f"action,file,suggested_label\nrelabel,{PHOTO.name},dog\n", "utf-8")

    error = invoke("review", "--apply", "review.csv", "--dataset", dataset).exception

    assert isinstance(error, CliError) and said in error.message
    assert not removed


@pytest.fixture
def uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The files of the zip that went up; its run has an id and nothing else of interest."""
    files: dict[str, bytes] = {}

    def upload(screen: Any, deployment: Any, dataset: Any) -> Drop:
        with zipfile.ZipFile(dataset.source) as archive:
            files.update({name: archive.read(name) for name in archive.namelist()})
        return Drop(f"drops/{dataset.name}", "v2")

    run = SimpleNamespace(run_id="f" * 32, to_json=lambda: {"run_id": "f" * 32})
    aws = SimpleNamespace(is_local=False)
    monkeypatch.setattr(review_command, "open_deployment", lambda target: SimpleNamespace(aws=aws))
    monkeypatch.setattr(review_command, "upload_with_bar", upload)
    monkeypatch.setattr(capture_reviews, "wait_for_drop", lambda *_: SimpleNamespace(run=run))
    monkeypatch.setattr(applied_captures, "read_photo", lambda deployment, photo: jpeg(255))
    return files


def pets_zip(file: Path) -> Path:
    """As few photos as the pipeline takes."""
    with zipfile.ZipFile(file, "w") as archive:
        for row, label in enumerate(("cat", "dog")):
            for number in range(5):
                archive.writestr(f"{label}/{number}.jpg", jpeg(100 * row + number))
    return file


def test_an_applied_list_is_told_as_a_document(
    tmp_path: Path, uploaded: dict[str, bytes], removed: list[CapturedPhoto]
) -> None:
    zip_file, edited = pets_zip(tmp_path / "pets.zip"), tmp_path / "review.csv"
    edited.write_text(f"action,file,suggested_label\nrelabel,{PHOTO.name},cat\n", "utf-8")

    result = invoke("review", "--apply", edited, "--dataset", zip_file, "--json")

    assert result.exit_code == 0, result.output
    place = f"cat/captured-{PHOTO.sha256[:16]}.jpg"
    assert json.loads(result.stdout) == {
        "added": [{"photo": PHOTO.name, "class": "cat", "file": place}],
        "already_there": [],
        "new_classes": [],
        "thrown_away": [],
        "run": {"run_id": "f" * 32},
    }
    assert uploaded[place] == jpeg(255) and uploaded["cat/1.jpg"] == jpeg(1)
    assert removed == [PHOTO]


def test_a_dataset_that_the_pipeline_would_reject_is_not_dropped(
    tmp_path: Path, uploaded: dict[str, bytes], removed: list[CapturedPhoto]
) -> None:
    zip_file, edited = pets_zip(tmp_path / "pets.zip"), tmp_path / "review.csv"
    edited.write_text(f"action,file,suggested_label\nrelabel,{PHOTO.name},horse\n", "utf-8")

    error = invoke("review", "--apply", edited, "--dataset", zip_file).exception

    assert isinstance(error, CliError)
    assert "nothing was dropped" in error.message and "each class needs 5 photos" in error.details[0]
    assert not uploaded and not removed


def test_a_photo_that_the_dataset_has_begins_no_run(
    tmp_path: Path, uploaded: dict[str, bytes], removed: list[CapturedPhoto]
) -> None:
    zip_file, edited = tmp_path / "pets.zip", tmp_path / "review.csv"
    with zipfile.ZipFile(zip_file, "w") as archive:
        archive.writestr(f"cat/captured-{PHOTO.sha256[:16]}.jpg", "1")
        archive.writestr("dog/1.jpg", "2")
    edited.write_text(f"action,file,suggested_label\nrelabel,{PHOTO.name},cat\n", "utf-8")

    result = invoke("review", "--apply", edited, "--dataset", zip_file)

    assert result.exit_code == 0, result.output
    assert "is in the dataset already" in result.output and "no run was begun" in result.output
    assert not uploaded and removed == [PHOTO]

    edited.write_text(f"action,file,suggested_label\nrelabel,{PHOTO.name},dog\n", "utf-8")
    error = invoke("review", "--apply", edited, "--dataset", zip_file).exception
    assert isinstance(error, CliError)
    assert "line 2" in str(error.details) and "in the class 'cat'" in str(error.details)


def test_a_page_has_the_first_photos_and_says_how_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_command, "_ON_A_PAGE", 2)
    photos = [replace(PHOTO, name=f"2026-01-31/{number}.jpg") for number in range(3)]
    monkeypatch.setattr(review_command, "list_captures", lambda deployment: photos)

    assert invoke("review", "--page", tmp_path / "page.html").exit_code == 0

    html = (tmp_path / "page.html").read_text("utf-8")
    assert html.count("<figure>") == 2 and photos[2].name not in html
    assert "Photos to review: 3" in html and "These are the 2" in html
