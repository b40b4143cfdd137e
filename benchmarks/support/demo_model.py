"""A model trained on the demo's photos, and these photos."""

import zipfile
from pathlib import Path

from deploy_scripts.demo_data import DEMO_GROUPS, prepare_photos
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from support.processes import run_program

TRAINING = Path(__file__).resolve().parents[2] / "training"


def train_demo_model(folder: Path) -> tuple[Path, list[bytes]]:
    """The artefact's folder, and the photos in an order that is always the same. Raises ProgramError."""
    demo = prepare_photos("food", DEMO_GROUPS)
    weights, drop = folder / "weights", folder / "drop"
    for place in (weights, drop):
        place.mkdir()
    (weights / f"{SHIPPED_BACKBONE}.pth").symlink_to(shipped_weights())
    (drop / "photos.zip").symlink_to(demo.zip_file)
    arguments: list[str | Path] = [TRAINING / "train.py", "--dataset", drop, "--weights", weights]
    arguments += ["--backbone", SHIPPED_BACKBONE]
    arguments += ["--model-dir", folder / "model", "--output-dir", folder / "output"]
    run_program(arguments, folder / "training.log")
    with zipfile.ZipFile(demo.zip_file) as archive:
        photos = [archive.read(name) for name in sorted(archive.namelist())]
    return folder / "model", photos
