"""The features of a set's photos, by training's own reading, backbone and engine."""

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from contracts.training_job import CHOICES, NUMBERS
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from training.data.dataset import Photo, load_dataset
from training.data.photo_source import PhotoSource, ZipSource
from training.doctor.whole_drop import backbone_pass
from training.features.extraction import Part, Pass, compute_parts
from training.settings import HeadSettings, SplitConfig


@dataclass(frozen=True)
class PhotoFeatures:
    """A set's photos in one order, their class indices (N,), features (N, width) and looks (N, ...)."""

    source: PhotoSource
    classes: list[str]
    photos: list[Photo]
    labels: torch.Tensor
    features: torch.Tensor
    looks: torch.Tensor


@cache
def read_features(zip_file: Path) -> PhotoFeatures:
    """All photos of a zip of class folders, whatever their split; copies are left out.

    Several parts ask for the same set.
    """
    source = ZipSource(zip_file)
    run = shipped_pass(source)
    dataset = load_dataset(
        source,
        SplitConfig(NUMBERS["valid-share"].default, NUMBERS["test-share"].default, 0),
        threads=run.threads,
    )
    photos = sorted((photo for split in dataset.splits.values() for photo in split), key=lambda one: one.name)
    found = compute_parts(run, [Part(photos, with_looks=True)])[0]
    return PhotoFeatures(source, dataset.classes, found.photos, found.labels, found.outputs, found.looks)


def shipped_pass(source: PhotoSource) -> Pass:
    """What computes the shipped backbone's features of a source's photos."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder)
        (weights / f"{SHIPPED_BACKBONE}.pth").symlink_to(shipped_weights())
        return backbone_pass(source, weights, SHIPPED_BACKBONE)


def head_settings() -> HeadSettings:
    """Training's defaults."""
    number = {name: each.typed(each.default) for name, each in NUMBERS.items()}
    return HeadSettings(
        epochs=int(number["epochs"]),
        batch_size=int(number["batch-size"]),
        learning_rate=number["learning-rate"],
        warmup_epochs=int(number["warmup-epochs"]),
        weight_decay=number["weight-decay"],
        label_smoothing=number["label-smoothing"],
        class_weights=CHOICES["class-weights"][0],
        seed=int(number["seed"]),
    )
