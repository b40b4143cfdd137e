"""What models that were trained on splits of a set of photos answer, for the set's own and for another's.

Head, subspaces, threshold and temperature are training's own, on what the float32 graph gives.
"""

import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch

from benchmarks.support.trust.features import head_settings
from benchmarks.support.trust.photo_sets import SETS
from contracts.training_job import NUMBERS
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from training.data.preprocessing import Pixels
from training.evaluation.calibration import fit_temperature
from training.export.embedding import embed, features, width_of
from training.export.export import export_network
from training.export.graph import Graph, Scores
from training.features.feature_file import FeatureFile
from training.models.backbones import BACKBONES, load_pretrained, observed_blocks
from training.models.head import HeadData, Labelled, train_head
from training.unknown.subspaces import Doubt, Rows, fit_detector
from training.unknown.threshold import conformal_threshold

SPLITS = 10
RATE, _VALID_SHARE, _TEST_SHARE = (
    NUMBERS[name].default for name in ("unknown-false-alarm-rate", "valid-share", "test-share")
)
_IMAGE_SIZE = int(NUMBERS["image-size"].default)

Labels = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class PhotoSet:
    """A set's photos, decoded, and their classes, vectors (`shallow` before `deep`) and features."""

    zip_file: Path
    photos: list[Pixels]
    labels: Labels
    rows: Rows
    shallow_width: int
    features: Scores


@dataclass(frozen=True)
class Answers:
    """Highest probabilities and unknown scores, (N,) each, in the order of a set's photos."""

    confidence: Rows
    scores: Rows


@dataclass(frozen=True)
class Split:
    """A model's answers for its own set, whose rows it was split into, and for the other set.

    `fresh` are the rows that the training was not given.
    """

    train: Labels
    valid: Labels
    test: Labels
    fresh: Labels
    threshold: float
    own: Answers
    others: Answers


@cache
def read_set(name: str) -> PhotoSet:
    """One of SETS, by the shipped backbone."""
    zip_file = SETS[name]()
    preprocessing = BACKBONES[SHIPPED_BACKBONE].preprocessing(_IMAGE_SIZE)
    with zipfile.ZipFile(zip_file) as archive:
        names = sorted(name for name in archive.namelist() if not name.endswith("/"))
        photos = [preprocessing.decode(archive.read(name)) for name in names]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / f"{SHIPPED_BACKBONE}.pth").symlink_to(shipped_weights())
        network = load_pretrained(SHIPPED_BACKBONE, Path(folder))
    model = export_network(network, preprocessing, partial(observed_blocks, name=SHIPPED_BACKBONE))
    shallow, deep = embed(model, features(model))
    graph = Graph(ov.Model([shallow, deep, features(model)], model.get_parameters()), 1)
    outputs = [graph.run_all([photo]) for photo in photos]
    shallows, deeps, found = (np.concatenate(part) for part in zip(*outputs, strict=True))
    classes = [Path(name).parent.name for name in names]
    labels = np.unique(classes, return_inverse=True)[1]
    rows = np.concatenate([shallows, deeps], 1).astype(np.float64)
    return PhotoSet(zip_file, photos, labels, rows, width_of(shallow), found)


def directions() -> list[tuple[str, str]]:
    """Of the two sets, which one is known and which one is asked of."""
    first, second = SETS
    return [(first, second), (second, first)]


@cache
def answer_splits(known: str, other: str, fresh: int = 0) -> list[Split]:
    """Those of SPLITS models; so many photos of the set are in no split."""
    return [_one_split(read_set(known), read_set(other), seed, fresh) for seed in range(SPLITS)]


def _one_split(known: PhotoSet, other: PhotoSet, seed: int, fresh_count: int) -> Split:
    fresh = np.random.default_rng(seed).permutation(len(known.labels))[:fresh_count]
    given = np.delete(np.arange(len(known.labels)), fresh)
    train, valid, test = (given[part] for part in _split(known.labels[given], seed))
    data = [
        Labelled(
            FeatureFile.of(torch.from_numpy(known.features[part])[:, None]),
            torch.from_numpy(known.labels[part]),
        )
        for part in (train, valid)
    ]
    head = train_head(HeadData(data[0], data[1], int(known.labels.max()) + 1), head_settings()).layer
    detector = fit_detector(known.rows[train], known.shallow_width)

    def logits(found: Scores) -> Rows:
        with torch.inference_mode():
            scores: Rows = head(torch.from_numpy(found)).double().numpy()
            return scores

    own, others = logits(known.features), logits(other.features)
    doubt = Doubt.of(own[valid])
    temperature = fit_temperature(torch.from_numpy(own[valid]), torch.from_numpy(known.labels[valid]))

    def answers(rows: Rows, scores: Rows) -> Answers:
        probabilities = torch.from_numpy(scores / temperature).softmax(1)
        return Answers(probabilities.max(1).values.numpy(), detector.scores(rows) + doubt.scores(scores))

    of_own = answers(known.rows, own)
    threshold = conformal_threshold(of_own.scores[valid], RATE)
    return Split(train, valid, test, fresh, threshold, of_own, answers(other.rows, others))


def _split(labels: Labels, seed: int) -> tuple[Labels, Labels, Labels]:
    """Rows to train on, to validate and to test, class by class, by training's own shares."""
    random = np.random.default_rng(seed)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label)).tolist()
        test, valid = round(_TEST_SHARE * len(rows)), round(_VALID_SHARE * len(rows))
        for part, chosen in zip(
            parts, (rows[test + valid :], rows[test : test + valid], rows[:test]), strict=True
        ):
            part.extend(chosen)
    train_rows, valid_rows, test_rows = (np.array(part) for part in parts)
    return train_rows, valid_rows, test_rows
