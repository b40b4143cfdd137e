"""What a photo looks like, in little: a grey thumbnail and how much fine detail it has."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.preprocessing import Pixels

# Pixels a side; an image size is a multiple of 32.
SIDE = 32
# The thumbnail's rows, then the detail.
LOOK_WIDTH = SIDE * SIDE + 1


def look_at(photos: Sequence[Pixels]) -> torch.Tensor:
    """Looks (N, LOOK_WIDTH) of decoded photos, in float16: a thumbnail's greys are whole numbers to 255."""
    if not photos:
        return torch.empty(0, LOOK_WIDTH, dtype=torch.float16)
    return torch.from_numpy(np.stack([_look_at(pixels) for pixels in photos]))


def thumbnails(looks: torch.Tensor) -> torch.Tensor:
    """Greys (N, SIDE, SIDE) from 0 to 255, in float32."""
    return looks[:, :-1].float().reshape(-1, SIDE, SIDE)


def details(looks: torch.Tensor) -> torch.Tensor:
    """How much fine detail (N,): the logarithm of the variance of the Laplacian.

    Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000.
    """
    return looks[:, -1].float()


def _look_at(pixels: Pixels) -> NDArray[np.float16]:
    # Luma by ITU-R BT.601, in 256ths.
    parts = pixels.astype(np.uint16)
    grey = ((77 * parts[..., 0] + 150 * parts[..., 1] + 29 * parts[..., 2]) >> 8).astype(np.int16)
    block = grey.shape[0] // SIDE
    small = grey.reshape(SIDE, block, SIDE, block).mean((1, 3)).round()
    inner = grey[1:-1, 1:-1]
    laplacian = 4 * inner - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    detail = np.log1p(laplacian.astype(np.float32).var())
    return np.append(small.ravel(), detail).astype(np.float16)
