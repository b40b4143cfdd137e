"""Noise that is the same in each run; Pillow's effect_noise goes on from whatever test drew some before."""

import numpy as np
from PIL import Image


def noise(size: tuple[int, int], sigma: float, seed: int = 0) -> Image.Image:
    """A grey image (mode L) of normal noise around the middle."""
    values = np.random.default_rng(seed).normal(128, sigma, size[::-1]).clip(0, 255)
    return Image.fromarray(values.astype(np.uint8))
