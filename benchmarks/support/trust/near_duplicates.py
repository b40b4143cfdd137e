"""Copies that are made of photos, and how well the doctor finds them among the others."""

import io
import random
import statistics
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image, ImageEnhance, ImageOps

from benchmarks.support.trust.claims import Claim, describe
from benchmarks.support.trust.features import PhotoFeatures, read_features, shipped_pass
from benchmarks.support.trust.photo_sets import SETS
from training.data.preprocessing import open_photo
from training.doctor.looks import look_at, thumbnails
from training.doctor.near_duplicates import find_near_duplicates
from training.features.extraction import Pass

_LEAST_RECALL, _LEAST_PRECISION = 0.95, 0.99


def measure_near_duplicates() -> dict[str, Any]:
    """Each copy of each photo among all photos: recall and precision of the pairs, by what was done to it."""
    recalls: dict[str, dict[str, float]] = {}
    hits = pairs = 0
    for name, fetch in SETS.items():
        found = read_features(fetch())
        run = shipped_pass(found.source)
        recalls[name] = {}
        for change, make in _CHANGES.items():
            true, all_pairs = _measure(found, run, make)
            recalls[name][change] = round(true / len(found.photos), 3)
            hits, pairs = hits + true, pairs + all_pairs
    recall = statistics.mean(value for each in recalls.values() for value in each.values())
    precision = hits / max(1, pairs)
    claims = [
        Claim("copies of photos, recall", round(recall, 3), least=_LEAST_RECALL),
        Claim("copies of photos, precision", round(precision, 4), least=_LEAST_PRECISION),
    ]
    return describe(claims, pairs=pairs, recall_by_change=recalls)


def _measure(
    found: PhotoFeatures, run: Pass, make: Callable[[Image.Image, random.Random], Image.Image]
) -> tuple[int, int]:
    """How many copies were found with their photo, and how many pairs in all."""
    draw = random.Random(0)  # noqa: S311 - to repeat it, not to keep a secret
    looks = [found.looks]
    for photo in found.photos:
        changed = make(open_photo(found.source.read(photo.name), 448), draw)
        looks.append(look_at([run.preprocessing.decode(_jpeg(changed, 85))]))
    count = len(found.photos)
    pairs = find_near_duplicates(thumbnails(torch.cat(looks)), torch.cat([found.labels, found.labels]))
    return sum(pair.second - pair.first == count for pair in pairs), len(pairs)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _resize(image: Image.Image, draw: random.Random) -> Image.Image:
    factor = draw.uniform(0.4, 0.8)
    return image.resize((round(image.width * factor), round(image.height * factor)))


def _crop(image: Image.Image, draw: random.Random) -> Image.Image:
    """A twentieth of width and height goes, from either side."""
    width, height = round(0.95 * image.width), round(0.95 * image.height)
    left, upper = draw.randint(0, image.width - width), draw.randint(0, image.height - height)
    return image.crop((left, upper, left + width, upper + height))


def _encode_again(image: Image.Image, draw: random.Random) -> Image.Image:
    return Image.open(io.BytesIO(_jpeg(image, draw.randint(30, 60)))).convert("RGB")


def _flip(image: Image.Image, _: random.Random) -> Image.Image:
    return ImageOps.mirror(image)


def _brighten(image: Image.Image, draw: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(draw.choice((0.7, 1.3)))


_CHANGES = {
    "resize": _resize,
    "crop of 5 %": _crop,
    "encode again": _encode_again,
    "flip": _flip,
    "brightness": _brighten,
}
