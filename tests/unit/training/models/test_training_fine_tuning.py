"""The last blocks of the backbone learn; everything before them stays as it came."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.support.float_tolerance import near_scores
from tests.unit.training.made_photos import Trained
from training.arguments import parse_arguments
from training.export.served_model import load_served_model
from training.failures import ArgumentError
from training.models.backbones import BACKBONES, blocks_of, build_classifier
from training.models.fine_tuning import _unfreeze_from
from training.models.torch_network import to_tensor
from training.train import train


@pytest.fixture(scope="module")
def tuned(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("tuned")
    run = Trained(trained.dataset, trained.weights, folder / "model", folder / "output")
    options = {"fine-tune": 2, "fine-tune-epochs": 4, "epochs": 2, "fine-tune-learning-rate": 1e-3}
    train(parse_arguments(run.arguments(**options), {}))
    return run


def test_only_the_last_blocks_and_the_head_have_changed(tuned: Trained) -> None:
    metrics = tuned.metrics()
    assert metrics["best_epoch"] > 2, "the test needs a tuning that gains"
    before = torch.load(tuned.weights / "efficientnet_lite0.pth", weights_only=True)
    network = build_classifier("efficientnet_lite0", 1000)
    network.load_state_dict(before)
    before = network.state_dict()
    after = torch.load(tuned.model / "model.pth", weights_only=True)
    changed = {
        name
        for name in before
        if name not in {"_fc.weight", "_fc.bias"} and not torch.equal(before[name], after[name])
    }
    tail = ("_blocks.14.", "_blocks.15.", "_conv_head.", "_bn1.")
    assert all(name.startswith(tail) for name in changed), changed
    assert "_blocks.14._bn1.running_mean" in changed
    assert "_blocks.15._project_conv.weight" in changed
    assert "_conv_head.weight" in changed


def test_the_artefact_answers_as_the_evaluation_says(tuned: Trained) -> None:
    metrics = tuned.metrics()
    assert "fine_tune" in metrics["seconds"]
    assert metrics["history"][-1]["epoch"] == len(metrics["history"]) == 6
    best = metrics["history"][metrics["best_epoch"] - 1]
    assert best["valid_loss"] == min(epoch["valid_loss"] for epoch in metrics["history"])
    served = load_served_model(lambda name: (tuned.model / name).read_bytes(), threads=1)
    photo = served.description.preprocessing.decode((tuned.output / "acceptance/00.jpg").read_bytes())
    answer = served.classes[int(served.scores([photo]).argmax())]
    assert answer == tuned.acceptance()["photos"][0]["predictions"][0]["label"]
    # The graph is that of the tuned weights, not of the backbone as it came.
    network = build_classifier("efficientnet_lite0", 3)
    network.load_state_dict(torch.load(tuned.model / "model.pth", weights_only=True))
    with torch.inference_mode():
        expected = network(to_tensor([photo], served.description.preprocessing, torch.device("cpu")))
    assert served.scores([photo])[0].tolist() == near_scores(expected[0].tolist())


def test_a_tuning_that_does_not_gain_is_not_kept(trained: Trained, tmp_path: Path) -> None:
    """A rate that ruins the network leaves the head on the frozen backbone, bit for bit."""
    run = Trained(trained.dataset, trained.weights, tmp_path / "model", tmp_path / "output")
    options = {"fine-tune": 1, "fine-tune-epochs": 1, "fine-tune-learning-rate": 0.1}
    train(parse_arguments(run.arguments(**options), {}))
    metrics = run.metrics()
    assert metrics["best_epoch"] == trained.metrics()["best_epoch"]
    assert len(metrics["history"]) == len(trained.metrics()["history"]) + 1
    assert (run.model / "model.pth").read_bytes() == (trained.model / "model.pth").read_bytes()
    assert metrics["loss"] == trained.metrics()["loss"]
    assert json.loads((run.model / "model.json").read_text()) == json.loads(
        (trained.model / "model.json").read_text()
    )


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_every_backbone_names_its_blocks(name: str) -> None:
    network = build_classifier(name, 3)
    blocks = blocks_of(network, name)
    assert len(blocks) >= 8
    _unfreeze_from(network, blocks[-2])
    learning = {weight for weight in network.parameters() if weight.requires_grad}
    assert set(blocks[-1].parameters()) <= learning
    assert not learning & set(blocks[0].parameters())
    parent, _, attribute = BACKBONES[name].head.rpartition(".")
    assert set(getattr(network.get_submodule(parent), attribute).parameters()) <= learning


def test_more_blocks_than_there_are_is_refused_at_once(trained: Trained, tmp_path: Path) -> None:
    settings = parse_arguments(trained.arguments(fine_tune=17), {})
    with pytest.raises(ArgumentError, match="--fine-tune is 17, but efficientnet_lite0 has 16 blocks"):
        train(replace(settings, model_dir=tmp_path / "model", dataset=tmp_path))
