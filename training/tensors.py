"""Decoded photos as a tensor, for the passes that torch computes: on a GPU, and while it fine-tunes."""

import numpy as np
import torch

from preprocessing import Pixels, Preprocessing


def to_tensor(photos: list[Pixels], preprocessing: Preprocessing, device: torch.device) -> torch.Tensor:
    """Decoded photos as one normalised (N, 3, side, side) float tensor, channels last."""
    pixels = torch.from_numpy(np.stack(photos))
    if device.type == "cuda":
        pixels = pixels.pin_memory()  # the copy to the GPU does not hold up the other threads' batches
    pixels = pixels.to(device, non_blocking=True).to(torch.float32).permute(0, 3, 1, 2)
    mean, std = (
        torch.tensor(values, device=device).mul_(255)[:, None, None]
        for values in (preprocessing.mean, preprocessing.std)
    )
    return pixels.sub_(mean).div_(std)
