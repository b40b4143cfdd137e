"""Every backbone as a graph of the engine gives what its torch network gives."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from deploy_scripts.project import ROOT
from tests.support.float_tolerance import near_scores
from training.data.preprocessing import Pixels
from training.export.export import append_linear, export_network
from training.export.graph import Graph
from training.models.backbones import BACKBONES, build_classifier, replace_head
from training.models.torch_network import to_tensor

CLASSES = 7


def photos(count: int, side: int) -> list[Pixels]:
    random = np.random.default_rng(3)
    return [random.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(count)]


def network(name: str) -> nn.Module:
    """With random weights; its norms change what comes in."""
    torch.manual_seed(0)
    made = build_classifier(name, CLASSES)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return made


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_a_graph_gives_what_its_network_gives(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    made, preprocessing = network(name), BACKBONES[name].preprocessing(BACKBONES[name].only_image_size or 64)
    before = {key: value.clone() for key, value in made.state_dict().items()}
    images = photos(2, preprocessing.image_size)
    with torch.inference_mode():
        expected = made(to_tensor(images, preprocessing, torch.device("cpu"))).numpy()

    whole = Graph(export_network(made, preprocessing), threads=1)
    head = replace_head(made, name, nn.Identity())
    assert isinstance(head, nn.Linear)
    weight, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
    backbone = export_network(made, preprocessing)
    joined = Graph(append_linear(backbone, weight, bias), threads=1)

    assert "".join(capfd.readouterr()) == "", "the log is for people"
    assert whole.fits(preprocessing.image_size, CLASSES)
    assert joined.fits(preprocessing.image_size, CLASSES)
    assert np.abs(whole.run(images) - expected).max() < 1e-3
    assert np.abs(joined.run(images) - expected).max() < 1e-3
    for scores, those in zip(whole.run(images).tolist(), expected.tolist(), strict=True):
        assert scores == near_scores(those)
    replace_head(made, name, head)
    assert all(torch.equal(value, before[key]) for key, value in made.state_dict().items())
    # The head was put behind a copy.
    assert Graph(backbone, threads=1).fits(preprocessing.image_size, head.in_features)


def test_a_photo_s_output_depends_neither_on_its_neighbours_nor_on_the_threads() -> None:
    name = "efficientnet_lite0"
    model = export_network(network(name), BACKBONES[name].preprocessing(64))
    images = photos(16, 64)
    together = Graph(model, threads=2).run(images).tolist()
    alone = Graph(model, threads=1)
    for number, scores in enumerate(together):
        assert alone.run([images[number]])[0].tolist() == near_scores(scores)
    assert alone.run(images[5:8])[1].tolist() == near_scores(together[6])


def test_a_graph_keeps_the_weights_it_was_made_of() -> None:
    """A training that goes on must not change what was exported before."""
    name = "efficientnet_lite0"
    made, images = network(name), photos(1, 64)
    model = export_network(made, BACKBONES[name].preprocessing(64))
    before = Graph(model, threads=1).run(images)
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(2)
    assert np.array_equal(Graph(model, threads=1).run(images), before)


def test_no_telemetry_is_loaded_though_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "openvino_telemetry").mkdir()
    (tmp_path / "openvino_telemetry" / "__init__.py").write_text("raise SystemExit('telemetry was loaded')")
    program = (
        "import training.export.export, training.export.quantise, openvino.tools.ovc, nncf; print('fine')"
    )

    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.stdout == "fine\n", result.stderr
