import math

import pytest
import torch

from tests.support.float_tolerance import FEW_OPERATIONS
from training.evaluation.metrics import evaluate

CLASSES = ["a", "b", "c"]


def test_figures_of_a_case_counted_by_hand() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    answers = torch.tensor([0, 0, 1, 1, 2, 1])
    logits = torch.nn.functional.one_hot(answers, 3).float() * 4
    result = evaluate(logits, labels, CLASSES)
    assert result.confusion_matrix == [[2, 1, 0], [0, 1, 1], [0, 1, 0]]
    assert result.accuracy == pytest.approx(3 / 6)
    assert result.top5_accuracy == 1.0
    assert result.min_support == 1
    # Three of six are right: -log p is log(1 + 2 / e^4) for those and 4 more for the others.
    assert result.loss == pytest.approx(math.log1p(2 * math.exp(-4)) + 4 / 2, rel=FEW_OPERATIONS)
    first, second, third = result.per_class
    assert first == {
        "label": "a",
        "precision": 1.0,
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(0.8),
        "support": 3,
    }
    assert (second["precision"], second["recall"]) == (pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert (third["precision"], third["recall"], third["f1"]) == (0.0, 0.0, 0.0)


def test_top5_counts_the_five_best() -> None:
    logits = torch.arange(8.0).repeat(2, 1)
    result = evaluate(logits, torch.tensor([3, 2]), list("abcdefgh"))
    assert result.accuracy == 0.0
    assert result.top5_accuracy == 0.5


def test_a_class_without_test_photos_has_no_support() -> None:
    result = evaluate(torch.eye(3)[:2], torch.tensor([0, 1]), CLASSES)
    assert result.min_support == 0
    assert result.per_class[2]["support"] == 0
