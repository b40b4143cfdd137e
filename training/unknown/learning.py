"""From embeddings and a graph to the graph that also tells unknown photos, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import openvino as ov

from training.data.dataset import Photo
from training.export.embedding import shallow_width
from training.export.unknown_score import append_unknown_score
from training.features.feature_file import FeatureFile
from training.unknown.detection import Embedded, UnknownReport, leave_classes_out
from training.unknown.subspaces import Detector, Doubt, Rows, fit_detector
from training.unknown.threshold import conformal_threshold


@dataclass(frozen=True)
class KnownPhotos:
    """What is known: a sample of the photos to train on and one of validation photos, by the float32 graph.

    `served_rows` (N, 1, width) and `served_scores` (N, classes) are what the served graph gives for all
    validation photos.
    """

    classes: Sequence[str]
    train: Embedded
    valid: Embedded
    served_rows: FeatureFile
    served_scores: Rows


def add_unknown_score(
    rate: float, known: KnownPhotos, served: ov.Model
) -> tuple[ov.Model, UnknownReport, Rows]:
    """The graph `served` with a second output, the report, and that output for all validation photos (N,).

    What the photos have in common is learned from the float32 graph; the threshold is that of the scores
    which `served` gives.
    """
    detector = fit_detector(known.train.rows, shallow_width(served))
    doubt = Doubt.of(known.served_scores)
    scores = _score(detector, known.served_rows) + doubt.scores(known.served_scores)
    report = UnknownReport(
        rate, None, threshold=conformal_threshold(scores, rate), valid_photos=len(known.served_scores)
    )
    left_out = leave_classes_out(detector, known.train, known.valid, known.classes, rate)
    return append_unknown_score(served, detector, doubt), report.with_left_out(left_out), scores


def embedded_photos(rows: FeatureFile, photos: list[Photo]) -> Embedded:
    """The rows (N, 1, width) of these photos, in memory."""
    vectors = [chunk[:, 0].double().numpy() for chunk in rows.chunks()]
    return Embedded(np.concatenate(vectors), np.array([photo.label for photo in photos]))


def _score(detector: Detector, rows: FeatureFile) -> Rows:
    scores: Rows = np.concatenate([detector.scores(chunk[:, 0].double().numpy()) for chunk in rows.chunks()])
    return scores
