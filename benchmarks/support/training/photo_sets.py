"""The photos that the benchmarks train on: the demo's real ones, and generated ones in dogImages' shape."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

# dogImages.zip: https://s3-us-west-1.amazonaws.com/udacity-aind/dog-project/dogImages.zip
DOG_CLASSES = 133
DOG_IMAGES = 8351
# The shares that training itself would cut.
_VALID_SHARE, _TEST_SHARE = 0.15, 0.2


@dataclass(frozen=True)
class PhotoSet:
    """The same photos twice: as a drop (a folder with one zip) and as a tree; both split already."""

    drop: Path
    tree: Path

    @property
    def zip_file(self) -> Path:
        """The drop's archive."""
        return next(self.drop.glob("*.zip"))


def split_photos(source: Path, folder: Path, *, at_most: int | None = None) -> PhotoSet:
    """The photos of a zip of class folders, split class by class in an order that a hash decides.

    `at_most` photos of a class are taken.
    """
    photo_set = PhotoSet(folder / "drop", folder / "tree")
    photo_set.drop.mkdir(parents=True)
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(photo_set.drop / "photos.zip", "w") as drop:
        for label, names in _by_class(archive.namelist()).items():
            chosen = sorted(names, key=_shuffled)[:at_most]
            for name, split in zip(chosen, _splits(len(chosen)), strict=True):
                member, photo = f"{split}/{label}/{Path(name).name}", archive.read(name)
                drop.writestr(member, photo)
                (photo_set.tree / member).parent.mkdir(parents=True, exist_ok=True)
                (photo_set.tree / member).write_bytes(photo)
    return photo_set


def write_digits(zip_file: Path, *, at_most: int | None = None) -> Path:
    """scikit-learn's 1,797 scans of handwritten digits (8 x 8, 16 greys) in ten class folders.

    The test half of https://archive.ics.uci.edu/dataset/80 (CC BY 4.0), which comes with the package.
    """
    from sklearn.datasets import load_digits  # noqa: PLC0415 - a second, which few need

    scans = load_digits()
    with zipfile.ZipFile(zip_file, "w") as archive:
        for number, (scan, digit) in enumerate(zip(scans.images[:at_most], scans.target, strict=False)):
            png = io.BytesIO()
            Image.fromarray((scan * 15).astype(np.uint8)).save(png, "PNG")
            archive.writestr(f"{digit}/{number}.png", png.getvalue())
    return zip_file


def unpack_tree(drop: Path, tree: Path) -> PhotoSet:
    """The drop of a generated set, and its splits unpacked for those who read folders."""
    with zipfile.ZipFile(next(drop.glob("*.zip"))) as archive:
        for name in archive.namelist():
            file = tree / Path(*Path(name).parts[1:])
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(archive.read(name))
    return PhotoSet(drop, tree)


def generate_dog_shaped(folder: Path, images: int, classes: int) -> Path:
    """A drop (a folder with one zip) of generated JPEGs of about 500 x 375, split as dogImages is."""
    folder.mkdir(parents=True)
    names = list(_dog_shaped_names(images, classes))
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive, ProcessPoolExecutor() as pool:
        labels = [number % classes for number in range(images)]
        jpegs = pool.map(_generate, range(images), labels, chunksize=32)
        for name, jpeg in zip(names, jpegs, strict=True):
            archive.writestr(name, jpeg)
    return folder


def _by_class(names: list[str]) -> dict[str, list[str]]:
    photos: dict[str, list[str]] = {}
    for name in names:
        photos.setdefault(Path(name).parent.name, []).append(name)
    return photos


def _shuffled(name: str) -> str:
    return hashlib.sha256(Path(name).name.encode()).hexdigest()


def _splits(count: int) -> list[str]:
    test, valid = round(_TEST_SHARE * count), round(_VALID_SHARE * count)
    return ["test"] * test + ["valid"] * valid + ["train"] * (count - test - valid)


def _dog_shaped_names(images: int, classes: int) -> Iterator[str]:
    """dogImages has 80 % of its photos under train and 10 % each under valid and test."""
    for number in range(images):
        label, place = number % classes, number // classes
        split = {0: "valid", 1: "test"}.get(place % 10 if images >= 10 * classes else place, "train")
        yield f"dogImages/{split}/{label + 1:03d}.Breed_{label + 1:03d}/{number:05d}.jpg"


def _generate(number: int, label: int) -> bytes:
    """Soft shapes, half of them the class's own, and fine grain: large and slow to decode as a photo is."""
    own, random = np.random.default_rng(label), np.random.default_rng((label, number))
    width, height = int(random.integers(440, 560)), int(random.integers(330, 420))
    shapes = own.integers(0, 128, (9, 12, 3)) + random.integers(0, 128, (9, 12, 3))
    grain = random.integers(0, 256, (height // 3, width // 3, 3))
    layers = (Image.fromarray(layer.astype(np.uint8)) for layer in (shapes, grain))
    soft, fine = (layer.resize((width, height), Image.Resampling.BICUBIC) for layer in layers)
    buffer = io.BytesIO()
    Image.blend(soft, fine, 0.25).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
