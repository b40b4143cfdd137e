"""Whether features are computed in bfloat16: measured on the spot, never guessed by the processor's name."""

import time
from collections.abc import Callable

import numpy as np

from training.data.preprocessing import Pixels
from training.features.extraction import Compute

PRECISIONS = ("float32", "bfloat16")
# Below this bfloat16 saves no more than seconds.
MEASURE_FROM_IMAGES = 1000
_BATCH = 4
_TRIES = 3
# A clear win only: a machine near the line must not choose differently from run to run.
_MIN_GAIN = 1.3


def choose_precision(compute_at: Callable[[str], Compute], image_size: int, image_count: int) -> str:
    """`bfloat16` where what it gives for that precision is clearly faster on this machine, else `float32`."""
    if image_count < MEASURE_FROM_IMAGES:
        return "float32"
    photos = [np.zeros((image_size, image_size, 3), np.uint8)] * _BATCH
    best_s = {precision: _best_s(compute_at(precision), photos) for precision in PRECISIONS}
    return "bfloat16" if best_s["float32"] > _MIN_GAIN * best_s["bfloat16"] else "float32"


def _best_s(compute: Compute, photos: list[Pixels]) -> float:
    """The first pass pays for setting up the kernels, the others do not."""
    seconds = []
    for _ in range(_TRIES):
        started = time.perf_counter()
        compute(photos)
        seconds.append(time.perf_counter() - started)
    return min(seconds)
