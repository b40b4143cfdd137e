"""At which precision features are computed: float32, or bfloat16 where that is measured to be faster."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tests.support.float_tolerance import BFLOAT16_LAYER
from tests.unit.training.made_photos import Trained
from tests.unit.training.models.test_training_artefact import check_answers, load
from tests.unit.training.run.test_training_run import run_again
from training.data.dataset import load_dataset
from training.data.photo_source import open_source
from training.data.preprocessing import Pixels
from training.export.export import export_network
from training.export.graph import Graph
from training.features import precision
from training.features.extraction import Compute
from training.features.precision import choose_precision
from training.models.backbones import BACKBONES
from training.models.torch_network import TorchNetwork, to_tensor
from training.settings import SplitConfig

CPU = torch.device("cpu")


def small_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.mark.parametrize(
    ("bfloat16_s", "choice"), [(0.01, "bfloat16"), (0.028, "float32"), (0.05, "float32")]
)
def test_bfloat16_has_to_be_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, bfloat16_s: float, choice: str
) -> None:
    clock = {"now_s": 0.0}
    monkeypatch.setattr(precision.time, "perf_counter", lambda: clock["now_s"])

    def compute_at(precision: str) -> Compute:
        def compute(photos: list[Pixels]) -> NDArray[np.float32]:
            clock["now_s"] += 0.03 if precision == "float32" else bfloat16_s
            return np.zeros((len(photos), 1), np.float32)

        return compute

    assert choose_precision(compute_at, 64, 1000) == choice
    assert choose_precision(compute_at, 64, 999) == "float32"


def test_both_precisions_give_nearly_the_same_in_float32() -> None:
    preprocessing = BACKBONES["resnet18"].preprocessing(32)
    random = np.random.default_rng(1)
    photos = [random.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(4)]
    exact, reduced = (
        TorchNetwork(small_network(), CPU, precision, preprocessing).run(photos)
        for precision in ("float32", "bfloat16")
    )
    with torch.inference_mode():
        assert np.array_equal(exact, small_network()(to_tensor(photos, preprocessing, CPU)).numpy())
    assert exact.dtype == reduced.dtype == np.float32
    assert not np.array_equal(exact, reduced)
    assert np.allclose(exact, reduced, rtol=0, atol=BFLOAT16_LAYER * float(np.abs(exact).max()))


def test_a_graph_in_bfloat16_gives_nearly_the_same() -> None:
    """Where the processor has no bfloat16, even exactly the same."""
    preprocessing = BACKBONES["resnet18"].preprocessing(32)
    random = np.random.default_rng(1)
    photos = [random.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(4)]
    model = export_network(small_network(), preprocessing)
    exact, reduced = (
        Graph(model, 1, precision=precision).run(photos) for precision in ("float32", "bfloat16")
    )
    assert exact.dtype == reduced.dtype == np.float32
    assert np.allclose(exact, reduced, rtol=0, atol=BFLOAT16_LAYER * float(np.abs(exact).max()))


def test_what_is_tested_is_what_is_served_after_features_in_bfloat16(
    trained: Trained, tmp_path: Path
) -> None:
    """The head learned from other features; test, validation and temperature are the float32 graph's."""
    again = run_again(trained, tmp_path, precision="bfloat16")
    metrics = again.metrics()
    assert metrics["hyperparameters"]["precision"] == "bfloat16"
    assert metrics["serving"]["precision"] == "float32"
    check_answers(again)
    served, source = load(again.model), open_source(again.dataset)
    valid = load_dataset(source, SplitConfig(0.15, 0.2, 0), threads=1).splits["valid"]
    photos = [served.description.preprocessing.decode(source.read(photo.name)) for photo in valid]
    right = served.scores(photos).argmax(1) == [photo.label for photo in valid]
    assert metrics["serving"]["valid_accuracy_float32"] == pytest.approx(right.mean())
