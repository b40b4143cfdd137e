"""Features on disk, and the views of a photo that they are made of."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from tests.unit.training.made_photos import Trained, make_jpeg
from training.data.augmentation import make_views
from training.data.preprocessing import WHOLE, decode_photo, decode_views
from training.features import feature_file
from training.features.feature_file import FeatureFile

SHA256 = "3f" * 32


def test_rows_come_back_as_they_were_added(monkeypatch) -> None:
    monkeypatch.setattr(feature_file, "_CHUNK_BYTES", 4 * 2 * 5 * 3)  # three rows
    rows = torch.randn(10, 2, 5, generator=torch.Generator().manual_seed(1))
    file = FeatureFile()
    for part in (rows[:4], rows[:0], rows[4:]):
        file.append(part)
    assert (len(file), file.views, file.width) == (10, 2, 5)
    assert [len(chunk) for chunk in file.chunks()] == [3, 3, 3, 1]
    assert torch.equal(torch.cat(list(file.chunks())), rows)
    picked, views = torch.tensor([7, 0, 7, 9]), torch.tensor([1, 0, 0, 1])
    assert torch.equal(file.gather(picked, views), rows[picked, views])


def test_reading_it_all_takes_no_memory_that_stays() -> None:
    """160 MB of rows take hardly more than 40 MB of them did, read in order and at random."""
    script = (
        "import torch\n"
        "from training.job.clock import peak_memory_bytes\n"
        "from training.features.feature_file import FeatureFile\n"
        "def use(file):\n"
        "    for chunk in file.chunks(): chunk.sum()\n"
        "    for rows in torch.randperm(len(file)).split(64): file.gather(rows, torch.zeros_like(rows))\n"
        "def make(blocks):\n"
        "    file = FeatureFile()\n"
        "    for _ in range(blocks): file.append(torch.ones(500, 1, 2048))\n"
        "    return file\n"
        "use(make(10))\n"
        "before = peak_memory_bytes()\n"
        "use(make(40))\n"
        "print(peak_memory_bytes() - before)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 40e6


def test_the_first_views_are_the_photo_and_its_mirror_image() -> None:
    photo = make_jpeg("amber", 1)
    whole, mirrored, crop = decode_views(photo, 64, "bilinear", make_views(3, SHA256, seed=0))
    assert np.abs(whole.astype(int) - decode_photo(photo, 64)).mean() < 2
    assert np.array_equal(mirrored, whole[:, ::-1])
    assert crop.shape == (64, 64, 3)
    assert not np.array_equal(crop, whole)


def test_views_depend_on_photo_and_seed_alone() -> None:
    views = make_views(8, SHA256, seed=0)
    assert views == make_views(8, SHA256, seed=0)
    assert views[:5] == make_views(5, SHA256, seed=0)
    assert make_views(1, SHA256, seed=0) == [WHOLE]
    assert views[2:] != make_views(8, SHA256, seed=1)[2:]
    assert views[2:] != make_views(8, "a" * 64, seed=0)[2:]
    for view in views:
        left, upper, right, lower = view.box
        assert 0 <= left < right <= 1 + 1e-9
        assert 0 <= upper < lower <= 1 + 1e-9
        assert (right - left) * (lower - upper) >= 0.5 - 1e-9


def test_several_views_train_a_head(trained: Trained, tmp_path: Path) -> None:
    from tests.unit.training.run.test_training_run import run_again

    metrics = run_again(trained, tmp_path, views=4).metrics()
    assert metrics["hyperparameters"]["views"] == 4
    assert metrics["images"] == trained.metrics()["images"]
    assert metrics["accuracy"] >= 5 / 6
    assert metrics["history"] != trained.metrics()["history"]


def test_figures_of_the_machine_are_given_by_phase(trained: Trained) -> None:
    metrics = trained.metrics()
    phases = {"read", "features", "doctor", "head", "export", "unknown", "evaluate"}
    assert set(metrics["peak_memory_mib"]) == phases
    assert sorted(metrics["peak_memory_mib"].values()) == list(metrics["peak_memory_mib"].values())
    assert metrics["images_per_second"]["features"] > 0
    report = (trained.output / "report.html").read_text()
    assert f"{metrics['peak_memory_mib']['features']:.0f} MiB" in report
