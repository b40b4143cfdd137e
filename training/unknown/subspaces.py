"""The subspace in which training photos lie, and how far outside of it another photo is.

The residual of a PCA is that of Wang et al., "ViM: Out-Of-Distribution with Virtual-logit Matching",
https://arxiv.org/abs/2203.10807; here it is taken at two depths, and the two are added.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

MOST_AXES = 64
# With fewer photos, the rest of five folds has no subspace to speak of.
MIN_ROWS = 15
_FOLDS = 5
_FLAT = 1e-3


@dataclass(frozen=True)
class Subspace:
    """A subspace of vectors (width,): what they are shifted and scaled by, and its axes (width, count).

    `mean` and `deviation` are those of the residuals of photos that it was not fitted to.
    """

    shift: Rows
    scale: Rows
    axes: Rows
    mean: float = 0.0
    deviation: float = 1.0

    def residuals(self, rows: Rows) -> Rows:
        """How far outside of the subspace each row (N, width) lies: (N,)."""
        moved = (rows - self.shift) * self.scale
        inside = moved @ self.axes
        outside: Rows = np.sqrt(np.maximum((moved**2).sum(1) - (inside**2).sum(1), 0))
        return outside

    def scores(self, rows: Rows) -> Rows:
        """The residuals in deviations from those of the training photos."""
        return (self.residuals(rows) - self.mean) / self.deviation


@dataclass(frozen=True)
class Doubt:
    """Mean and deviation of the negative highest score of the head, for photos that it did not learn from.

    The maximum logit of Hendrycks et al., https://arxiv.org/abs/1911.11132: low where nothing fits.
    """

    mean: float
    deviation: float
    weight: float = 0.25

    @classmethod
    def of(cls, scores: Rows) -> "Doubt":
        """From the head's scores (N, classes) of such photos."""
        highest = -scores.max(1)
        return cls(float(highest.mean()), max(float(highest.std()), 1e-9))

    def scores(self, scores: Rows) -> Rows:
        """What is added to the detector's score of photos with these scores (N, classes)."""
        added: Rows = self.weight * (-scores.max(1) - self.mean) / self.deviation
        return added


@dataclass(frozen=True)
class Detector:
    """A subspace for `shallow`, one for `deep`; a row has both, one behind the other."""

    shallow: Subspace
    deep: Subspace

    def scores(self, rows: Rows) -> Rows:
        """How unlike the training photos each row (N, width) is: 0 for an average one, in deviations."""
        width = len(self.shallow.shift)
        both: Rows = self.shallow.scores(rows[:, :width]) + self.deep.scores(rows[:, width:])
        return both / 2


def fit_detector(rows: Rows, shallow_width: int) -> Detector:
    """From rows (N, width) of training photos, at least MIN_ROWS of them."""
    shallow, deep = rows[:, :shallow_width], rows[:, shallow_width:]
    return Detector(_fit_scored(shallow, standardise=True), _fit_scored(deep, standardise=False))


def refit(detector: Detector, rows: Rows) -> Detector:
    """The same from other rows, with the deviations that the detector has: a tenth of the work."""
    width = len(detector.shallow.shift)
    parts = []
    for part, own, standardise in (
        (detector.shallow, rows[:, :width], True),
        (detector.deep, rows[:, width:], False),
    ):
        fitted = _fit(own, standardise=standardise)
        parts.append(replace(fitted, mean=part.mean, deviation=part.deviation))
    return Detector(*parts)


def _fit_scored(rows: Rows, *, standardise: bool) -> Subspace:
    """Mean and deviation are of the residuals of each fold to the subspace of the others."""
    order = np.random.default_rng(0).permutation(len(rows))
    outside = np.concatenate(
        [
            _fit(np.delete(rows, order[fold::_FOLDS], 0), standardise=standardise).residuals(
                rows[order[fold::_FOLDS]]
            )
            for fold in range(_FOLDS)
        ]
    )
    fitted = _fit(rows, standardise=standardise)
    return replace(fitted, mean=float(outside.mean()), deviation=max(float(outside.std()), 1e-9))


def _fit(rows: Rows, *, standardise: bool) -> Subspace:
    shift = rows.mean(0)
    moved = rows - shift
    scale = np.ones(rows.shape[1])
    if standardise:
        # A channel that hardly changes among these photos must not decide alone.
        scale = 1 / np.maximum(moved.std(0) + _FLAT * rows.std(), 1e-9)
    moved = moved * scale
    count = min(MOST_AXES, rows.shape[0] // 2, rows.shape[1] // 2)
    # There are fewer rows than columns, mostly: the axes by way of the products of rows.
    lengths, mixtures = np.linalg.eigh(moved @ moved.T)
    lengths, mixtures = lengths[-count:], mixtures[:, -count:]
    kept = lengths > 1e-9 * max(lengths[-1], 1e-12)
    axes = moved.T @ mixtures[:, kept] / np.sqrt(lengths[kept])
    return Subspace(shift, scale, axes)
