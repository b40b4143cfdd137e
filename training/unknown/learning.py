"""From photos and a graph to the graph that also tells unknown photos, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import openvino as ov

from training.data.dataset import Photo
from training.export.embedding import embedding_graph
from training.export.graph import Graph
from training.export.unknown_score import append_unknown_score
from training.features.extraction import Pass, compute_features
from training.unknown.detection import Embedded, UnknownReport, leave_classes_out, why_not
from training.unknown.subspaces import Doubt, Rows, fit_detector
from training.unknown.threshold import conformal_threshold


@dataclass(frozen=True)
class KnownPhotos:
    """What is known: a sample of the photos to train on, all validation photos and a sample of them.

    `valid_scores` (N, classes) are what the served graph answers for `valid`.
    """

    run: Pass
    classes: Sequence[str]
    train_sample: list[Photo]
    valid: list[Photo]
    valid_scores: Rows
    valid_sample: list[Photo]


def add_unknown_score(
    rate: float, known: KnownPhotos, *, exact: ov.Model, served: Graph
) -> tuple[Graph, UnknownReport]:
    """The graph `served` with a second output, and the report; without it where the report says why not.

    What the photos have in common is learned from `exact`, the graph in float32; the threshold is that of
    the scores which `served` gives.
    """
    reason = why_not(rate, len(known.train_sample), len(known.valid))
    if reason is not None:
        return served, UnknownReport(rate, reason)
    model, width = embedding_graph(exact)
    embedding = Graph(model, known.run.threads)
    train, valid = (
        _embed(known.run, embedding, photos) for photos in (known.train_sample, known.valid_sample)
    )
    detector = fit_detector(train.rows, width)
    graph = Graph(
        append_unknown_score(served.model, detector, Doubt.of(known.valid_scores)), known.run.threads
    )
    scores = compute_features(
        known.run.on_engine(lambda photos: graph.run_all(photos)[1][:, None]), known.valid
    )
    left_out = leave_classes_out(detector, train, valid, known.classes, rate)
    report = UnknownReport(
        rate,
        None,
        threshold=conformal_threshold(scores.outputs[:, 0].double().numpy(), rate),
        valid_photos=len(known.valid),
    )
    return graph, report.with_left_out(left_out)


def _embed(run: Pass, embedding: Graph, photos: list[Photo]) -> Embedded:
    found = compute_features(run.on_engine(embedding.run), photos)
    return Embedded(found.outputs.double().numpy(), np.array([photo.label for photo in found.photos]))
