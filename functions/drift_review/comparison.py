"""Whether, and how much, a day's answers differ from those for the held-out photos: two-sample tests.

Both samples are counts, and both are finite: a test against the held-out shares as if they were known exactly
would call every day of a small validation split drifted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# A day without any shift is called drifted at most so often; the statistics share it (Bonferroni).
FALSE_ALARMS_A_DAY = 0.001
STATISTIC_COUNT = 3
LEVEL = FALSE_ALARMS_A_DAY / STATISTIC_COUNT
# A difference that is certain, but smaller, is none that matters. Of ranks: what Vargha and Delaney call
# small, Journal of Educational and Behavioral Statistics 25 (2000) 101-132.
LEAST_RANK_EFFECT = 0.06
LEAST_SHARE_EFFECT = 0.05


@dataclass(frozen=True)
class Difference:
    """`effect` is signed; it counts from `least_effect` on, upwards and downwards."""

    p_value: float
    effect: float
    least_effect: float

    @property
    def drifted(self) -> bool:
        """Whether it is both certain and large enough."""
        return self.p_value < LEVEL and abs(self.effect) >= self.least_effect


def compare_bins(reference: Sequence[int], day: Sequence[int]) -> Difference:
    """Of counts by ordered bins, neither of them empty: the rank sum test, two-sided, for ties.

    Mann and Whitney, Annals of Mathematical Statistics 18 (1947) 50-60; the variance with ties is that of
    Lehmann, Nonparametrics (1975), 1.2. `effect` is how much likelier than 1/2 an answer of the day is in a
    higher bin than one of the reference, ties counted by half.
    """
    photos, answers = sum(reference), sum(day)
    both = photos + answers
    higher, below = 0.0, 0
    for there, here in zip(reference, day, strict=True):
        higher += here * (below + there / 2)
        below += there
    tied = sum((there + here) ** 3 - (there + here) for there, here in zip(reference, day, strict=True))
    variance = photos * answers / 12 * (both + 1 - tied / (both * (both - 1)))
    distance = higher - photos * answers / 2
    p_value = math.erfc(abs(distance) / math.sqrt(2 * variance)) if variance > 0 else 1.0
    return Difference(p_value, distance / (photos * answers), LEAST_RANK_EFFECT)


def compare_shares(reference: Sequence[int], day: Sequence[int]) -> Difference:
    """Of (known, unknown) counts: Fisher's exact test that the day has the larger share of unknown ones.

    Fisher, Statistical Methods for Research Workers (1934), 21.02: with both margins fixed the count is
    hypergeometric. `effect` is the difference of the shares.
    """
    photos, answers, unknown = sum(reference), sum(day), reference[1] + day[1]
    least = max(day[1], answers - (photos + answers - unknown))
    logarithms = [
        _log_choices(unknown, count) + _log_choices(photos + answers - unknown, answers - count)
        for count in range(least, min(unknown, answers) + 1)
    ]
    total = _log_choices(photos + answers, answers)
    p_value = min(1.0, math.fsum(math.exp(each - total) for each in logarithms))
    return Difference(p_value, day[1] / answers - reference[1] / photos, LEAST_SHARE_EFFECT)


def _log_choices(count: int, chosen: int) -> float:
    return math.lgamma(count + 1) - math.lgamma(chosen + 1) - math.lgamma(count - chosen + 1)
