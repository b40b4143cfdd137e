"""The doctor on a drop that no training has seen yet: the features of all its photos, the test's too."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from contracts.training_job import NUMBERS
from training.data.dataset import load_dataset
from training.data.photo_source import FolderSource, PhotoSource, ZipSource
from training.doctor.document import DoctorReport, write_report
from training.doctor.examine import examine
from training.doctor.findings import Examined, ExaminedPhoto
from training.export.export import export_network
from training.export.graph import Graph
from training.features.extraction import Part, Pass, compute_parts
from training.features.saved_features import SavedFeatures
from training.job.checkpoints import Checkpoints
from training.job.cores import count_cores
from training.models.backbones import BACKBONES, load_pretrained, replace_head
from training.settings import SplitConfig

RUN_ID = "before-a-run"


def examine_drop(
    drop: Path, weights: Path, backbone: str, on_progress: Callable[[int, int], None] = lambda *_: None
) -> DoctorReport:
    """What is probably wrong with a zip or a folder, cut into splits as training would by default.

    `weights` is the folder of the backbone's; `on_progress` gets the photos done and their number.
    Raises DatasetError when the drop could not be trained on.
    """
    source = FolderSource(drop) if drop.is_dir() else ZipSource(drop)
    seed = int(NUMBERS["seed"].default)
    config = SplitConfig(NUMBERS["valid-share"].default, NUMBERS["test-share"].default, seed)
    run = backbone_pass(source, weights, backbone)
    dataset = load_dataset(source, config, threads=run.threads)
    done = 0

    def count(photos: int) -> None:
        nonlocal done
        done += photos
        on_progress(done, dataset.image_count)

    parts = [
        Part(photos, 1, SavedFeatures(Checkpoints(None), split), with_looks=True)
        for split, photos in dataset.splits.items()
    ]
    found = dict(zip(dataset.splits, compute_parts(run, parts, count), strict=True))
    examined = Examined(
        dataset.classes,
        [
            ExaminedPhoto(photo.name, photo.label, split, photo.group)
            for split, features in found.items()
            for photo in features.photos
        ],
        torch.cat([features.looks for features in found.values()]),
        [features.file for features in found.values()],
    )
    findings = examine(examined, seed)
    return write_report(examined, findings, RUN_ID, source)


def backbone_pass(source: PhotoSource, weights: Path, backbone: str) -> Pass:
    """What computes a backbone's features of a source's photos, on the engine, in float32."""
    network = load_pretrained(backbone, weights)
    replace_head(network, backbone, nn.Identity())
    image_size = BACKBONES[backbone].only_image_size or int(NUMBERS["image-size"].default)
    preprocessing = BACKBONES[backbone].preprocessing(image_size)
    cores = count_cores()
    return Pass(Graph(export_network(network, preprocessing), cores).run, preprocessing, source, cores)
