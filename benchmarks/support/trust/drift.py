"""A shift on a day, and a month without any, as the daily review judges them: on real photos.

A model learns from a part of a set. Its reference, the bins and the comparison are the project's own; the
usual traffic is of FRESH other photos of the set, and a shift brings photos of the other set. Each day has a
draw of its own of which photos are fresh and which were the test's: a month of different photos would need
more than there are. Where a day has more answers than there are photos, photos come again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.support.spread import shorten
from benchmarks.support.trust.claims import Claim, describe
from benchmarks.support.trust.splits import Answers, Labels, Split, answer_splits, directions
from contracts.drift import BINS, STATISTICS
from functions.drift_review.answers import Answers as Counted
from functions.drift_review.comparison import FALSE_ALARMS_A_DAY
from functions.drift_review.review import compare
from training.export.drift_reference import DriftReference

# Of each direction.
SEEDS = 200
MONTH_DAYS = 30
# All different: a day of as many answers is one of different photos.
FRESH = 40
ANSWERS_A_DAY = (FRESH, 200, 1000)
SHARES = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class _Day:
    """A release with its reference, and the rows of the photos that it was not given."""

    split: Split
    reference: DriftReference
    fresh: Labels

    @classmethod
    def drawn(cls, split: Split, random: np.random.Generator) -> "_Day":
        """Of the photos that neither head nor threshold has seen, which are fresh is drawn."""
        unseen = random.permutation(np.concatenate([split.test, split.fresh]))
        held_out = np.concatenate([split.valid, unseen[FRESH:]])
        own = split.own
        reference = DriftReference.of(own.confidence[held_out], own.scores[held_out], split.threshold)
        return cls(split, reference, unseen[:FRESH])

    def has_alarm(self, answers: int, share: float, random: np.random.Generator) -> bool:
        """Whether so many answers, this share of them for photos of the other set, are called drifted."""
        foreign = int(random.binomial(answers, share))
        all_foreign = np.arange(len(self.split.others.scores))
        counted = self._count(
            _draw(self.fresh, answers - foreign, random), _draw(all_foreign, foreign, random)
        )
        return any(each["drifted"] for each in compare(self.reference.to_json(), counted))

    def _count(self, usual: Labels, foreign: Labels) -> Counted:
        """As endpoint and inference function do."""
        own, others = self.split.own, self.split.others
        drawn = Answers(
            np.concatenate([own.confidence[usual], others.confidence[foreign]]),
            np.concatenate([own.scores[usual], others.scores[foreign]]),
        )
        both = zip(drawn.confidence.tolist(), drawn.scores.tolist(), strict=True)
        places = [self.reference.places(confidence, score) for confidence, score in both]
        bins = {
            name: np.bincount([each[name] for each in places], minlength=BINS).tolist() for name in STATISTICS
        }
        unknown = int((drawn.scores > self.split.threshold).sum())
        return Counted(bins, (len(places) - unknown, unknown))


def measure_drift() -> dict[str, Any]:
    """Shares of the days with a shift, and of the months without any, that have an alarm."""
    shifts: dict[str, dict[str, dict[str, float]]] = {}
    months: dict[str, float] = {}
    for names in directions():
        title, splits = f"{names[0]}, shifted to {names[1]}", answer_splits(*names, fresh=FRESH)
        months[title] = _months(splits)
        shifts[title] = {
            str(answers): {f"{share:.0%}": _shifts(splits, answers, share) for share in SHARES}
            for answers in ANSWERS_A_DAY
        }

    claims = _claims(shifts, months)
    return describe(claims, seeds=SEEDS, days_with_an_alarm=shifts, months_with_an_alarm=months)


def _claims(shifts: dict[str, dict[str, dict[str, float]]], months: dict[str, float]) -> list[Claim]:
    """Of the direction in which it is harder."""

    def least(answers: int, share: float) -> float:
        return min(each[str(answers)][f"{share:.0%}"] for each in shifts.values())

    return [
        Claim("days of 40 answers, all of them shifted: alarm", least(40, 1.0), least=0.95),
        Claim("days of 1,000 answers, half of them shifted: alarm", least(1000, 0.5), least=0.95),
        Claim(
            "months of days of 40 answers without a shift: an alarm",
            max(months.values()),
            most=FALSE_ALARMS_A_DAY * MONTH_DAYS,
        ),
    ]


def _shifts(splits: Sequence[Split], answers: int, share: float) -> float:
    alarms = 0
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        alarms += _Day.drawn(splits[seed % len(splits)], random).has_alarm(answers, share, random)
    return shorten(alarms / SEEDS)


def _months(splits: Sequence[Split]) -> float:
    alarmed = 0
    for seed in range(SEEDS):
        random, split = np.random.default_rng(seed), splits[seed % len(splits)]
        days = (_Day.drawn(split, random) for _ in range(MONTH_DAYS))
        alarmed += any(day.has_alarm(FRESH, 0.0, random) for day in days)
    return shorten(alarmed / SEEDS)


def _draw(rows: Labels, count: int, random: np.random.Generator) -> Labels:
    """Different ones while there are enough."""
    drawn: Labels = random.choice(rows, count, replace=count > len(rows))
    return drawn
