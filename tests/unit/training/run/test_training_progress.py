import re

import pytest

from training.job import progress


def read_metrics(text: str) -> dict[str, float]:
    """As SageMaker reads a log: the last value that each regex finds."""
    found = {}
    for definition in progress.METRIC_DEFINITIONS:
        values = re.findall(definition["Regex"], text)
        if values:
            found[definition["Name"]] = float(values[-1])
    return found


def test_every_metric_is_found_in_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say_images("features", 120, 238)
    progress.say_epoch(3, train_loss=0.51, train_accuracy=0.88, valid_loss=0.62, valid_accuracy=0.84)
    progress.say_epoch(4, train_loss=0.41, train_accuracy=0.9, valid_loss=0.6, valid_accuracy=0.85)
    progress.say_test(accuracy=0.8913, loss=0.3712)
    text = capsys.readouterr().out
    assert "phase=features images_done=120 images_total=238\n" in text
    assert read_metrics(text) == {
        "train:loss": 0.41,
        "train:accuracy": 0.9,
        "valid:loss": 0.6,
        "valid:accuracy": 0.85,
        "features:images_done": 120,
        "test:accuracy": 0.8913,
        "test:loss": 0.3712,
    }
    assert len(read_metrics(text)) == len(progress.METRIC_DEFINITIONS)
