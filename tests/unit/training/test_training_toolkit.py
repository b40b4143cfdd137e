"""train.py under SageMaker's own training toolkit, which its containers run."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from made_photos import Trained, write_photos

TRAIN = Path(sys.executable).with_name("train")


@pytest.fixture
def container(trained: Trained, training_folder: Path, tmp_path: Path) -> Path:
    """The folders that SageMaker gives a container: config, channels, source archive."""
    base = tmp_path / "ml"
    config = base / "input" / "config"
    config.mkdir(parents=True)
    shutil.make_archive(str(tmp_path / "drop"), "zip", write_photos(tmp_path / "photos", count=8))
    channels = {
        "dataset": [tmp_path / "drop.zip"],
        "weights": [trained.weights / "efficientnet_lite0.pth"],
        "champion": [_pack(trained.model, tmp_path)],
    }
    for name, files in channels.items():
        folder = base / "input" / "data" / name
        folder.mkdir(parents=True)
        for file in files:
            (folder / file.name).symlink_to(file.resolve())
    with tarfile.open(tmp_path / "sourcedir.tar.gz", "w:gz") as archive:
        for module in training_folder.glob("*.py"):
            if module.name != "__init__.py":
                archive.add(module, module.name)
    hyperparameters = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": str(tmp_path / "sourcedir.tar.gz"),
        "run-id": "b" * 32,
        "image-size": 64,
        "epochs": 5,
        "backbone": "efficientnet_lite0",
    }
    encoded = {name: json.dumps(value) for name, value in hyperparameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(encoded))
    (config / "resourceconfig.json").write_text(
        json.dumps({"current_host": "localhost", "hosts": ["localhost"], "network_interface_name": "lo"})
    )
    (config / "inputdataconfig.json").write_text(
        json.dumps({name: {"TrainingInputMode": "File"} for name in channels})
    )
    return base


def _pack(model: Path, folder: Path) -> Path:
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(model, ".")
    return folder / "model.tar.gz"


def run_toolkit(base: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TRAIN)],
        env={"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(base), "HOME": str(base)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_job_leaves_what_sagemaker_uploads(container: Path) -> None:
    run = run_toolkit(container)
    assert run.returncode == 0, run.stderr
    assert "phase=features images_done=24 images_total=24" in run.stdout
    assert "test_accuracy=" in run.stdout
    assert sorted(path.name for path in (container / "model").iterdir()) == [
        "classes.json",
        "code",
        "model.json",
        "model.pth",
    ]
    output = container / "output" / "data"
    assert sorted(path.name for path in output.iterdir()) == ["metrics.json", "report.html", "smoke_test.jpg"]
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["run_id"] == "b" * 32
    assert metrics["champion"]["comparable"] is True
    assert len(metrics["history"]) == 5
    assert (container / "output" / "success").exists()


def test_a_failed_job_says_one_sentence(container: Path) -> None:
    (container / "input" / "data" / "weights" / "efficientnet_lite0.pth").unlink()
    run = run_toolkit(container)
    assert run.returncode != 0, run.stderr
    failure = (container / "output" / "failure").read_text()
    weights = container / "input" / "data" / "weights"
    assert failure == (
        f"the weights folder {weights} has no efficientnet_lite0.pth (it holds: nothing); "
        "put the ImageNet state dict of efficientnet_lite0 there under that name"
    )
