"""Whether a served model can tell unknown photos: what is learned for it, and what it is worth."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.export.served_model import UnknownRule
from training.unknown.subspaces import MIN_ROWS, Detector, Rows, refit
from training.unknown.threshold import conformal_threshold, needed_photos

# Photos of the training that the subspaces are fitted to; each takes as long as an answer.
MOST_PHOTOS = 512
# Classes that are left out in turn to see how well what was never seen is told.
MOST_LEFT_OUT = 10
# A class with fewer validation photos says nothing.
_MIN_LEFT_OUT_PHOTOS = 2


@dataclass(frozen=True)
class LeftOut:
    """How well the photos of a class are told from the others by a detector that never saw it."""

    label: str
    auroc: float
    detected: float


@dataclass(frozen=True)
class UnknownReport:
    """The `unknown` part of metrics.json. `reason` says why there is no threshold; all rates are shares.

    `left_out` is of validation photos: each class's, by subspaces and a threshold that know the others
    only; the head, which knows it, has no say there.
    """

    false_alarm_rate: float
    reason: str | None
    threshold: float | None = None
    valid_photos: int = 0
    test_false_alarm_rate: float | None = None
    left_out: list[LeftOut] = field(default_factory=list)
    left_out_auroc: float | None = None
    left_out_detected: float | None = None

    def rule(self) -> UnknownRule | None:
        """What the artefact has of it."""
        return None if self.threshold is None else UnknownRule(self.threshold, self.false_alarm_rate)

    def with_left_out(self, left_out: list[LeftOut]) -> "UnknownReport":
        """With these classes, and their means where there are any."""
        if not left_out:
            return self
        aurocs, detected = ([getattr(each, name) for each in left_out] for name in ("auroc", "detected"))
        return replace(
            self,
            left_out=left_out,
            left_out_auroc=float(np.mean(aurocs)),
            left_out_detected=float(np.mean(detected)),
        )

    def tested(self, scores: NDArray[np.float32] | None) -> "UnknownReport":
        """With the share of the test photos that are called unknown, from their scores (N,)."""
        if scores is None or self.threshold is None:
            return self
        return replace(self, test_false_alarm_rate=float((scores > self.threshold).mean()))

    def figures(self) -> dict[str, Any]:
        """As metrics.json has them."""
        return asdict(self)


@dataclass(frozen=True)
class Embedded:
    """Photos' vectors (N, width), `shallow` before `deep`, and their class indices (N,)."""

    rows: Rows
    labels: np.ndarray[Any, np.dtype[np.int64]]


def why_not(false_alarm_rate: float, train_photos: int, valid_photos: int) -> str | None:
    """Why no photo can be called unknown; None where some can."""
    if not false_alarm_rate:
        return "it is switched off"
    if train_photos < MIN_ROWS:
        return (
            f"{train_photos} photos to train on are too few to tell what they have in common; "
            f"{MIN_ROWS} are enough"
        )
    needed = needed_photos(false_alarm_rate)
    if valid_photos < needed:
        return (
            f"{valid_photos} validation photos are too few for a false-alarm rate of {false_alarm_rate:.1%}; "
            f"{needed} are enough"
        )
    return None


def leave_classes_out(
    detector: Detector, train: Embedded, valid: Embedded, classes: Sequence[str], rate: float
) -> list[LeftOut]:
    """For up to MOST_LEFT_OUT classes, the largest first among the validation photos."""
    counts = np.bincount(valid.labels, minlength=len(classes))
    largest = np.argsort(-counts, kind="stable")[:MOST_LEFT_OUT]
    found = (_leave_out(detector, train, valid, label, rate) for label in largest.tolist())
    return [
        LeftOut(classes[label], *figures) for label, figures in zip(largest, found, strict=True) if figures
    ]


def auroc(known: Rows, unknown: Rows) -> float:
    """The probability that an unknown photo has the higher score, ties counted by half."""
    order = np.sort(known)
    below = np.searchsorted(order, unknown, "left") + np.searchsorted(order, unknown, "right")
    return float(below.mean() / (2 * len(known)))


def _leave_out(
    detector: Detector, train: Embedded, valid: Embedded, label: int, rate: float
) -> tuple[float, float] | None:
    rows, others = train.rows[train.labels != label], valid.rows[valid.labels != label]
    own = valid.rows[valid.labels == label]
    if len(own) < _MIN_LEFT_OUT_PHOTOS or why_not(rate, len(rows), len(others)):
        return None
    without = refit(detector, rows)
    known, unknown = without.scores(others), without.scores(own)
    return auroc(known, unknown), float((unknown > conformal_threshold(known, rate)).mean())
