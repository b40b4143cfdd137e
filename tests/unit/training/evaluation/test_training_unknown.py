"""Unknown photos are told by the served graph, at a false-alarm rate that was stated."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.training.models.test_training_artefact import load
from tests.unit.training.serving.serving_models import write_tiny_artefact
from training.data.preprocessing import Pixels
from training.export.embedding import NotObservedError, observe
from training.export.export import export_network
from training.export.graph import Graph
from training.export.served_model import ArtefactError
from training.export.unknown_score import append_unknown_score
from training.models.backbones import BACKBONES, build_classifier, observed_blocks
from training.report.unknown import unknown_lead
from training.unknown.detection import Embedded, UnknownReport, auroc, leave_classes_out, why_not
from training.unknown.subspaces import Doubt, fit_detector
from training.unknown.threshold import conformal_threshold, needed_photos

RANDOM = np.random.default_rng(5)
WIDTH, SHALLOW = 60, 24


def rows(count: int, *, outside: float = 0.05) -> np.ndarray:
    """Photos' vectors near one subspace of five dimensions."""
    axes = np.random.default_rng(1).normal(size=(5, WIDTH))
    return RANDOM.normal(size=(count, 5)) @ axes + outside * RANDOM.normal(size=(count, WIDTH))


def pictures(count: int, side: int = 64) -> list[Pixels]:
    return [RANDOM.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(count)]


def test_the_graph_computes_what_was_fitted() -> None:
    name = "efficientnet_lite0"
    torch.manual_seed(0)
    preprocessing = BACKBONES[name].preprocessing(64)
    model = export_network(build_classifier(name, 4), preprocessing, partial(observed_blocks, name=name))
    observed = observe(model)
    photos = pictures(24)
    rows_of_all = Graph(observed.model, 1).run(photos).astype(np.float64)
    embedded = rows_of_all[:, observed.output_width :]
    detector, doubt = fit_detector(embedded[:-3], observed.shallow_width), Doubt(0.2, 0.5)

    graph = Graph(append_unknown_score(model, detector, doubt), 1)
    scores, unknown = graph.run_all(photos)

    assert unknown == pytest.approx(
        detector.scores(embedded) + doubt.scores(scores.astype(np.float64)), abs=0.02
    )
    assert scores == pytest.approx(Graph(model, 1).run(photos), abs=1e-4)
    assert graph.fits(64, 4)


def test_a_graph_without_names_for_its_blocks_is_refused() -> None:
    name = "efficientnet_lite0"
    with pytest.raises(NotObservedError):
        observe(export_network(build_classifier(name, 4), BACKBONES[name].preprocessing(64)))


def test_what_lies_outside_of_the_subspace_scores_higher() -> None:
    detector = fit_detector(rows(80), SHALLOW)
    known, unknown = detector.scores(rows(200)), detector.scores(rows(50, outside=0.5))
    assert abs(known.mean()) < 0.5
    assert auroc(known, unknown) > 0.99


def test_rows_that_do_not_differ_are_no_failure() -> None:
    scores = fit_detector(np.ones((20, WIDTH)), SHALLOW).scores(np.ones((3, WIDTH)))
    assert np.isfinite(scores).all()


def test_the_rate_is_met_over_many_choices_of_photos() -> None:
    rates = []
    for _ in range(400):
        scores = RANDOM.normal(size=36)
        rates.append((RANDOM.normal(size=200) > conformal_threshold(scores, 0.05)).mean())
    assert np.mean(rates) == pytest.approx(0.05, abs=0.01)


def test_as_many_photos_as_needed_give_the_highest_score() -> None:
    assert needed_photos(0.05) == 19
    assert needed_photos(0.5) == 1
    scores = RANDOM.normal(size=19)
    assert conformal_threshold(scores, 0.05) == pytest.approx(scores.max())


def test_the_report_says_why_nothing_is_called_unknown() -> None:
    assert why_not(0.05, 15, 19) is None
    assert why_not(0, 500, 500) == "it is switched off"
    assert "18 validation photos" in str(why_not(0.05, 100, 18))
    assert "14 photos to train on" in str(why_not(0.05, 14, 100))
    page = unknown_lead(UnknownReport(0.05, why_not(0.05, 100, 18)).figures())
    assert page.endswith("18 validation photos are too few for a false-alarm rate of 5.0%; 19 are enough.")


def test_a_class_that_was_left_out_is_told_from_the_others() -> None:
    labels = np.repeat([0, 1], 60)
    both = np.concatenate([rows(60), rows(60) + 4 * RANDOM.normal(size=WIDTH)])
    train, valid = (Embedded(both[start::2], labels[start::2]) for start in (0, 1))
    left_out = leave_classes_out(fit_detector(train.rows, SHALLOW), train, valid, ["near", "far"], 0.05)
    assert [each.label for each in left_out] == ["near", "far"]
    assert min(each.auroc for each in left_out) > 0.95
    report = UnknownReport(0.05, None, threshold=1.0).with_left_out(left_out)
    assert report.left_out_detected == pytest.approx(np.mean([each.detected for each in left_out]))
    assert report.tested(np.array([0, 2], np.float32)).test_false_alarm_rate == 0.5


def test_auroc_counts_ties_by_half() -> None:
    assert auroc(np.array([0.0, 1.0]), np.array([1.0, 2.0])) == pytest.approx(7 / 8)


def test_an_artefact_whose_graph_lacks_the_score_is_refused(tmp_path: Path) -> None:
    write_tiny_artefact(tmp_path)
    description = (tmp_path / "model.json").read_text()
    write_tiny_artefact(tmp_path, unknown_above=1.5)
    with_rule = (tmp_path / "model.json").read_text()
    assert load(tmp_path).description.unknown
    (tmp_path / "model.json").write_text(with_rule.replace("1.5", '"much"'))
    with pytest.raises(ArtefactError, match="'much' in its rule"):
        load(tmp_path)
    # An older reader of the artefact takes the scores alone.
    (tmp_path / "model.json").write_text(description)
    assert load(tmp_path).answers(pictures(1, 32))[1] is None
    write_tiny_artefact(tmp_path)
    (tmp_path / "model.json").write_text(with_rule)
    with pytest.raises(ArtefactError, match="no score of unknown photos"):
        load(tmp_path)
