"""What comes before the head: the backbone made ready, its features, and what an earlier run left of them."""

import hashlib
import json
from dataclasses import replace

import torch
from torch import nn

import progress
from backbones import BACKBONES, replace_head
from checkpoints import Session
from classifier import pick_device
from cores import count_cores
from dataset import SPLITS, Dataset
from features import Features, Part, Pass, compute_parts
from photo_source import PhotoSource
from precision import choose_precision
from processes import Processes
from saved_features import SavedFeatures
from settings import Settings


def prepare_pass(
    settings: Settings,
    network: nn.Module,
    dataset: Dataset,
    source: PhotoSource,
    session: Session,
) -> Pass:
    """The backbone without its own head, laid out and placed where it runs fastest.

    The precision is that of the interrupted run, where there is one to go on with; the first process
    decides for all.
    """
    processes = session.processes
    device = _own_device(processes)
    replace_head(network, settings.backbone, nn.Identity())
    # channels_last is an overload that torch's stubs lack.
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    precision, resumed = _agree_on_precision(settings, network, dataset, device, session)
    progress.say_phase(
        "prepare",
        device=device.type,
        precision=precision,
        process=f"{processes.place.rank + 1}/{processes.place.count}",
        threads=processes.cores,
        resumed=resumed,
    )
    preprocessing = BACKBONES[settings.backbone].preprocessing(settings.image_size)
    seed = settings.head.seed
    return Pass(network, device, precision, preprocessing, source, count_cores(), session, seed=seed)


def _agree_on_precision(
    settings: Settings, network: nn.Module, dataset: Dataset, device: torch.device, session: Session
) -> tuple[str, bool]:
    """The precision, and whether it is an interrupted run's."""
    checkpoints, processes = session.checkpoints, session.processes
    compared = checkpoints.enabled or processes.place.count > 1
    fingerprint = _fingerprint(settings, dataset, device) if compared else ""
    processes.check_alike(fingerprint)
    interrupted = processes.from_first(checkpoints.open(fingerprint))
    precision = interrupted.get("precision", settings.precision)
    if precision == "auto" and processes.first:
        precision = choose_precision(network, settings.image_size, dataset.image_count, device)
    precision = processes.from_first(precision)
    if not interrupted:
        checkpoints.describe_run(fingerprint, precision=precision)
    return precision, bool(interrupted)


def compute_all(run: Pass, dataset: Dataset, views: int) -> dict[str, Features]:
    """Features by split; `views` of each photo for the training split, the whole photo for the others.

    Those of the test are always in float32: the test tries what will be served. Of several processes, only
    the first one has them.
    """
    total, done = dataset.image_count, 0

    def on_progress(count: int) -> None:
        nonlocal done
        done += count
        progress.say_features(done, total)

    precisions = {"train": run.precision, "valid": run.precision, "test": "float32"}
    parts = [
        Part(
            dataset.splits[split],
            precisions[split],
            views if split == "train" else 1,
            SavedFeatures(run.session.checkpoints, split),
        )
        for split in SPLITS
    ]
    processes = run.session.processes
    shared = replace(run, threads=processes.cores)
    features = dict(zip(SPLITS, compute_parts(shared, parts, on_progress, processes), strict=True))
    dataset.drop_unreadable(failure for part in features.values() for failure in part.failures)
    return features


def _own_device(processes: Processes) -> torch.device:
    """Processes on one machine share its GPUs out."""
    device = pick_device()
    if device.type != "cuda":
        return device
    return torch.device("cuda", processes.place.local_rank % torch.cuda.device_count())


def _fingerprint(settings: Settings, dataset: Dataset, device: torch.device) -> str:
    """Equal for two runs that would compute the same: settings, photos, weights, torch, kind of device."""
    weights = (settings.weights / f"{settings.backbone}.pth").read_bytes()
    parts = {
        "hyperparameters": settings.hyperparameters(),
        "precision": settings.precision,
        "splits": {
            split: [(photo.name, photo.label, photo.sha256) for photo in photos]
            for split, photos in dataset.splits.items()
        },
        "weights": hashlib.sha256(weights).hexdigest(),
        "torch": torch.__version__,
        "device": device.type,
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
