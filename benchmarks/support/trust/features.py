"""The features of a set's photos, by training's own reading, backbone and engine."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from training.data.dataset import Photo, load_dataset
from training.data.photo_source import PhotoSource, ZipSource
from training.export.export import export_network
from training.export.graph import Graph
from training.features.extraction import Pass, compute_features
from training.job.cores import count_cores
from training.models.backbones import BACKBONES, load_pretrained, replace_head
from training.settings import SplitConfig

IMAGE_SIZE = 224


@dataclass(frozen=True)
class PhotoFeatures:
    """A set's photos in one order, their class indices (N,) and the backbone's features (N, width)."""

    source: PhotoSource
    classes: list[str]
    photos: list[Photo]
    labels: torch.Tensor
    features: torch.Tensor


def read_features(zip_file: Path) -> PhotoFeatures:
    """All photos of a zip of class folders, whatever their split; copies are left out."""
    source = ZipSource(zip_file)
    dataset = load_dataset(source, SplitConfig(0.15, 0.2, 0), threads=count_cores())
    photos = sorted((photo for split in dataset.splits.values() for photo in split), key=lambda one: one.name)
    found = compute_features(backbone_pass(source), photos)
    return PhotoFeatures(source, dataset.classes, found.photos, found.labels, found.outputs)


def backbone_pass(source: PhotoSource) -> Pass:
    """What computes the shipped backbone's features of a source's photos on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder)
        (weights / f"{SHIPPED_BACKBONE}.pth").symlink_to(shipped_weights())
        network = load_pretrained(SHIPPED_BACKBONE, weights)
    replace_head(network, SHIPPED_BACKBONE, nn.Identity())
    preprocessing = BACKBONES[SHIPPED_BACKBONE].preprocessing(IMAGE_SIZE)
    cores = count_cores()
    compute = Graph(export_network(network, preprocessing), cores).run
    return Pass(compute, preprocessing, source, cores)
