"""Whether the model's probabilities mean what they say, and the one number that makes them do so.

Temperature scaling and the expected calibration error are those of Guo et al., "On Calibration of Modern
Neural Networks": https://arxiv.org/abs/1706.04599.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch.nn import functional

BINS = 15
# A validation split without an error would make every answer certain.
MIN_TEMPERATURE, MAX_TEMPERATURE = 0.2, 5.0
_STEPS = 60


@dataclass(frozen=True)
class Bin:
    """Photos whose likeliest class has a probability above `low`, up to `high`; means are 0 without any."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def fit_temperature(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """The T for which softmax(logits / T) has the lowest cross-entropy on (N, classes) and (N,).

    The cross-entropy is convex in 1/T, so a golden-section search over its range finds the one minimum.
    """
    logits = logits.double()

    def loss(inverse: float) -> float:
        return functional.cross_entropy(logits * inverse, labels).item()

    low, high = 1 / MAX_TEMPERATURE, 1 / MIN_TEMPERATURE
    golden = (5**0.5 - 1) / 2
    for _ in range(_STEPS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return 2 / (low + high)


def measure_calibration(logits: torch.Tensor, labels: torch.Tensor, temperature: float) -> dict[str, Any]:
    """The `calibration` part of metrics.json, for the test's scores (N, classes) and class indices (N,)."""
    before, after = (_bins(scores, labels) for scores in (logits, logits / temperature))
    return {
        "temperature": temperature,
        "error_before": _error(before),
        "error_after": _error(after),
        "loss_after": functional.cross_entropy(logits / temperature, labels).item(),
        "bins_before": [asdict(part) for part in before],
        "bins_after": [asdict(part) for part in after],
    }


def _bins(logits: torch.Tensor, labels: torch.Tensor) -> list[Bin]:
    confidence, predicted = logits.double().softmax(1).max(1)
    right = (predicted == labels).double()
    number = (confidence * BINS).ceil().long().sub(1).clamp(0, BINS - 1)
    bins = []
    for index in range(BINS):
        inside = number == index
        count = int(inside.sum())
        means = [float(values[inside].mean()) if count else 0.0 for values in (confidence, right)]
        bins.append(Bin(index / BINS, (index + 1) / BINS, count, *means))
    return bins


def _error(bins: list[Bin]) -> float:
    """Mean distance of confidence and accuracy, each bin weighted by its photos."""
    total = sum(part.count for part in bins)
    return sum(part.count * abs(part.confidence - part.accuracy) for part in bins) / total
