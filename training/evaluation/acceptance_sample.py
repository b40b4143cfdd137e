"""The test photos that try a fresh endpoint before it serves, and what the served graph answers for them.

acceptance.json names the photos of the folder acceptance/; the release asks the endpoint for each of them and
compares (functions/accept_model).
"""

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from contracts.bucket import ACCEPTANCE, ACCEPTANCE_FOLDER, acceptance_photo
from contracts.limits import MAX_BYTES_AS_IT_IS
from drops.photo_formats import photo_format
from training.data.dataset import Photo
from training.data.photo_source import PhotoSource
from training.data.preprocessing import open_photo
from training.export.served_model import ServedModel

SCHEMA_VERSION = 1
MAX_PHOTOS = 64
_MAX_TOTAL_BYTES = 16 << 20
# Less than the short side from which the inference function scales a photo down.
_MAX_SIDE_PX = 1000
# Noise of 1000 x 1000 pixels, the worst case, takes 900 kB.
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class AcceptanceSample:
    """acceptance.json's content (schemas/acceptance.schema.json) and the JPEGs that it names."""

    document: dict[str, Any]
    jpegs: dict[str, bytes]

    def write(self, folder: Path) -> None:
        """Write both into the output folder."""
        (folder / ACCEPTANCE_FOLDER).mkdir(parents=True, exist_ok=True)
        for name, jpeg in self.jpegs.items():
            (folder / name).write_bytes(jpeg)
        (folder / ACCEPTANCE).write_text(json.dumps(self.document, indent=1, ensure_ascii=False), "utf-8")


def take_sample(
    model: ServedModel, photos: Sequence[Photo], source: PhotoSource, run_id: str
) -> AcceptanceSample:
    """Up to MAX_PHOTOS of the test photos, over all classes, with the graph's answer for the very same bytes.

    The same test photos give the same sample.
    """
    jpegs: dict[str, bytes] = {}
    lines = []
    total_bytes = 0
    for photo in spread_over_classes(photos)[:MAX_PHOTOS]:
        jpeg = as_jpeg(source.read(photo.name))
        total_bytes += len(jpeg)
        if total_bytes > _MAX_TOTAL_BYTES:
            break
        name = acceptance_photo(len(jpegs))
        jpegs[name] = jpeg
        scores, unknown = model.answers([model.description.preprocessing.decode(jpeg)])
        (predictions,) = model.predictions(scores)
        answer = {"label": model.classes[photo.label], "predictions": predictions}
        score = {} if unknown is None else {"unknown_score": round(float(unknown[0]), 4)}
        lines.append({"file": name, "photo": photo.name, **answer, **score})
    document = {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "precision": model.description.precision,
        "architecture": model.description.architecture,
        **({"unknown_threshold": rule.threshold} if (rule := model.description.unknown) else {}),
        "photos": lines,
    }
    return AcceptanceSample(document, jpegs)


def spread_over_classes(photos: Sequence[Photo]) -> list[Photo]:
    """One photo of each class, then a second one of each, and so on; among them by hash."""
    seen: Counter[int] = Counter()
    turns = []
    for photo in sorted(photos, key=lambda each: each.sha256):
        turns.append((seen[photo.label], photo))
        seen[photo.label] += 1
    return [photo for _, photo in sorted(turns, key=lambda each: each[0])]


def as_jpeg(photo: bytes) -> bytes:
    """The photo itself when it is a small JPEG, else a JPEG of it at most 1000 pixels wide and high."""
    if (
        photo_format(photo) == "JPEG"
        and len(photo) <= MAX_BYTES_AS_IT_IS
        and _longest_side(photo) <= _MAX_SIDE_PX
    ):
        return photo
    small = open_photo(photo, _MAX_SIDE_PX)
    small.thumbnail((_MAX_SIDE_PX, _MAX_SIDE_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _longest_side(jpeg: bytes) -> int:
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
        return max(image.size)
