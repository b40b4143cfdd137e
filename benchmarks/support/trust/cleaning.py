"""What the doctor's list does to the accuracy of a model that learns from it."""

import statistics
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.support.trust.claims import Claim, describe
from benchmarks.support.trust.features import PhotoFeatures, head_settings, read_features
from benchmarks.support.trust.label_errors import RATES, SEEDS, plant, score
from benchmarks.support.trust.photo_sets import SETS
from training.features.feature_file import FeatureFile
from training.models.head import HeadData, Labelled, train_head

_TEST_SHARE, _VALID_SHARE = 0.3, 0.15
# Standard errors of the mean difference that are noise.
_NOISE_ERRORS = 2


@dataclass(frozen=True)
class Split:
    """Rows of a set."""

    train: torch.Tensor
    valid: torch.Tensor
    test: torch.Tensor


def measure_cleaning() -> dict[str, Any]:
    """Test accuracy on true labels, learned from wrong ones and from what the doctor's list makes of them."""
    figures = {}
    for name, fetch in SETS.items():
        found = read_features(fetch())
        for rate in (0.0, *RATES):
            figures[f"{name}, {rate:.0%} wrong"] = _measure(found, rate)
    claims = [
        Claim(
            f"test accuracy gained by the list, {rate:.0%} of labels wrong",
            round(statistics.mean(figures[f"{name}, {rate:.0%} wrong"]["gain"] for name in SETS), 4),
            least=0.0,
        )
        for rate in RATES
    ]
    for name in SETS:
        clean = figures[f"{name}, 0% wrong"]
        what = f"the same on {name} as it is; the noise is {clean['noise']:.2g}"
        claims.append(Claim(what, clean["gain"], least=-clean["noise"]))
    return describe(claims, sets=figures, seeds=len(SEEDS))


def _measure(found: PhotoFeatures, rate: float) -> dict[str, float]:
    before, after = [], []
    for seed in SEEDS:
        split = _draw(len(found.labels), seed)
        labels = plant(found, rate, seed).labels
        known = torch.cat([split.train, split.valid]).sort().values
        scores = score(found.features[known], labels[known], len(found.classes))
        cleaned = labels.clone()
        cleaned[known] = torch.where(scores.wrong, scores.suggested, labels[known])
        before.append(_accuracy(found, split, labels))
        after.append(_accuracy(found, split, cleaned))
    gains = [new - old for new, old in zip(after, before, strict=True)]
    noise = _NOISE_ERRORS * statistics.stdev(gains) / len(gains) ** 0.5
    means = {"accuracy": before, "cleaned": after, "gain": gains, "noise": [noise]}
    return {key: round(statistics.mean(values), 4) for key, values in means.items()}


def _draw(count: int, seed: int) -> Split:
    rows = torch.randperm(count, generator=torch.Generator().manual_seed(1000 + seed))
    test, valid = round(_TEST_SHARE * count), round(_VALID_SHARE * count)
    return Split(rows[test + valid :], rows[test : test + valid], rows[:test])


def _accuracy(found: PhotoFeatures, split: Split, labels: torch.Tensor) -> float:
    """Of training's own head, on the test rows' true labels."""
    train, valid = (
        Labelled(FeatureFile.of(found.features[rows][:, None]), labels[rows])
        for rows in (split.train, split.valid)
    )
    layer = train_head(HeadData(train, valid, len(found.classes)), head_settings()).layer
    with torch.inference_mode():
        answers = layer(found.features[split.test]).argmax(1)
    return float((answers == found.labels[split.test]).float().mean())
