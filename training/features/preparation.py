"""What comes before the head: the backbone made ready, its features, and what an earlier run left of them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import openvino as ov
import torch
from torch import nn

from contracts.training_job import weights_file
from training.data.dataset import Dataset, Photo
from training.data.photo_source import PhotoSource
from training.data.sampling import pick_evenly
from training.export.embedding import observe
from training.export.export import export_network
from training.export.graph import Graph
from training.features.extraction import Compute, Embed, Features, Part, Pass, compute_parts
from training.features.precision import choose_precision
from training.features.saved_features import SavedFeatures
from training.job import progress
from training.job.checkpoints import Session
from training.job.cores import count_cores
from training.job.distributed import ProcessGroup
from training.models.backbones import BACKBONES, observed_blocks, replace_head
from training.models.torch_network import TorchNetwork
from training.settings import Settings
from training.unknown.detection import MOST_PHOTOS, why_not

# Photos that torch computes at once; the engine is faster with fewer.
_TORCH_BATCH = 16
# Of what a checkpoint holds: another one is not gone on with.
_SAVED_FORMAT = 3


@dataclass(frozen=True)
class PreparedBackbone:
    """The backbone without its own head, its device, the precision of its features, and what computes them.

    On a CPU that is the engine, and `graph` the backbone as it came; on a GPU it is torch, and `graph` None.
    `valid_compute` is for validation photos: on the engine always in float32, as the served graph's scores
    and those of a fine-tuned network are. `features_width` is None where rows have no embedding behind the
    features; they have one on the engine where unknown photos are to be told.
    """

    network: nn.Module
    device: torch.device
    precision: str
    graph: ov.Model | None
    run: Pass
    valid_compute: Compute
    features_width: int | None = None

    def in_torch(self) -> Pass:
        """A pass of the network as it is now, in float32."""
        exact = TorchNetwork(self.network, self.device, "float32", self.run.preprocessing)
        return replace(self.run, compute=exact.run, at_once=_TORCH_BATCH)


def prepare_backbone(
    settings: Settings,
    network: nn.Module,
    dataset: Dataset,
    source: PhotoSource,
    session: Session,
) -> PreparedBackbone:
    """The backbone laid out and placed where it runs fastest.

    The precision is that of the interrupted run, where there is one to go on with; the first process
    decides for all.
    """
    group = session.group
    device = _own_device(group)
    replace_head(network, settings.backbone, nn.Identity())
    # channels_last is an overload that torch's stubs lack.
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    preprocessing = BACKBONES[settings.backbone].preprocessing(settings.image_size)
    graph = (
        None
        if device.type == "cuda"
        else export_network(network, preprocessing, partial(observed_blocks, name=settings.backbone))
    )

    observed = (
        observe(graph, ends_in_features=True)
        if graph is not None and _tells_unknown(settings, dataset)
        else None
    )

    def compute_at(precision: str) -> Compute:
        if graph is None:
            return TorchNetwork(network, device, precision, preprocessing).run
        return Graph(observed.model if observed else graph, group.cores, precision=precision).run

    precision, resumed = _agree_on_precision(settings, compute_at, dataset, device, session)
    progress.say_phase(
        "prepare",
        device=device.type,
        precision=precision,
        process=f"{group.ranks.rank + 1}/{group.ranks.world_size}",
        threads=group.cores,
        resumed=resumed,
    )
    run = Pass(
        compute_at(precision),
        preprocessing,
        source,
        count_cores(),
        session,
        seed=settings.head.seed,
        at_once=_TORCH_BATCH if graph is None else Pass.at_once,
    )
    exact = run.compute if graph is None or precision == "float32" else compute_at("float32")
    width = observed.output_width if observed else None
    return PreparedBackbone(network, device, precision, graph, run, exact, width)


def _tells_unknown(settings: Settings, dataset: Dataset) -> bool:
    train, valid = (len(dataset.splits[split]) for split in ("train", "valid"))
    return why_not(settings.unknown_false_alarm_rate, train, valid) is None


def _agree_on_precision(
    settings: Settings,
    compute_at: Callable[[str], Compute],
    dataset: Dataset,
    device: torch.device,
    session: Session,
) -> tuple[str, bool]:
    """The precision, and whether it is an interrupted run's."""
    checkpoints, group = session.checkpoints, session.group
    compared = checkpoints.enabled or group.ranks.world_size > 1
    fingerprint = _fingerprint(settings, dataset, device) if compared else ""
    group.assert_same_config(fingerprint)
    interrupted = group.broadcast(checkpoints.open(fingerprint))
    precision = interrupted.get("precision", settings.precision)
    if precision == "auto" and group.is_rank_zero:
        precision = choose_precision(compute_at, settings.image_size, dataset.image_count)
    precision = group.broadcast(precision)
    if not interrupted:
        checkpoints.describe_run(fingerprint, precision=precision)
    return precision, bool(interrupted)


def compute_all(prepared: PreparedBackbone, dataset: Dataset, views: int) -> dict[str, Features]:
    """Features of the train and valid splits: `views` of each photo of the first, else the whole photo.

    Of several processes, only the first one has them.
    """
    checkpoints, group = prepared.run.session.checkpoints, prepared.run.session.group
    parts = {
        "train": Part(
            dataset.splits["train"],
            views,
            SavedFeatures(checkpoints, "train"),
            with_looks=True,
            embed=_embed(prepared, _subspace_photos(prepared, dataset)),
        ),
        "valid": Part(
            dataset.splits["valid"],
            1,
            SavedFeatures(checkpoints, "valid"),
            prepared.valid_compute,
            with_looks=True,
            embed=_embed(prepared, dataset.splits["valid"]),
        ),
    }
    shared = replace(prepared.run, threads=group.cores)
    on_progress = count_photos("features", sum(len(part.photos) for part in parts.values()))
    found = compute_parts(shared, list(parts.values()), on_progress, group)
    dataset.drop_unreadable(failure for part in found for failure in part.failures)
    return dict(zip(parts, found, strict=True))


def _embed(prepared: PreparedBackbone, photos: list[Photo]) -> Embed | None:
    width = prepared.features_width
    return None if width is None else Embed(width, frozenset(photo.name for photo in photos))


def _subspace_photos(prepared: PreparedBackbone, dataset: Dataset) -> list[Photo]:
    """Those that unknown photos are told by; none where the pass is in less than float32."""
    if prepared.precision != "float32":
        return []
    return pick_evenly(dataset.splits["train"], MOST_PHOTOS, prepared.run.seed)


def count_photos(phase: str, total: int) -> Callable[[int], None]:
    """Says in the log how many photos of the phase are done, each time that some more are."""
    done = 0

    def on_progress(count: int) -> None:
        nonlocal done
        done += count
        progress.say_images(phase, done, total)

    return on_progress


def _own_device(group: ProcessGroup) -> torch.device:
    """The CPU, or where there are GPUs one of them: processes on one machine share them out."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", group.ranks.local_rank % torch.cuda.device_count())


def _fingerprint(settings: Settings, dataset: Dataset, device: torch.device) -> str:
    """Equal for two runs that would compute the same: settings, photos, weights, versions, kind of device."""
    weights = (settings.weights / weights_file(settings.backbone)).read_bytes()
    parts = {
        "format": _SAVED_FORMAT,
        "hyperparameters": settings.hyperparameters(),
        "precision": settings.precision,
        "splits": {
            split: [(photo.name, photo.label, photo.sha256) for photo in photos]
            for split, photos in dataset.splits.items()
        },
        "weights": hashlib.sha256(weights).hexdigest(),
        "torch": torch.__version__,
        "openvino": ov.__version__,
        "device": device.type,
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
