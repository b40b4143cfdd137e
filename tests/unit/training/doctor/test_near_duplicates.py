"""Copies of photos among others, by thumbnails."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from training.doctor import near_duplicates
from training.doctor.looks import SIDE, look_at, thumbnails
from training.doctor.near_duplicates import find_near_duplicates

COUNT = 12
PIXELS = 128


def make_scene(number: int) -> Image.Image:
    """Shapes of several sizes, no two alike."""
    random = np.random.default_rng(number)
    layers = [
        np.asarray(
            Image.fromarray(random.integers(0, 256, (side, side, 3), np.uint8)).resize(
                (2 * PIXELS, 2 * PIXELS), Image.Resampling.BICUBIC
            ),
            np.float32,
        )
        for side in (4, 8, 16)
    ]
    return Image.fromarray((sum(layers) / 3).astype(np.uint8))


def look(images: list[Image.Image]) -> torch.Tensor:
    squeezed = [np.asarray(image.resize((PIXELS, PIXELS), Image.Resampling.BILINEAR)) for image in images]
    return thumbnails(look_at(squeezed))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda image: image.resize((90, 90)),
    "cropped": lambda image: image.crop((6, 10, 250, 254)),
    "mirrored": ImageOps.mirror,
    "brighter": lambda image: image.point(lambda value: min(255, round(1.25 * value))),
    "darker": lambda image: image.point(lambda value: round(0.6 * value)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_copy_is_found_and_nothing_else(change: Callable[[Image.Image], Image.Image]) -> None:
    scenes = [make_scene(number) for number in range(COUNT)]
    copies = [change(scene) for scene in scenes[:5]]

    pairs = find_near_duplicates(look(scenes + copies), torch.zeros(COUNT + 5, dtype=torch.long))

    assert [(pair.first, pair.second) for pair in pairs] == [(row, COUNT + row) for row in range(5)]


def test_blank_photos_are_no_copies_of_each_other() -> None:
    blank = torch.full((4, SIDE, SIDE), 128.0)

    assert find_near_duplicates(blank, torch.zeros(4, dtype=torch.long)) == []


@pytest.mark.parametrize("count", [0, 1])
def test_a_photo_alone_is_in_no_pair(count: int) -> None:
    assert find_near_duplicates(look([make_scene(1)])[:count], torch.zeros(count, dtype=torch.long)) == []


def test_too_many_photos_are_compared_within_their_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "MAX_COMPARED", 3)
    seen = look([make_scene(1), make_scene(2), make_scene(1), make_scene(2)])

    pairs = find_near_duplicates(seen, torch.tensor([0, 0, 0, 1]))

    assert [(pair.first, pair.second) for pair in pairs] == [(0, 2)]
