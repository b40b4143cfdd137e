"""What comes before the head: the backbone made ready, its features, and what an earlier run left of them."""

import hashlib
import json
import os

import torch
from torch import nn

import progress
from backbones import BACKBONES, replace_head
from checkpoints import Session
from classifier import pick_device
from dataset import SPLITS, Dataset
from features import Features, Part, Pass, compute_parts
from photo_source import PhotoSource
from precision import choose_precision
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

    The precision is that of the interrupted run, where there is one to go on with.
    """
    device = pick_device()
    replace_head(network, settings.backbone, nn.Identity())
    # channels_last is an overload that torch's stubs lack.
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    checkpoints = session.checkpoints
    fingerprint = _fingerprint(settings, dataset, device) if checkpoints.enabled else ""
    interrupted = checkpoints.open(fingerprint)
    precision = interrupted.get("precision", settings.precision)
    if precision == "auto":
        precision = choose_precision(network, settings.image_size, dataset.image_count, device)
    if not interrupted:
        checkpoints.describe_run(fingerprint, precision=precision)
    progress.say_phase(
        "prepare", device=device.type, precision=precision, threads=cpu_count(), resumed=bool(interrupted)
    )
    preprocessing = BACKBONES[settings.backbone].preprocessing(settings.image_size)
    seed = settings.head.seed
    return Pass(network, device, precision, preprocessing, source, cpu_count(), session, seed=seed)


def compute_all(run: Pass, dataset: Dataset, views: int) -> dict[str, Features]:
    """Features by split; `views` of each photo for the training split, the whole photo for the others.

    Those of the test are always in float32: the test tries what will be served.
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
    features = dict(zip(SPLITS, compute_parts(run, parts, on_progress), strict=True))
    dataset.drop_unreadable(failure for part in features.values() for failure in part.failures)
    return features


def cpu_count() -> int:
    """The CPUs that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    return len(affinity(0)) if affinity else os.cpu_count() or 1


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
