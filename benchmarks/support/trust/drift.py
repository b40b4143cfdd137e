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
from benchmarks.support.trust.splits import Answers, Split, answer_splits, directions
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
class _World:
    """A live release: its reference, and what it answers for usual photos and for those of the shift."""

    reference: DriftReference
    threshold: float
    usual: Answers
    foreign: Answers

    def has_alarm(self, answers: int, share: float, random: np.random.Generator) -> bool:
        """Whether a day of so many answers, this share of them foreign, is called drifted."""
        foreign = int(random.binomial(answers, share))
        usual_rows = random.integers(len(self.usual.scores), size=answers - foreign)
        foreign_rows = random.integers(len(self.foreign.scores), size=foreign)
        both = [
            np.concatenate([getattr(self.usual, name)[usual_rows], getattr(self.foreign, name)[foreign_rows]])
            for name in ("confidence", "scores")
        ]
        return any(each["drifted"] for each in compare(self.reference.to_json(), self._count(*both)))

    def _count(self, confidence: Any, scores: Any) -> Counted:
        """As endpoint and inference function do, answer by answer."""
        places = [self.reference.places(*each) for each in zip(confidence, scores, strict=True)]
        bins = {
            name: np.bincount([each[name] for each in places], minlength=BINS).tolist() for name in STATISTICS
        }
        unknown = int((scores > self.threshold).sum())
        return Counted(bins, (len(scores) - unknown, unknown))


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
    confidence, scores = np.array(answered).T
    return _World(reference, split.threshold, Answers(confidence, scores), split.others)


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
