"""A model trained on the demo's photos, and these photos."""

import os
import zipfile
from pathlib import Path

from benchmarks.support.processes import BENCHMARKS, run_program
from deploy_scripts.demo_data import DEMO_GROUPS, prepare_photos
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights

PROJECT = BENCHMARKS.parent


def demo_photos() -> list[bytes]:
    """The demo's photos, in an order that is always the same."""
    with zipfile.ZipFile(prepare_photos("food", DEMO_GROUPS).zip_file) as archive:
        return [archive.read(name) for name in sorted(archive.namelist())]


def train_demo_model(folder: Path, *options: str, project: Path = PROJECT) -> Path:
    """The artefact's folder, by the training of a work tree, with further options. Raises ProgramError."""
    return train_model(folder, prepare_photos("food", DEMO_GROUPS).zip_file, *options, project=project)


def train_model(folder: Path, zip_file: Path, *options: str, project: Path = PROJECT) -> Path:
    """The same on another zip of photos; what a run leaves for people is in `folder / "output"`."""
    weights, drop = folder / "weights", folder / "drop"
    for place in (weights, drop):
        place.mkdir(parents=True)
    (weights / f"{SHIPPED_BACKBONE}.pth").symlink_to(shipped_weights())
    (drop / "photos.zip").symlink_to(zip_file)
    arguments: list[str | Path] = [project / "training" / "train.py", "--dataset", drop, "--weights", weights]
    arguments += ["--backbone", SHIPPED_BACKBONE, *options]
    arguments += ["--model-dir", folder / "model", "--output-dir", folder / "output"]
    run_program(arguments, folder / "training.log", environment=environment_of(project))
    return folder / "model"


def environment_of(project: Path) -> dict[str, str]:
    """What a work tree imports beside training/ is its own."""
    return {**os.environ, "PYTHONPATH": str(project)}
