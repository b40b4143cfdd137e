"""Photos of one set are told from those of the other, which a model was trained on.

Ten splits of each set: head, subspaces and threshold are training's own, on what the float32 graph gives. One
training a set shows what the endpoint then serves, and what an answer costs more.
"""

import statistics
import tempfile
import time
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch

from benchmarks.support.demo_model import train_model
from benchmarks.support.spread import shorten
from benchmarks.support.trust.claims import Claim, describe
from benchmarks.support.trust.features import head_settings
from benchmarks.support.trust.photo_sets import SETS
from contracts.training_job import NUMBERS
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from training.data.preprocessing import Pixels
from training.export.embedding import embed, features, width_of
from training.export.export import export_network
from training.export.graph import Graph, Scores
from training.export.served_model import ServedModel, load_served_model
from training.features.feature_file import FeatureFile
from training.models.backbones import BACKBONES, load_pretrained, observed_blocks
from training.models.head import HeadData, Labelled, train_head
from training.unknown.detection import auroc
from training.unknown.subspaces import Doubt, Rows, fit_detector
from training.unknown.threshold import conformal_threshold

_SPLITS = 10
_RATE, _VALID_SHARE, _TEST_SHARE = (
    NUMBERS[name].default for name in ("unknown-false-alarm-rate", "valid-share", "test-share")
)
_IMAGE_SIZE = int(NUMBERS["image-size"].default)
_ROUNDS = 400

Labels = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class _PhotoSet:
    """A set's photos, decoded, and their classes, vectors (`shallow` before `deep`) and features."""

    zip_file: Path
    photos: list[Pixels]
    labels: Labels
    rows: Rows
    shallow_width: int
    features: Scores


def measure_unknown() -> dict[str, Any]:
    """AUROC, false alarms and detection in both directions, and what an answer costs more."""
    sets = {name: _read(zip_file()) for name, zip_file in SETS.items()}
    pairs = {
        f"{known}, asked of {other}": (sets[known], sets[other]) for known, other in _directions(list(sets))
    }
    over_splits = {name: _over_splits(*pair) for name, pair in pairs.items()}
    served, costs = {}, []
    for name, (known, other) in pairs.items():
        with tempfile.TemporaryDirectory() as folder:
            model = train_model(Path(folder) / "trained", known.zip_file)
            served[name] = _served(_load(model), other.photos)
            costs.append(_latency_cost(model, known.photos[0]))
    rates = [each["false_alarm_rate"] for each in over_splits.values()]
    claims = [
        Claim("AUROC, mean of both directions", _mean(over_splits.values(), "auroc"), least=0.94),
        Claim("false-alarm rate, furthest from 0.05", max(abs(rate - _RATE) for rate in rates), most=0.02),
        Claim("latency added to an answer, share", max(costs), most=0.02),
    ]
    return describe(claims, splits=_SPLITS, over_splits=over_splits, served=served, latency_costs=costs)


def _directions(names: list[str]) -> list[tuple[str, str]]:
    first, second = names
    return [(first, second), (second, first)]


def _read(zip_file: Path) -> _PhotoSet:
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
    return _PhotoSet(zip_file, photos, labels, rows, width_of(shallow), found)


def _over_splits(known: _PhotoSet, other: _PhotoSet) -> dict[str, float]:
    rounds = [_one_split(known, other, seed) for seed in range(_SPLITS)]
    return {name: shorten(_mean(rounds, name)) for name in rounds[0]}


def _one_split(known: _PhotoSet, other: _PhotoSet, seed: int) -> dict[str, float]:
    train, valid, test = _split(known.labels, seed)
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

    doubt = Doubt.of(logits(known.features[valid]))
    own = detector.scores(known.rows) + doubt.scores(logits(known.features))
    others = detector.scores(other.rows) + doubt.scores(logits(other.features))
    threshold = conformal_threshold(own[valid], _RATE)
    return {
        "auroc": auroc(own[test], others),
        "false_alarm_rate": float((own[test] > threshold).mean()),
        "detected": float((others > threshold).mean()),
    }


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


def _load(model: Path) -> ServedModel:
    return load_served_model(lambda name: (model / name).read_bytes(), 1, one_photo=True)


def _served(served: ServedModel, photos: list[Pixels]) -> dict[str, Any]:
    """What the endpoint would say of the other set's photos."""
    scores = [
        float(unknown[0])
        for _, unknown in map(served.answers, [[photo] for photo in photos])
        if unknown is not None
    ]
    called = [served.unknown(score)["unknown"] for score in scores]
    return {"precision": served.description.precision, "detected": shorten(statistics.mean(called))}


def _latency_cost(model: Path, photo: Pixels) -> float:
    """The share by which an answer takes longer than one of the same graph without the second output.

    The two in alternation; of each, the tenth of the passes that other programs disturbed least.
    """
    graph = _load(model).graph
    without = graph.model.clone()
    without.remove_result(without.get_results()[1])
    competitors = [graph, Graph(without, 1)]
    passes: list[list[float]] = [[], []]
    for number in range(_ROUNDS):
        for place in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            competitors[place].run([photo])
            passes[place].append(time.perf_counter() - began)
    with_score, plain = (statistics.mean(sorted(each)[: _ROUNDS // 10]) for each in passes)
    return shorten(with_score / plain - 1)


def _mean(rounds: Any, name: str) -> float:
    return float(statistics.mean(each[name] for each in rounds))
