"""train.py under SageMaker's own training toolkit, which its containers run."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from deploy_scripts.packaging.build import training_files
from tests.unit.training.made_photos import Trained, write_photos

TRAIN = Path(sys.executable).with_name("train")
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


@pytest.fixture
def container(trained: Trained, tmp_path: Path) -> Path:
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
        for name, file in training_files().items():
            archive.add(file, name)
    hyperparameters = {
        "sagemaker_program": "training/train.py",
        "sagemaker_submit_directory": str(tmp_path / "sourcedir.tar.gz"),
        "run-id": "b" * 32,
        "image-size": 64,
        "epochs": 5,
        "backbone": "efficientnet_lite0",
    }
    encoded = {name: json.dumps(value) for name, value in hyperparameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(encoded))
    write_hosts(base, "localhost", ["localhost"])
    (config / "inputdataconfig.json").write_text(
        json.dumps({name: {"TrainingInputMode": "File"} for name in channels})
    )
    return base


def write_hosts(base: Path, current: str, hosts: list[str]) -> None:
    resources = {"current_host": current, "hosts": hosts, "network_interface_name": LOOPBACK}
    (base / "input" / "config" / "resourceconfig.json").write_text(json.dumps(resources))


def _pack(model: Path, folder: Path) -> Path:
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(model, ".")
    return folder / "model.tar.gz"


def start_toolkit(base: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(TRAIN)],
        env={"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(base), "HOME": str(base), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_toolkit(base: Path) -> subprocess.CompletedProcess[str]:
    with start_toolkit(base) as process:
        output, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def test_a_job_leaves_what_sagemaker_uploads(container: Path) -> None:
    run = run_toolkit(container)
    assert run.returncode == 0, run.stderr
    assert "phase=features images_done=18 images_total=18" in run.stdout
    assert "test_accuracy=" in run.stdout
    assert sorted(path.name for path in (container / "model").iterdir()) == [
        "classes.json",
        "graph.bin",
        "graph.xml",
        "model.json",
        "model.pth",
    ]
    output = container / "output" / "data"
    assert sorted(path.name for path in output.iterdir()) == [
        "acceptance",
        "acceptance.json",
        "doctor.json",
        "metrics.json",
        "model_card.html",
        "report.html",
        "review.csv",
        "test_predictions.jsonl",
    ]
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["run_id"] == "b" * 32
    assert metrics["champion"]["comparable"] is True
    assert len(metrics["history"]) == 5
    assert (container / "output" / "success").exists()


def test_two_instances_share_the_features_and_the_first_leaves_the_model(
    container: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    shutil.copytree(container, second, symlinks=True)
    hosts = ["127.0.0.1", "127.0.0.2"]
    with socket.socket() as probe:
        probe.bind((hosts[0], 0))
        port = str(probe.getsockname()[1])
    for base, host in zip((container, second), hosts, strict=True):
        write_hosts(base, host, hosts)
    runs = [start_toolkit(base, MASTER_PORT=port) for base in (container, second)]
    try:
        outputs = [run.communicate(timeout=180) for run in runs]
    finally:
        for run in runs:
            run.kill()
    assert [run.returncode for run in runs] == [0, 0], outputs
    assert "process=1/2" in outputs[0][0]
    assert "process=2/2" in outputs[1][0]
    assert (container / "model" / "model.pth").exists()
    written = [path for folder in ("model", "output/data") for path in (second / folder).rglob("*")]
    assert written == []


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
