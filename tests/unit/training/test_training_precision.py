"""At which precision features are computed: float32 on a CPU, and on a GPU what is measured to be faster."""

from pathlib import Path

import numpy as np
import pytest
import torch
from float_tolerance import BFLOAT16_LAYER
from made_photos import Trained
from test_training_run import run_again
from torch import nn

import torch_network
from backbones import BACKBONES
from errors import ArgumentError
from torch_network import TorchNetwork, to_tensor

CPU = torch.device("cpu")


def small_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.mark.parametrize(("bfloat16_s", "choice"), [(0.5, "bfloat16"), (0.95, "float32"), (2.0, "float32")])
def test_bfloat16_has_to_be_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, bfloat16_s: float, choice: str
) -> None:
    seconds = {"float32": 1.0, "bfloat16": bfloat16_s}
    monkeypatch.setattr(torch_network, "_seconds", lambda network, images, name: seconds[name])
    assert torch_network.choose_precision(small_network(), 64, 5000, CPU) == choice
    assert torch_network.choose_precision(small_network(), 64, 149, CPU) == "float32"


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


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU computes in bfloat16")
def test_bfloat16_without_a_gpu_is_refused(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="CPUs compute features in float32"):
        run_again(trained, tmp_path, precision="bfloat16")
