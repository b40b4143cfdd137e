"""One pass of the frozen backbone over the photos; every core decodes and computes batches of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch
from torch import nn

from dataset import Excluded, Photo
from photo_source import PhotoSource
from precision import run_network
from preprocessing import PhotoError, Pixels, Preprocessing

# Enough to use a core well; more costs memory and leaves cores idle at the end.
_BATCH = 16


@dataclass(frozen=True)
class Pass:
    """What one pass needs: the network, its device and precision, its images, and the number of threads."""

    network: nn.Module
    device: torch.device
    precision: str
    preprocessing: Preprocessing
    source: PhotoSource
    threads: int

    def in_float32(self) -> "Pass":
        """The same pass at the precision that an endpoint serves with."""
        return replace(self, precision="float32")


@dataclass(frozen=True)
class Features:
    """Outputs (N, width) in float32 on the CPU, the photos of these rows, and the photos that failed."""

    outputs: torch.Tensor
    photos: list[Photo]
    failures: list[Excluded]

    @property
    def labels(self) -> torch.Tensor:
        """Class indices (N,)."""
        return torch.tensor([photo.label for photo in self.photos], dtype=torch.long)


def compute_features(
    run: Pass, photos: list[Photo], on_progress: Callable[[int], None] = lambda _: None
) -> Features:
    """The network's output for each photo, in order; a photo that cannot be decoded becomes a failure.

    `on_progress` gets the number of photos just done. A batch is computed by one thread alone: cores never
    wait for each other, and the result does not depend on their number.
    """
    batches = [photos[start : start + _BATCH] for start in range(0, len(photos), _BATCH)]
    parts = []
    # Threads that are new to torch would each start as many threads as there are cores.
    with ThreadPoolExecutor(run.threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        results = pool.map(lambda batch: _compute_batch(run, batch), batches)
        for batch, part in zip(batches, results, strict=True):
            parts.append(part)
            on_progress(len(batch))
    computed = [part.outputs for part in parts if part.photos]
    return Features(
        outputs=torch.cat(computed) if computed else torch.empty(0, 0),
        photos=[photo for part in parts for photo in part.photos],
        failures=[failure for part in parts for failure in part.failures],
    )


def _compute_batch(run: Pass, batch: list[Photo]) -> Features:
    pixels: list[Pixels] = []
    photos, failures = [], []
    for photo in batch:
        try:
            pixels.append(run.preprocessing.decode(run.source.read(photo.name)))
            photos.append(photo)
        except PhotoError as error:
            failures.append(Excluded(photo.name, str(error)))
    if not photos:
        return Features(torch.empty(0, 0), photos, failures)
    images = run.preprocessing.batch(pixels, run.device)
    return Features(run_network(run.network, images, run.precision).cpu(), photos, failures)
