"""Photos made on the spot: noise over one colour a class, which any backbone tells apart."""

import random
from pathlib import Path

from PIL import Image

from deploy_scripts.packaging.archives import files_below, make_zip

COLOURS = {"amber": (230, 160, 30), "blue": (30, 60, 220), "green": (40, 170, 60)}
_PHOTOS_A_CLASS = 10
_SIDE_PIXELS = 96
_NOISE = 25
_STRIPE_PIXELS = 8


def write_photos(folder: Path) -> Path:
    """A folder with one folder a class."""
    for label in COLOURS:
        (folder / label).mkdir(parents=True)
        for number in range(_PHOTOS_A_CLASS):
            _photo(label, number).save(folder / label / f"{number}.jpg", quality=90)
    return folder


def write_foreign_photo(file: Path) -> Path:
    """One of no class: stripes of all of their colours."""
    colours = list(COLOURS.values())
    image = Image.new("RGB", (_SIDE_PIXELS, _SIDE_PIXELS))
    for number, left in enumerate(range(0, _SIDE_PIXELS, _STRIPE_PIXELS)):
        image.paste(colours[number % len(colours)], (left, 0, left + _STRIPE_PIXELS, _SIDE_PIXELS))
    image.save(file, quality=90)
    return file


def zip_photos(folder: Path, zip_file: Path) -> Path:
    return make_zip(files_below(folder), zip_file, compress=False)


def _photo(label: str, number: int) -> Image.Image:
    """The same for the same label and number, and no two alike."""
    source = random.Random(f"{label} {number}")  # noqa: S311 - noise, no secret
    pixels = bytes(
        min(255, max(0, value + source.randint(-_NOISE, _NOISE)))
        for _ in range(_SIDE_PIXELS**2)
        for value in COLOURS[label]
    )
    return Image.frombytes("RGB", (_SIDE_PIXELS, _SIDE_PIXELS), pixels)
