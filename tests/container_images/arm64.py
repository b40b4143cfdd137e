"""The serve image for Graviton processors, built and run under emulation: minutes, so no part of CI."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.container_images import job_folder
from tests.container_images.buildah import Buildah
from tests.container_images.container_serving import check_serving

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="session")
def architecture() -> str:
    return "arm64"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Trained here, in float32: an int8 graph is served on the kind of processor that validated it."""
    job = tmp_path / "ml"
    job_folder.write(job)
    options = {
        "dataset": job / "input" / "data" / "dataset",
        "weights": job / "input" / "data" / "weights",
        "model-dir": job / "model",
        "output-dir": job / "output",
        "run-id": "a" * 32,
        "image-size": 64,
        "epochs": 5,
        "int8": "never",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    subprocess.run([sys.executable, "-m", "training.train", *arguments], check=True)
    return job / "model"


def test_serve_answers_on_arm64(buildah: Buildah, serve_image: str, model: Path, tmp_path: Path) -> None:
    with buildah.container(serve_image) as container:
        # The core of ml.m6g.
        check_serving(container, model, tmp_path / "serve.log", QEMU_CPU="neoverse-n1")
