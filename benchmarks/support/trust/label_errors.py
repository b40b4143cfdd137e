"""Labels that are made wrong on purpose, and how well the doctor finds them."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.support.trust.claims import Claim, describe
from benchmarks.support.trust.features import PhotoFeatures, read_features
from benchmarks.support.trust.photo_sets import SETS
from training.doctor.feature_rows import FeatureRows
from training.doctor.label_errors import LabelScores, score_labels
from training.doctor.neighbours import find_neighbours
from training.doctor.out_of_fold import head_probabilities
from training.features.feature_file import FeatureFile

RATES = (0.05, 0.1)
SEEDS = range(10)
# On the mean of sets and rates.
_LEAST = {"average_precision": 0.92, "precision": 0.65, "recall": 0.75}


@dataclass(frozen=True)
class Planted:
    """Labels (N,) of which those where `wrong` (N,) is true are another class's."""

    labels: torch.Tensor
    wrong: torch.Tensor


def measure_label_errors() -> dict[str, Any]:
    """Average precision of the ranking; precision and recall at the doctor's own threshold."""
    figures: dict[str, Any] = {}
    for name, fetch in SETS.items():
        found = read_features(fetch())
        for rate in RATES:
            tries = [_measure(found, plant(found, rate, seed)) for seed in SEEDS]
            figures[f"{name}, {rate:.0%} wrong"] = {
                key: round(statistics.mean(each[key] for each in tries), 3) for key in _LEAST
            }
    means = {key: round(statistics.mean(each[key] for each in figures.values()), 3) for key in _LEAST}
    claims = [
        Claim(f"wrong labels, {key.replace('_', ' ')}", means[key], least=least)
        for key, least in _LEAST.items()
    ]
    return describe(claims, sets=figures, seeds=len(SEEDS))


def plant(found: PhotoFeatures, rate: float, seed: int) -> Planted:
    """Gives a share of the photos the label of another class, drawn at random."""
    random = torch.Generator().manual_seed(seed)
    count, class_count = len(found.labels), len(found.classes)
    rows = torch.randperm(count, generator=random)[: round(rate * count)]
    labels, wrong = found.labels.clone(), torch.zeros(count, dtype=torch.bool)
    shift = torch.randint(1, class_count, (len(rows),), generator=random)
    labels[rows], wrong[rows] = (labels[rows] + shift) % class_count, True
    return Planted(labels, wrong)


def score(features: torch.Tensor, labels: torch.Tensor, class_count: int) -> LabelScores:
    """What the doctor says of these labels."""
    rows = FeatureRows([FeatureFile.of(features[:, None])])
    votes = find_neighbours(rows, labels, class_count).votes
    return score_labels(head_probabilities(rows, labels, class_count, seed=0), votes, labels)


def _measure(found: PhotoFeatures, planted: Planted) -> dict[str, float]:
    scores = score(found.features, planted.labels, len(found.classes))
    hits = int((scores.wrong & planted.wrong).sum())
    return {
        "average_precision": statistics.mean(_precisions(scores.doubt, planted.wrong)),
        "precision": hits / max(1, int(scores.wrong.sum())),
        "recall": hits / int(planted.wrong.sum()),
    }


def _precisions(doubt: torch.Tensor, wrong: torch.Tensor) -> Iterator[float]:
    """The precision at the place of each wrong label, in the order of doubt."""
    hits = wrong[doubt.argsort(descending=True, stable=True)]
    places = hits.nonzero().flatten()
    return (float(number / (place + 1)) for number, place in enumerate(places.tolist(), 1))
