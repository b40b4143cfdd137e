"""A run that is stopped anywhere and started again ends as if it had never been stopped."""

import signal
from pathlib import Path

import pytest

from tests.unit.training.made_photos import Trained
from tests.unit.training.run.test_training_run import without_machine
from tests.unit.training.run.train_process import TrainProcess
from training.arguments import parse_arguments
from training.features import extraction
from training.job import checkpoints
from training.job.stop_signal import StoppedError
from training.train import train

TUNING = {"fine-tune": 2, "fine-tune-epochs": 3, "epochs": 3}


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that are computed, those of the six test photos at the end included."""
    sizes: list[int] = []
    compute_batch = extraction.compute_batch

    def count(run, photos):
        sizes.append(len(photos))
        return compute_batch(run, photos)

    monkeypatch.setattr(extraction, "compute_batch", count)
    return sizes


@pytest.fixture(scope="module")
def tuned(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run without interruption that trains the last blocks on as well."""
    folder = tmp_path_factory.mktemp("tuned")
    run = Trained(trained.dataset, trained.weights, folder / "model", folder / "output")
    train(parse_arguments(run.arguments(**TUNING), {}))
    return run


def in_folder(trained: Trained, folder: Path) -> Trained:
    return Trained(trained.dataset, trained.weights, folder / "model", folder / "output")


def assert_same_result(one: Trained, other: Trained) -> None:
    assert (one.model / "model.pth").read_bytes() == (other.model / "model.pth").read_bytes()
    assert without_machine(one.metrics()) == without_machine(other.metrics())


@pytest.mark.parametrize(
    ("beginning", "left"),
    [
        ("phase=features images_done=16", 8),
        ("phase=features images_done=18", 6),  # the end of the training split
        ("phase=features images_done=24", 0),
        ("epoch=1 ", 0),
        ("epoch=4 ", 0),
    ],
)
def test_training_resumes_where_it_was_interrupted(
    trained, tmp_path, stop_at, computed, *, beginning, left
) -> None:
    run = in_folder(trained, tmp_path)
    arguments = parse_arguments(run.arguments(checkpoint_dir=tmp_path / "checkpoints"), {})
    with pytest.raises(StoppedError):
        train(arguments, stop_at(beginning))
    assert not run.model.exists()
    assert not run.output.exists()
    computed.clear()
    train(arguments)
    assert sum(computed) == left + 6
    assert_same_result(run, trained)


@pytest.mark.parametrize("beginning", ["epoch=3 ", "epoch=4 ", "epoch=5 "])
def test_fine_tuning_resumes_where_it_was_interrupted(tuned, tmp_path, stop_at, beginning) -> None:
    run = in_folder(tuned, tmp_path)
    arguments = parse_arguments(run.arguments(**TUNING, checkpoint_dir=tmp_path / "checkpoints"), {})
    with pytest.raises(StoppedError):
        train(arguments, stop_at(beginning))
    train(arguments)
    assert_same_result(run, tuned)


def test_training_resumes_after_several_interruptions(trained, tmp_path, stop_at) -> None:
    run = in_folder(trained, tmp_path)
    arguments = parse_arguments(run.arguments(checkpoint_dir=tmp_path / "checkpoints"), {})
    for beginning in ("phase=features images_done=16", "phase=features images_done=18", "epoch=2 "):
        with pytest.raises(StoppedError):
            train(arguments, stop_at(beginning))
    train(arguments)
    assert_same_result(run, trained)


def test_a_damaged_checkpoint_is_computed_again(trained, tmp_path, stop_at, computed) -> None:
    run = in_folder(trained, tmp_path)
    arguments = parse_arguments(run.arguments(checkpoint_dir=tmp_path / "checkpoints"), {})
    with pytest.raises(StoppedError):
        train(arguments, stop_at("epoch=2 "))
    (damaged,) = (tmp_path / "checkpoints").glob("features-valid-*.pt")
    damaged.write_bytes(damaged.read_bytes()[:1000])
    (tmp_path / "checkpoints" / "head.pt").write_bytes(b"")
    computed.clear()
    train(arguments)
    assert sum(computed) == 6 + 6
    assert_same_result(run, trained)


def test_the_checkpoint_of_another_run_is_not_used(trained, tmp_path, stop_at, computed) -> None:
    run = in_folder(trained, tmp_path)
    folder = tmp_path / "checkpoints"
    with pytest.raises(StoppedError):
        train(parse_arguments(run.arguments(checkpoint_dir=folder, seed=1), {}), stop_at("epoch=2 "))
    computed.clear()
    train(parse_arguments(run.arguments(checkpoint_dir=folder), {}))
    assert sum(computed) == 30
    assert_same_result(run, trained)


def test_without_a_checkpoint_folder_nothing_is_saved(trained, tmp_path, stop_at, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "SAVE_EVERY_S", 0)
    run = in_folder(trained, tmp_path)
    with pytest.raises(StoppedError):
        train(parse_arguments(run.arguments(), {}), stop_at("epoch=2 "))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kill", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_killed_process_resumes_from_its_checkpoint(trained, tmp_path, kill, status) -> None:
    """SIGKILL leaves no time to save: what was saved from time to time is what there is."""
    run = in_folder(trained, tmp_path)
    arguments = run.arguments(checkpoint_dir=tmp_path / "checkpoints")
    # Slow enough to be hit.
    before = """
import time
from training.job import checkpoints, progress
checkpoints.SAVE_EVERY_S = 0
say = progress.say
progress.say = lambda line: (say(line), time.sleep(0.2))
"""
    process = TrainProcess(arguments, before=before)
    while not process.stdout.readline().startswith("epoch=3"):
        assert process.poll() is None
    process.send_signal(kill)
    assert process.wait(60) == status
    process.close()
    names = {path.name for path in (tmp_path / "checkpoints").glob("*.pt")}
    assert {"run.pt", "head.pt", "features-valid-000000.pt"} <= names
    train(parse_arguments(arguments, {}))
    assert_same_result(run, trained)
