"""The folder that SageMaker gives a training job as /opt/ml, with a tiny drop."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from deploy_scripts.packaging.build import training_files
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights

COLOURS = {"amber": (230, 160, 30), "blue": (30, 60, 220), "green": (40, 170, 60)}
_CODE = "input/data/code/sourcedir.tar.gz"
_HYPERPARAMETERS = {
    "sagemaker_program": "training/train.py",
    "sagemaker_submit_directory": f"/opt/ml/{_CODE}",
    "run-id": "a" * 32,
    "image-size": 64,
    "epochs": 5,
    "backbone": SHIPPED_BACKBONE,
}


def write(folder: Path) -> None:
    """Config, code, channels."""
    data = folder / "input" / "data"
    config = folder / "input" / "config"
    for made in (data / "weights", data / "code", config, folder / "model", folder / "output"):
        made.mkdir(parents=True)
    photos = folder.with_name("photos")
    for label in COLOURS:
        (photos / label).mkdir(parents=True)
        for number in range(10):
            (photos / label / f"{number}.jpg").write_bytes(make_photo(label, number))
    shutil.make_archive(str(data / "dataset" / "drop"), "zip", photos)
    shutil.copyfile(shipped_weights(), data / "weights" / f"{SHIPPED_BACKBONE}.pth")
    with tarfile.open(folder / _CODE, "w:gz") as archive:
        for name, file in training_files().items():
            archive.add(file, name)
    channels = {name: {"TrainingInputMode": "File"} for name in ("dataset", "weights", "code")}
    hosts = {"current_host": "localhost", "hosts": ["localhost"], "network_interface_name": "lo"}
    encoded = {name: json.dumps(value) for name, value in _HYPERPARAMETERS.items()}
    (config / "hyperparameters.json").write_text(json.dumps(encoded))
    (config / "inputdataconfig.json").write_text(json.dumps(channels))
    (config / "resourceconfig.json").write_text(json.dumps(hosts))


def make_photo(label: str, number: int) -> bytes:
    """Noise over the colour of its class: the same JPEG for the same label and number."""
    noise = np.random.default_rng([number, *COLOURS[label]]).integers(-25, 25, (72, 72, 3))
    pixels = np.clip(np.array(COLOURS[label]) + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()
