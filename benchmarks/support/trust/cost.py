"""What the doctor adds to the time of a training in dogImages' shape."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.support.demo_model import train_model
from benchmarks.support.machine import count_cores
from benchmarks.support.training.photo_sets import DOG_CLASSES, DOG_IMAGES, generate_dog_shaped
from benchmarks.support.trust.claims import Claim, describe
from training.doctor.looks import look_at

_AT_MOST = 0.1
_LOOKS_MEASURED = 200
_IMAGE_SIZE = 224


def measure_cost(images: int = DOG_IMAGES, classes: int = DOG_CLASSES) -> dict[str, Any]:
    """The doctor's phase and its share of the feature pass, over the time of all else."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        zip_file = next(generate_dog_shaped(folder / "photos", images, classes).glob("*.zip"))
        train_model(folder / "run", zip_file)
        metrics = json.loads((folder / "run" / "output" / "metrics.json").read_text("utf-8"))
    seconds, learned_from = metrics["seconds"], images - metrics["images"]["test"]
    looks_s = _look_s() * learned_from / count_cores()
    doctor_s = seconds["doctor"] + looks_s
    share = doctor_s / (seconds["total"] - doctor_s)
    claim = Claim(
        f"time that the doctor adds to a training of {images:,} photos", round(share, 4), most=_AT_MOST
    )
    return describe([claim], classes=classes, seconds=seconds, looks_s=round(looks_s, 3))


def _look_s() -> float:
    """The median time of one photo's look, on one core."""
    pixels = np.random.default_rng(0).integers(0, 256, (_IMAGE_SIZE, _IMAGE_SIZE, 3), np.uint8)
    taken = []
    for _ in range(_LOOKS_MEASURED):
        started = time.perf_counter()
        look_at([pixels])
        taken.append(time.perf_counter() - started)
    return sorted(taken)[len(taken) // 2]
