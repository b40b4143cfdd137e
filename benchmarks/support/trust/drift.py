"""A week of traffic with a shift on its fifth day, and a month without any, as the daily review judges them.

Reference, bins and comparison are the project's own. The traffic is of real photos: those that a model was
trained on are answered by models that held them out, and what the shift brings is of the other set. Photos
come again within a day where it has more answers than there are photos: 150 of food, 109 of stamps.
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
SHIFT_DAY, WEEK_DAYS, MONTH_DAYS = 5, 7, 30
ANSWERS_A_DAY = (50, 200, 1000)
SHARES = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class _Counts:
    """Of each photo of a set the bins of its answer, by statistic, and whether it is called unknown: (N,)."""

    places: dict[str, Labels]
    unknown: Labels

    @classmethod
    def of(cls, answers: Answers, reference: DriftReference, threshold: float) -> "_Counts":
        """As endpoint and inference function count them."""
        both = zip(answers.confidence.tolist(), answers.scores.tolist(), strict=True)
        found = [reference.places(confidence, score) for confidence, score in both]
        places = {name: np.array([each[name] for each in found]) for name in STATISTICS}
        return cls(places, (answers.scores > threshold).astype(np.int64))

    def drawn(self, count: int, random: np.random.Generator) -> tuple[dict[str, Labels], Labels]:
        """So many of the photos, each drawn from all of them."""
        rows = random.integers(len(self.unknown), size=count)
        return {name: places[rows] for name, places in self.places.items()}, self.unknown[rows]


@dataclass(frozen=True)
class _World:
    """A live release: its reference, and how its answers for usual and for shifted photos count."""

    reference: dict[str, Any]
    usual: _Counts
    foreign: _Counts

    def has_alarm(self, answers: int, share: float, random: np.random.Generator) -> bool:
        """Whether a day of so many answers, this share of them foreign, is called drifted."""
        foreign = int(random.binomial(answers, share))
        drawn = [self.usual.drawn(answers - foreign, random), self.foreign.drawn(foreign, random)]
        bins = {
            name: np.bincount(np.concatenate([places[name] for places, _ in drawn]), minlength=BINS).tolist()
            for name in STATISTICS
        }
        unknown = sum(int(called.sum()) for _, called in drawn)
        counted = Counted(bins, (answers - unknown, unknown))
        return any(each["drifted"] for each in compare(self.reference, counted))


def measure_drift() -> dict[str, Any]:
    """Shares of the weeks whose first alarm is on the day of the shift, and of the months with an alarm."""
    weeks, months = {}, {}
    for names in directions():
        title, worlds = f"{names[0]}, shifted to {names[1]}", _worlds(answer_splits(*names))
        months[title] = {str(answers): _months(worlds, answers) for answers in ANSWERS_A_DAY}
        weeks[title] = {
            str(answers): {f"{share:.0%}": _weeks(worlds, answers, share) for share in SHARES}
            for answers in ANSWERS_A_DAY
        }
    expected = FALSE_ALARMS_A_DAY * MONTH_DAYS
    shifted = {(50, 1.0): "all", (200, 0.5): "half", (1000, 0.5): "half"}
    claims = [
        *(
            Claim(
                f"weeks of {answers:,} answers a day, {what} shifted from day 5: first alarm on day 5",
                _least(weeks, answers, share),
                least=0.95,
            )
            for (answers, share), what in shifted.items()
        ),
        *(
            Claim(
                f"months of {answers:,} answers a day without a shift: with an alarm",
                max(each[str(answers)] for each in months.values()),
                most=expected,
            )
            for answers in ANSWERS_A_DAY
        ),
    ]
    return describe(claims, seeds=SEEDS, first_alarm_on_day_5=weeks, months_with_an_alarm=months)


def _worlds(splits: Sequence[Split]) -> list[_World]:
    return [_world(splits, number) for number in range(len(splits))]


def _world(splits: Sequence[Split], number: int) -> _World:
    split = splits[number]
    held_out = np.concatenate([split.valid, split.test])
    reference = DriftReference.of(split.own.confidence[held_out], split.own.scores[held_out], split.threshold)
    others = [splits[(number + step) % len(splits)] for step in range(1, len(splits))]
    answered = []
    for row in split.train.tolist():
        by = next((each for each in others if row not in set(each.train.tolist())), None)
        if by is not None:
            answered.append((by.own.confidence[row], by.own.scores[row]))
    usual = Answers(*np.array(answered).T)
    return _World(
        reference.to_json(),
        _Counts.of(usual, reference, split.threshold),
        _Counts.of(split.others, reference, split.threshold),
    )


def _weeks(worlds: Sequence[_World], answers: int, share: float) -> float:
    hits = 0
    for seed in range(SEEDS):
        random, world = np.random.default_rng(seed), worlds[seed % len(worlds)]
        days = range(1, WEEK_DAYS + 1)
        alarms = [day for day in days if world.has_alarm(answers, share * (day >= SHIFT_DAY), random)]
        hits += alarms[:1] == [SHIFT_DAY]
    return shorten(hits / SEEDS)


def _months(worlds: Sequence[_World], answers: int) -> float:
    alarmed = 0
    for seed in range(SEEDS):
        random, world = np.random.default_rng(seed), worlds[seed % len(worlds)]
        alarmed += any(world.has_alarm(answers, 0.0, random) for _ in range(MONTH_DAYS))
    return shorten(alarmed / SEEDS)


def _least(weeks: dict[str, dict[str, dict[str, float]]], answers: int, share: float) -> float:
    return min(each[str(answers)][f"{share:.0%}"] for each in weeks.values())
