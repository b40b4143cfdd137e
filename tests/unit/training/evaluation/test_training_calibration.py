import pytest
import torch

from tests.support.float_tolerance import FEW_OPERATIONS
from training.evaluation.calibration import (
    BINS,
    MAX_TEMPERATURE,
    MIN_TEMPERATURE,
    fit_temperature,
    measure_calibration,
)


def sampled(temperature: float, count: int = 20_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores that are too large by a factor, and labels drawn with the probabilities meant."""
    generator = torch.Generator().manual_seed(5)
    logits = 2 * torch.randn(count, 4, generator=generator)
    labels = torch.multinomial(logits.softmax(1), 1, generator=generator).flatten()
    return logits * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_spoilt_the_scores_is_found(temperature: float) -> None:
    logits, labels = sampled(temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.03)


def test_the_temperature_stays_in_bounds_where_validation_says_all_or_nothing() -> None:
    logits = torch.tensor([[3.0, 0.0], [0.0, 3.0]])
    assert fit_temperature(logits, torch.tensor([0, 1])) == pytest.approx(MIN_TEMPERATURE, rel=1e-3)
    assert fit_temperature(logits, torch.tensor([1, 0])) == pytest.approx(MAX_TEMPERATURE, rel=1e-3)


def test_calibration_error_and_loss_fall_at_the_right_temperature() -> None:
    logits, labels = sampled(3.0)
    calibration = measure_calibration(logits, labels, 3.0)
    assert calibration["error_before"] > 0.1
    assert calibration["error_after"] < 0.02
    assert calibration["loss_after"] < torch.nn.functional.cross_entropy(logits, labels).item()
    assert sum(part["count"] for part in calibration["bins_before"]) == len(labels)


def test_the_calibration_error_is_that_of_a_hand_count() -> None:
    """Two photos at 0.9, one of them right, and one at 0.55 that is right: (2 * 0.4 + 1 * 0.45) / 3."""
    probabilities = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.55, 0.45]])
    calibration = measure_calibration(probabilities.log(), torch.tensor([0, 1, 0]), 1.0)
    assert calibration["error_before"] == pytest.approx(1.25 / 3, rel=FEW_OPERATIONS)
    assert calibration["error_before"] == calibration["error_after"]
    filled = {index: part["count"] for index, part in enumerate(calibration["bins_after"]) if part["count"]}
    assert filled == {int(0.55 * BINS): 1, int(0.9 * BINS): 2}
