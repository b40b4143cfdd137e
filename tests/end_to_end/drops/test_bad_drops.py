"""A drop that cannot be trained on ends rejected, with a sentence; what served before serves on."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.demo_data import PhotoSet


def corrupt_zip(folder: Path, photos: PhotoSet) -> Path:
    file = folder / "corrupt.zip"
    content = photos.zip_file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    return file


def one_class(folder: Path, photos: PhotoSet) -> Path:
    file = folder / "one-class.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(8):
            archive.write(photos.held_out[number % len(photos.held_out)][1], f"only/{number}.jpeg")
    return file


def empty_zip(folder: Path, photos: PhotoSet) -> Path:
    file = folder / "empty.zip"
    zipfile.ZipFile(file, "w").close()
    return file


def text_file(folder: Path, photos: PhotoSet) -> Path:
    file = folder / "notes.txt"
    file.write_text("These are no photos.\n")
    return file


@pytest.mark.parametrize(
    "make", [corrupt_zip, one_class, empty_zip, text_file], ids=lambda make: make.__name__
)
def test_a_bad_drop_is_rejected_with_a_sentence(
    dropserve: Any,
    first_release: dict[str, Any],
    food_photos: PhotoSet,
    tmp_path: Path,
    make: Callable[[Path, PhotoSet], Path],
) -> None:
    live = dropserve.live_release()

    result = dropserve.run("drop", make(tmp_path, food_photos), "--watch", "--json")

    assert result.returncode == 1
    run = json.loads(result.stdout)
    assert run["status"] == "rejected"
    assert len(run["reason"].split()) > 4
    assert run["reason"] in result.stderr
    assert dropserve.json("runs")[0] == run
    assert dropserve.live_release() == live
    assert dropserve.json("predict", food_photos.held_out[0][1])["model"]["release"] == live
