"""What torch computes on a GPU, in float32 or bfloat16."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.data.preprocessing import Pixels, Preprocessing

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


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


@dataclass(frozen=True)
class TorchNetwork:
    """A network on its device, and the precision that it computes at."""

    network: nn.Module
    device: torch.device
    precision: str
    preprocessing: Preprocessing

    def run(self, photos: list[Pixels]) -> NDArray[np.float32]:
        """Its output in float32 (N, width) for decoded photos."""
        images = to_tensor(photos, self.preprocessing, self.device)
        outputs: NDArray[np.float32] = run_network(self.network, images, self.precision).cpu().numpy()
        return outputs


def run_network(network: nn.Module, images: torch.Tensor, precision: str) -> torch.Tensor:
    """The network's output in float32, computed at `precision`."""
    reduced = precision != "float32"
    with torch.inference_mode(), torch.autocast(images.device.type, _TYPES[precision], enabled=reduced):
        output: torch.Tensor = network(images)
        return output.float()
