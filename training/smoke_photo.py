"""The photo that tries a fresh endpoint: one of the test split that the new model surely gets right."""

import io
from dataclasses import dataclass

import torch

from drops.photo_formats import photo_format
from engine.served_model import ServedModel
from errors import TrainingError
from features import Features
from photo_source import PhotoSource
from preprocessing import open_photo

FILE_NAME = "smoke_test.jpg"
# Small enough for every hop on the way to an endpoint (InvokeEndpoint takes 6 MiB).
_MAX_BYTES = 1 << 20
_MAX_SIDE = 1024
_CANDIDATES = 20


@dataclass(frozen=True)
class SmokePhoto:
    """A JPEG and the class that the model must answer for it."""

    jpeg: bytes
    expected_label: str


def pick_smoke_photo(
    served: ServedModel, test: Features, logits: torch.Tensor, source: PhotoSource
) -> SmokePhoto:
    """The test photo that is right with the highest probability, tried again as a JPEG.

    Raises TrainingError when the model gets none of the likeliest photos right: it cannot be served.
    """
    right = (logits.argmax(1) == test.labels).nonzero().flatten()
    confidence = logits.softmax(1).max(1).values
    for row in right[confidence[right].argsort(descending=True, stable=True)][:_CANDIDATES].tolist():
        jpeg = _as_jpeg(source.read(test.photos[row].name))
        label = test.photos[row].label
        pixels = served.description.preprocessing.decode(jpeg)
        if int(served.scores([pixels]).argmax()) == label:
            return SmokePhoto(jpeg, served.classes[label])
    raise TrainingError(
        f"the model gets none of the {len(test.photos)} test photos right, so there is nothing to serve; "
        "check that the class folders hold the photos that their names say"
    )


def _as_jpeg(photo: bytes) -> bytes:
    """The photo itself when it is a small JPEG, else a JPEG of it at most 1024 pixels wide and high."""
    if photo_format(photo) == "JPEG" and len(photo) <= _MAX_BYTES:
        return photo
    small = open_photo(photo, _MAX_SIDE)
    small.thumbnail((_MAX_SIDE, _MAX_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
