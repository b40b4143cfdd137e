"""How the served model answers photos that it did not learn from: what its traffic is compared with.

They are the validation and the test photos. Nothing here needs torch.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.drift import BINS, CONFIDENCE, UNKNOWN_SCORE

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Binned:
    """`counts` of photos in the BINS bins between the `edges`; a value that is an edge is above it."""

    edges: list[float]
    counts: list[int]

    @classmethod
    def of(cls, values: Values) -> "Binned":
        """About the same number of the values (N,) in each bin."""
        inner = np.arange(1, BINS) / BINS
        edges = [float(edge) for edge in np.quantile(values, inner)]
        places = np.searchsorted(edges, values, side="right")
        return cls(edges, np.bincount(places, minlength=BINS).tolist())

    def place(self, value: float) -> int:
        """The bin of a value, from 0 on."""
        return bisect_right(self.edges, value)


@dataclass(frozen=True)
class DriftReference:
    """The `drift` part of model.json and metrics.json.

    `unknown` of the `photos` are called unknown; it and `unknown_score` are None where the model cannot tell.
    """

    photos: int
    confidence: Binned
    unknown_score: Binned | None = None
    unknown: int | None = None

    @classmethod
    def of(cls, confidence: Values, scores: Values | None, threshold: float | None) -> "DriftReference":
        """From the photos' highest probabilities (N,) and unknown scores (N,)."""
        if scores is None or threshold is None:
            return cls(len(confidence), Binned.of(confidence))
        unknown = int((scores > threshold).sum())
        return cls(len(confidence), Binned.of(confidence), Binned.of(scores), unknown)

    def places(self, confidence: float, score: float | None) -> dict[str, int]:
        """The bins of an answer, by statistic."""
        places = {CONFIDENCE: self.confidence.place(confidence)}
        if self.unknown_score and score is not None:
            places[UNKNOWN_SCORE] = self.unknown_score.place(score)
        return places

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def read_drift_reference(content: Any) -> DriftReference | None:
    """From model.json; None where the training left none. Raises KeyError, TypeError and ValueError."""
    if content is None:
        return None
    score = content["unknown_score"]
    return DriftReference(
        content["photos"],
        _read_binned(content["confidence"]),
        None if score is None else _read_binned(score),
        content["unknown"],
    )


def _read_binned(content: Any) -> Binned:
    edges, counts = [float(edge) for edge in content["edges"]], [int(count) for count in content["counts"]]
    if not _are_sound(edges) or len(counts) != BINS:
        raise ValueError(f"{content!r} are not the edges and counts of {BINS} bins")
    return Binned(edges, counts)


def _are_sound(edges: Sequence[float]) -> bool:
    ascending = all(low <= high for low, high in pairwise(edges))
    return len(edges) == BINS - 1 and ascending and all(map(isfinite, edges))
