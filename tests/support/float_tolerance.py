"""How far two float32 computations of one network may lie apart: the tolerances of all the tests.

Another batch size, number of threads, instruction set or library sums in another order, and BatchNorm may be
folded. Rounding differs then, and neither result is the right one. A sum of n products is off by about
u * sqrt(n) of its size, with u = 2**-24, and the errors of L layers add up to sqrt(L) of one layer's: Higham
and Mary, "A New Approach to Probabilistic Rounding Error Analysis" (2019), https://doi.org/10.1137/18M1226312.
Seen between SSE4.1, AVX2 and AVX-512, one thread and two, alone and in a batch, folded and not: 2.6e-5.
"""

import math
from collections.abc import Sequence
from typing import Any

import pytest

UNIT_ROUNDOFF = 2.0**-24
# EfficientNet-Lite0: 1 + 48 + 1 convolutions and the head; its longest sum is the head's.
_LAYERS, _LONGEST_SUM = 51, 1280
# Both results are rounded; and a head that weighs a few small features heavily enlarges what came before it.
_RESULTS, _SAFETY = 2, 8
NETWORK = _RESULTS * _SAFETY * UNIT_ROUNDOFF * math.sqrt(_LAYERS * _LONGEST_SUM)
"""Of a network's scores, as a share of the largest one: 2.4e-4."""

FEW_OPERATIONS = 32 * UNIT_ROUNDOFF
"""Relative, of a result of some dozen float32 operations that cancel nothing: 1.9e-6."""


BFLOAT16_LAYER = 4 * 2.0**-9
"""Of one layer's outputs in bfloat16, as a share of the largest: inputs, weights and outputs are rounded."""


def score_tolerance(scores: Sequence[float]) -> float:
    """Of each of one photo's scores: the largest counts, since the others are differences of such terms."""
    return NETWORK * max(map(abs, scores))


def near_scores(scores: Sequence[float]) -> Any:
    """Equal to what another computation of this photo's scores gives."""
    return pytest.approx(list(scores), rel=0, abs=score_tolerance(scores))


def probability_tolerance(scores: Sequence[float], temperature: float) -> float:
    """What score_tolerance makes of a probability.

    p = softmax(s / T) changes by p * (ds - sum(p * ds)) / T: at most 2 * p * (1 - p) * max|ds| / T.
    """
    return score_tolerance(scores) / (2 * temperature)


def softmax(scores: Sequence[float], temperature: float = 1.0) -> list[float]:
    """In float64: a reference in float32 would be off by u times the largest exponent."""
    highest = max(scores)
    weights = [math.exp((score - highest) / temperature) for score in scores]
    return [weight / math.fsum(weights) for weight in weights]


def lead(values: Sequence[float]) -> float:
    """By how much the first leads the second: a lead within the tolerance leaves open which is first."""
    first, second = sorted(values, reverse=True)[:2]
    return first - second
