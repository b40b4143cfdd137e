"""`dropserve review`: its page, its list, and a list that cannot be followed; the bucket is made."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from deploy_scripts import cli
from deploy_scripts.commands.runs import review as review_command
from deploy_scripts.errors import CliError
from deploy_scripts.operations.drops import capture_reviews
from deploy_scripts.operations.drops.captures import CapturedPhoto

PHOTO = CapturedPhoto(
    "2026-01-31/00001-abcdef01.jpg",
    ("captures/2026-01-31/00001.jpg",),
    "1" * 64,
    "https://example.com/<b>\x1b.jpg",
    "cat",
    0.4,
    True,
    3.0,
    "release-1",
    "2026-01-31T12:00:00+00:00",
)


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(cli.make_app(["review", "drop"]), list(map(str, arguments)))


@pytest.fixture(autouse=True)
def removed(monkeypatch: pytest.MonkeyPatch) -> list[CapturedPhoto]:
    """One photo waits; gives those that are removed."""
    stream, gone = io.BytesIO(), list[CapturedPhoto]()
    Image.new("RGB", (400, 300), "red").save(stream, "JPEG")
    monkeypatch.setattr(
        review_command, "open_deployment", lambda target: SimpleNamespace(aws=SimpleNamespace(is_local=False))
    )
    monkeypatch.setattr(review_command, "list_captures", lambda deployment: [PHOTO])
    monkeypatch.setattr(review_command, "read_photo", lambda deployment, photo: stream.getvalue())
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
