"""One pass of the frozen backbone over the photos; every core decodes and computes batches of its own."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from checkpoints import Checkpoints, Session
from dataset import Excluded, Photo
from feature_file import FeatureFile
from photo_source import PhotoSource
from precision import run_network
from preprocessing import PhotoError, Pixels, Preprocessing
from saved_features import Batch, SavedFeatures
from views import make_views

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
    session: Session = field(default_factory=Session)
    views: int = 1
    seed: int = 0

    def in_float32(self) -> "Pass":
        """The same pass at the precision that an endpoint serves with."""
        return replace(self, precision="float32")


@dataclass(frozen=True)
class Features:
    """Outputs (N, views, width) in float32 on disk, the photos of these rows, and the photos that failed."""

    file: FeatureFile
    photos: list[Photo]
    failures: list[Excluded]

    @property
    def labels(self) -> torch.Tensor:
        """Class indices (N,)."""
        return torch.tensor([photo.label for photo in self.photos], dtype=torch.long)

    @property
    def outputs(self) -> torch.Tensor:
        """The whole photos' outputs (N, width), in memory."""
        chunks = [chunk[:, 0] for chunk in self.file.chunks()]
        return torch.cat(chunks) if chunks else torch.empty(0, 0)


def compute_features(
    run: Pass,
    photos: list[Photo],
    on_progress: Callable[[int], None] = lambda _: None,
    saved: SavedFeatures | None = None,
) -> Features:
    """The network's output for each photo, in order; a photo that cannot be decoded becomes a failure.

    `on_progress` gets the number of photos just done; what `saved` holds already is not computed again.
    A batch is computed by one thread alone: cores never wait for each other, and the result does not depend
    on their number. Raises StoppedError, after saving, when the run is told to stop.
    """
    saved = saved or SavedFeatures(Checkpoints(None), "")
    batches = [photos[start : start + _BATCH] for start in range(0, len(photos), _BATCH)]
    features = Features(FeatureFile(), [], [])
    done = 0
    for batch in saved.load():
        _add(features, photos[done * _BATCH : (done + 1) * _BATCH], batch)
        on_progress(len(batches[done]))
        done += 1
    with _computed(run, batches[done:]) as results:
        try:
            for photos_of_batch, batch in zip(batches[done:], results, strict=True):
                _add(features, photos_of_batch, batch)
                saved.add(batch)
                on_progress(len(photos_of_batch))
                run.session.stop.check()
        finally:
            saved.flush()
    return features


def _add(features: Features, photos: list[Photo], batch: Batch) -> None:
    failed = {name for name, _ in batch.failures}
    features.file.append(batch.outputs)
    features.photos.extend(photo for photo in photos if photo.name not in failed)
    features.failures.extend(Excluded(name, reason) for name, reason in batch.failures)


@contextmanager
def _computed(run: Pass, batches: Sequence[list[Photo]]) -> Iterator[Iterator[Batch]]:
    """The batches' results in order; when the block ends early, what has not begun is not computed."""
    # Threads that are new to torch would each start as many threads as there are cores.
    pool = ThreadPoolExecutor(run.threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool.map(lambda batch: _compute_batch(run, batch), batches)
    finally:
        pool.shutdown(cancel_futures=True)


def _compute_batch(run: Pass, photos: list[Photo]) -> Batch:
    by_view: list[list[Pixels]] = [[] for _ in range(run.views)]
    failures = []
    for photo in photos:
        views = make_views(run.views, photo.sha256, run.seed)
        try:
            decoded = run.preprocessing.decode_views(run.source.read(photo.name), views)
        except PhotoError as error:
            failures.append((photo.name, str(error)))
            continue
        for pixels, view in zip(decoded, by_view, strict=True):
            view.append(pixels)
    if len(failures) == len(photos):
        return Batch(torch.empty(0, run.views, 0), failures)
    outputs = [
        run_network(run.network, run.preprocessing.batch(view, run.device), run.precision).cpu()
        for view in by_view
    ]
    return Batch(torch.stack(outputs, dim=1), failures)
