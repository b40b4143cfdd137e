import subprocess
import sys
from pathlib import Path

import pytest
import torch
from float_tolerance import BFLOAT16_LAYER, score_tolerance
from made_photos import Trained
from test_training_run import run_again
from torch import nn

import memory
import precision

CPU = torch.device("cpu")


def small_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.mark.parametrize(("bfloat16_s", "choice"), [(0.5, "bfloat16"), (0.95, "float32"), (2.0, "float32")])
def test_bfloat16_has_to_be_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, bfloat16_s: float, choice: str
) -> None:
    seconds = {"float32": 1.0, "bfloat16": bfloat16_s}
    monkeypatch.setattr(precision, "_seconds", lambda network, images, name: seconds[name])
    assert precision.choose_precision(small_network(), 64, 5000, CPU) == choice
    assert precision.choose_precision(small_network(), 64, 149, CPU) == "float32"


def test_both_precisions_give_nearly_the_same_in_float32() -> None:
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    exact = precision.run_network(small_network(), images, "float32")
    reduced = precision.run_network(small_network(), images, "bfloat16")
    assert exact.dtype == reduced.dtype == torch.float32
    assert not torch.equal(exact, reduced)
    assert torch.allclose(exact, reduced, rtol=0, atol=BFLOAT16_LAYER * float(exact.abs().max()))


def test_the_test_split_is_measured_as_it_will_be_served(trained: Trained, tmp_path: Path) -> None:
    """Training on bfloat16 features changes the head, but the evaluation is that of the float32 artefact."""
    from torch.nn import functional

    from classifier import load_classifier
    from dataset import load_dataset
    from photo_source import open_source
    from settings import Cut

    run = run_again(trained, tmp_path, precision="bfloat16")
    classifier = load_classifier(lambda name: (run.model / name).read_bytes(), CPU)
    source = open_source(run.dataset)
    test = load_dataset(source, Cut(0.15, 0.2, 0), threads=1).splits["test"]
    pixels = [classifier.preprocessing.decode(source.read(photo.name)) for photo in test]
    labels = torch.tensor([photo.label for photo in test])
    logits = classifier.logits(pixels)
    metrics = run.metrics()
    assert metrics["hyperparameters"]["precision"] == "bfloat16"
    # BatchNorm is folded in one and not in the other; the loss moves by two scores' difference at most.
    within = 2 * max(score_tolerance(scores) for scores in logits.tolist())
    assert metrics["loss"] == pytest.approx(functional.cross_entropy(logits, labels).item(), abs=within)


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_freed_memory_stays_in_the_process() -> None:
    """After one round, further rounds of large blocks cause next to no page faults."""
    script = (
        "import memory, resource, sys, torch\n"
        "assert memory.keep_freed_memory() is True\n"
        "def use():\n"
        "    for _ in range(20): torch.ones(8_000_000)\n"
        "use()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "use()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=memory_folder(), capture_output=True, text=True, check=True
    )
    # 20 blocks of 32 MB are 156,000 pages of 4 KiB.
    assert int(run.stdout) < 10_000


def memory_folder() -> Path:
    assert memory.__file__
    return Path(memory.__file__).parent
