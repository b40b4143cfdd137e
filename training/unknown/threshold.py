"""From which score on a photo is called unknown: a conformal quantile.

Split conformal prediction: Angelopoulos and Bates, https://arxiv.org/abs/2107.07511, section 1. Between two
scores it is interpolated, which meets the rate on average, where the next higher one would stay below it.
"""

import math

import numpy as np

from training.unknown.subspaces import Rows


def needed_photos(false_alarm_rate: float) -> int:
    """Fewest validation photos by which that rate can be promised."""
    return math.ceil(1 / false_alarm_rate - 1e-9) - 1


def conformal_threshold(scores: Rows, false_alarm_rate: float) -> float:
    """Photos like those scored are above it at that rate, over all choices of photos; at least
    `needed_photos` scores."""
    place = (len(scores) + 1) * (1 - false_alarm_rate) - 1
    return float(np.interp(place, np.arange(len(scores)), np.sort(scores)))
