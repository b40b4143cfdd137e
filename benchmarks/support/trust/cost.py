"""What the doctor adds to a training in dogImages' shape, in processor time: others change that little."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image

from benchmarks.support.training.photo_sets import DOG_CLASSES, DOG_IMAGES, generate_dog_shaped
from benchmarks.support.trust.claims import Claim, describe
from benchmarks.support.trust.features import shipped_pass
from training.data.dataset import Photo
from training.data.photo_source import ZipSource
from training.data.preprocessing import Pixels, decode_photo
from training.doctor.examine import examine
from training.doctor.findings import Examined, ExaminedPhoto
from training.doctor.looks import SIDE, look_at
from training.features.extraction import compute_features
from training.features.feature_file import FeatureFile

Result = TypeVar("Result")

_AT_MOST = 0.1
# Photos whose feature pass is measured; all others take as long.
_SAMPLE = 192
_TEST_SHARE = 0.1
_WIDTH = 1280
_SIDE = 224


def measure_cost(images: int = DOG_IMAGES, classes: int = DOG_CLASSES) -> dict[str, Any]:
    """The doctor's share of the feature pass over all photos: less than all that a training does."""
    pass_s, thumbnail_s = _measure_pass(_SAMPLE, classes)
    learned_from = round((1 - _TEST_SHARE) * images)
    pixels = [_draw(number, number % classes) for number in range(images)]
    looks, looks_s = _timed(lambda: torch.cat([look_at([each]) for each in pixels]))
    examined = _examined(looks, classes, learned_from)
    _, examine_s = _timed(lambda: examine(examined, seed=0))
    seconds = {
        "looks": looks_s * learned_from / images,
        "thumbnails of the test": thumbnail_s * (images - learned_from),
        "examination": examine_s,
        "feature pass": pass_s * images,
    }
    share = (sum(seconds.values()) - seconds["feature pass"]) / seconds["feature pass"]
    what = f"what the doctor adds to a training of {images:,} photos, of processor time"
    claim = Claim(what, round(share, 4), most=_AT_MOST)
    return describe(
        [claim], classes=classes, cpu_s={name: round(value, 2) for name, value in seconds.items()}
    )


def _measure_pass(count: int, classes: int) -> tuple[float, float]:
    """Processor seconds of a photo's features, and of its thumbnail alone."""
    with tempfile.TemporaryDirectory() as scratch:
        drop = generate_dog_shaped(Path(scratch) / "photos", count, classes)
        source = ZipSource(next(drop.glob("*.zip")))
        photos = [
            Photo(name, 0, f"{number:064x}") for number, (name, _) in enumerate(sorted(source.entries()))
        ]
        run = shipped_pass(source)
        compute_features(run, photos[:16])
        _, pass_s = _timed(lambda: compute_features(run, photos))
        _, thumbnail_s = _timed(
            lambda: [look_at([decode_photo(source.read(photo.name), 2 * SIDE)]) for photo in photos]
        )
    return pass_s / count, thumbnail_s / count


def _examined(looks: torch.Tensor, classes: int, learned_from: int) -> Examined:
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(len(looks)) % classes
    centres = torch.randn(classes, _WIDTH, generator=random)
    features = (centres[labels] + 2 * torch.randn(len(looks), _WIDTH, generator=random)).relu()
    photos = [
        ExaminedPhoto(f"{row}.jpg", int(label), "train" if row < learned_from else "test")
        for row, label in enumerate(labels)
    ]
    names = [f"{label:03d}" for label in range(classes)]
    return Examined(names, photos, looks, [FeatureFile.of(features[:learned_from, None])])


def _draw(number: int, label: int) -> Pixels:
    """Soft shapes, half of them the class's own, and grain: as the generated photos, squeezed already."""
    own, random = np.random.default_rng(label), np.random.default_rng((label, number))
    shapes = own.integers(0, 128, (9, 12, 3)) + random.integers(0, 128, (9, 12, 3))
    soft = Image.fromarray(shapes.astype(np.uint8)).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    grain = random.integers(0, 64, (_SIDE, _SIDE, 1), np.uint8)
    drawn: Pixels = (0.75 * np.asarray(soft) + grain).astype(np.uint8)
    return drawn


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    started = time.process_time()
    result = work()
    return result, time.process_time() - started
