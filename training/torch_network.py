"""What torch computes on a GPU, and whether in bfloat16: measured on the spot, never guessed."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from preprocessing import Pixels, Preprocessing

# Below this the measurement costs more than bfloat16 can save.
MEASURE_FROM_IMAGES = 150
_BATCH = 4
_TRIES = 2
# A clear win only: a machine near the line must not choose differently from run to run.
_MIN_GAIN = 1.15

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


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


def choose_precision(network: nn.Module, image_size: int, image_count: int, device: torch.device) -> str:
    """`bfloat16` where the network runs clearly faster under autocast on this machine, else `float32`."""
    if image_count < MEASURE_FROM_IMAGES:
        return "float32"
    images = torch.zeros(_BATCH, 3, image_size, image_size, device=device)
    images = images.to(memory_format=torch.channels_last)
    # The first pass of each pays for setting up its kernels, the second does not.
    best = {name: min(_seconds(network, images, name) for _ in range(_TRIES)) for name in PRECISIONS}
    return "bfloat16" if best["float32"] > _MIN_GAIN * best["bfloat16"] else "float32"


def run_network(network: nn.Module, images: torch.Tensor, precision: str) -> torch.Tensor:
    """The network's output in float32, computed at `precision`."""
    reduced = precision != "float32"
    with torch.inference_mode(), torch.autocast(images.device.type, PRECISIONS[precision], enabled=reduced):
        output: torch.Tensor = network(images)
        return output.float()


def _seconds(network: nn.Module, images: torch.Tensor, precision: str) -> float:
    started = time.perf_counter()
    # Copying to the host waits for a GPU to finish.
    run_network(network, images, precision).cpu()
    return time.perf_counter() - started
