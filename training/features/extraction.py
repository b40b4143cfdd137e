"""One pass of a network over the photos; every core decodes and computes batches of its own."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.augmentation import make_views
from training.data.dataset import Photo
from training.data.photo_hashes import Excluded
from training.data.photo_source import PhotoSource
from training.data.preprocessing import PhotoError, Pixels, Preprocessing
from training.doctor.looks import look_at
from training.features.feature_file import Batch, FeatureFile
from training.features.saved_features import SavedFeatures
from training.job.checkpoints import Checkpoints, Session
from training.job.distributed import ProcessGroup

# Enough to use a core well; more costs memory and leaves cores idle at the end.
_BATCH = 16
# Batches for each thread that are computed before their turn: one that is slow does not hold up the others.
_AHEAD = 4


# Decoded photos to their outputs (N, width); several threads call it at the same time.
Compute = Callable[[list[Pixels]], NDArray[np.float32]]


@dataclass(frozen=True)
class Pass:
    """What one pass needs: what computes, its images and where they lie, and the number of threads.

    `at_once` is how many photos it computes together best: on the engine few, on a GPU many.
    """

    compute: Compute
    preprocessing: Preprocessing
    source: PhotoSource
    threads: int
    session: Session = field(default_factory=Session)
    seed: int = 0
    at_once: int = 4

    def on_engine(self, compute: Compute) -> "Pass":
        """The same pass by a graph."""
        return replace(self, compute=compute, at_once=Pass.at_once)


@dataclass(frozen=True)
class Embed:
    """Behind `output_width` numbers each computed row has an embedding; it is kept of these photos."""

    output_width: int
    names: Collection[str]


@dataclass(frozen=True)
class Part:
    """Photos that are computed alike, in so many views; `saved` is known already.

    `compute` is None where the pass's own serves; `with_looks` asks for the photos' looks as well; `embed` is
    None where rows have no embedding.
    """

    photos: list[Photo]
    views: int = 1
    saved: SavedFeatures = field(default_factory=lambda: SavedFeatures(Checkpoints(None), ""))
    compute: Compute | None = None
    with_looks: bool = False
    embed: Embed | None = None


@dataclass(frozen=True)
class Features:
    """Outputs (N, views, width) in float32 on disk, the photos of these rows, and the photos that failed.

    `look_batches` has the looks (n, LOOK_WIDTH) of the photos, batch by batch, where they were asked for;
    `embedded` the embeddings (M, 1, width) of some photos.
    """

    file: FeatureFile
    photos: list[Photo]
    failures: list[Excluded]
    look_batches: list[torch.Tensor] = field(default_factory=list)
    embedded: FeatureFile = field(default_factory=FeatureFile)
    embedded_photos: list[Photo] = field(default_factory=list)

    @property
    def looks(self) -> torch.Tensor:
        """The looks (N, LOOK_WIDTH) of all photos."""
        return torch.cat(self.look_batches) if self.look_batches else look_at([])

    def without(self, names: Collection[str]) -> "Features":
        """The same without the photos of these names."""
        kept, photos = _without(self.photos, names)
        kept_embedded, embedded_photos = _without(self.embedded_photos, names)
        return Features(
            self.file.keep(kept),
            photos,
            self.failures,
            [self.looks[kept]],
            self.embedded.keep(kept_embedded),
            embedded_photos,
        )

    @property
    def labels(self) -> torch.Tensor:
        """Class indices (N,)."""
        return torch.tensor([photo.label for photo in self.photos], dtype=torch.long)

    @property
    def outputs(self) -> torch.Tensor:
        """The whole photos' outputs (N, width), in memory."""
        chunks = [chunk[:, 0] for chunk in self.file.chunks()]
        return torch.cat(chunks) if chunks else torch.empty(0, 0)


def _without(photos: list[Photo], names: Collection[str]) -> tuple[torch.Tensor, list[Photo]]:
    """Which photos (N,) do not have these names, and these photos."""
    kept = torch.tensor([photo.name not in names for photo in photos], dtype=torch.bool)
    return kept, [photo for photo in photos if photo.name not in names]


def compute_features(
    run: Pass, photos: list[Photo], on_progress: Callable[[int], None] = lambda _: None
) -> Features:
    """The network's output for each photo, in order; a photo that cannot be decoded becomes a failure."""
    return compute_parts(run, [Part(photos)], on_progress)[0]


def compute_batch(run: Pass, photos: list[Pixels]) -> torch.Tensor:
    """Outputs (N, width) of decoded photos."""
    starts = range(0, len(photos), run.at_once)
    outputs = [run.compute(photos[start : start + run.at_once]) for start in starts]
    return torch.from_numpy(np.concatenate(outputs))


def compute_parts(
    run: Pass,
    parts: Sequence[Part],
    on_progress: Callable[[int], None] = lambda _: None,
    group: ProcessGroup | None = None,
) -> list[Features]:
    """The features of several parts in one pass: no core waits at the end of a part for the others.

    `on_progress` gets the number of photos just done; what a part has saved is not computed again. A batch
    is computed by one thread alone: cores never wait for each other, and the result does not depend on
    their number, nor on that of the processes. Of several processes, the first one has all features in the
    end and the others none. Raises StoppedError, after saving, when the run is told to stop.
    """
    group = group or ProcessGroup()
    found = [Features(FeatureFile(), [], []) for _ in parts]
    batches = [_in_batches(part.photos) for part in parts]
    done = [_take_saved(*part, on_progress) for part in zip(parts, batches, found, strict=True)]
    work = [
        (number, photos)
        for number, count in enumerate(group.broadcast(done))
        for photos in batches[number][count:]
    ]
    own = group.shard([(parts[number], photos) for number, photos in work])
    with _computed(run, own) as own_results:
        if not group.is_rank_zero:
            group.hand_over(own_results)
            return found
        try:
            results = group.collect(own_results, len(work))
            for (number, photos), batch in zip(work, results, strict=True):
                _add(found[number], parts[number], photos, batch)
                parts[number].saved.add(batch)
                on_progress(len(photos))
                run.session.stop.check()
        finally:
            for part in parts:
                part.saved.flush()
    return found


def _in_batches(photos: list[Photo]) -> list[list[Photo]]:
    return [photos[start : start + _BATCH] for start in range(0, len(photos), _BATCH)]


def _take_saved(
    part: Part, batches: list[list[Photo]], features: Features, on_progress: Callable[[int], None]
) -> int:
    """How many batches an earlier run has left."""
    count = 0
    for batch, photos in zip(part.saved.load(), batches, strict=False):
        _add(features, part, photos, batch)
        on_progress(len(photos))
        count += 1
    return count


def _add(features: Features, part: Part, photos: list[Photo], batch: Batch) -> None:
    _, decoded = _without(photos, {name for name, _ in batch.failures})
    features.file.append(batch.outputs)
    features.photos.extend(decoded)
    if part.embed:
        features.embedded.append(batch.embedded[:, None])
        features.embedded_photos.extend(photo for photo in decoded if photo.name in part.embed.names)
    features.failures.extend(Excluded(name, reason) for name, reason in batch.failures)
    if batch.looks.numel():
        features.look_batches.append(batch.looks)


@contextmanager
def _computed(run: Pass, work: Sequence[tuple[Part, list[Photo]]]) -> Iterator[Iterator[Batch]]:
    """The batches' results in order; when the block ends early, what has not begun is not computed."""
    # Threads that are new to torch would each start as many threads as there are cores.
    pool = ThreadPoolExecutor(run.threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield _in_turn(pool, run, work)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_turn(
    pool: ThreadPoolExecutor, run: Pass, work: Sequence[tuple[Part, list[Photo]]]
) -> Iterator[Batch]:
    """No more than some batches ahead of whoever takes them: features must not pile up in memory."""
    waiting: deque[Future[Batch]] = deque()
    for item in work:
        waiting.append(pool.submit(_compute_batch, run, *item))
        if len(waiting) > _AHEAD * run.threads:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _compute_batch(run: Pass, part: Part, photos: list[Photo]) -> Batch:
    by_view: list[list[Pixels]] = [[] for _ in range(part.views)]
    failures = []
    for photo in photos:
        views = make_views(part.views, photo.sha256, run.seed)
        try:
            decoded = run.preprocessing.decode_views(run.source.read(photo.name), views)
        except PhotoError as error:
            failures.append((photo.name, str(error)))
            continue
        for pixels, view in zip(decoded, by_view, strict=True):
            view.append(pixels)
    if len(failures) == len(photos):
        return Batch(torch.empty(0, part.views, 0), failures)
    run = replace(run, compute=part.compute or run.compute)
    outputs = torch.stack([compute_batch(run, view) for view in by_view], dim=1)
    looks = look_at(by_view[0] if part.with_looks else [])
    if part.embed is None:
        return Batch(outputs, failures, looks)
    _, read = _without(photos, {name for name, _ in failures})
    kept = torch.tensor([photo.name in part.embed.names for photo in read])
    width = part.embed.output_width
    # Contiguous: a checkpoint would hold what lies behind as well.
    return Batch(outputs[..., :width].contiguous(), failures, looks, outputs[kept, 0, width:])
