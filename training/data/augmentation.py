"""Which parts of a photo the head learns from: the whole, its mirror image, then crops."""

import numpy as np

from training.data.preprocessing import WHOLE, View

# The share of a photo's area that a crop keeps at least; less loses the object that the label speaks of.
_MIN_AREA = 0.5
# Width over height of a crop, as a multiple of the photo's own: https://arxiv.org/abs/1409.4842, section 6.
_MAX_STRETCH = 4 / 3


def make_views(count: int, photo_sha256: str, seed: int) -> list[View]:
    """The first `count` views of a photo; the same for the same photo and seed."""
    random = np.random.default_rng([seed, int(photo_sha256[:16], 16)])
    crops = [_crop(random, mirrored=number % 2 == 1) for number in range(count - 2)]
    return [WHOLE, View(mirrored=True), *crops][:count]


def _crop(random: np.random.Generator, *, mirrored: bool) -> View:
    area = random.uniform(_MIN_AREA, 1.0)
    stretch = np.exp(random.uniform(-np.log(_MAX_STRETCH), np.log(_MAX_STRETCH)))
    width = min(1.0, float(np.sqrt(area * stretch)))
    height = min(1.0, area / width)
    left, upper = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
    return View((left, upper, left + width, upper + height), mirrored)
