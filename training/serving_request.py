"""What a request's body may be, and how an answer is written: the wire format of the endpoint.

| content type        | body                                                                 | photos |
|---------------------|----------------------------------------------------------------------|--------|
| `image/*`           | the bytes of one image file                                          | 1      |
| `application/json`  | `{"instances": [{"b64": "<base64 of an image file>"}, ...]}`         | 1..64  |
| `application/x-npy` | uint8 RGB values, (height, width, 3) or (photos, height, width, 3)   | 1..64  |

One photo is answered by `{"classes": [...], "scores": [...], "probabilities": [...]}`; a batch (JSON, or npy
of four dimensions) by `{"classes": [...], "predictions": [...]}`, each `{"scores", "probabilities"}` or
`{"error": "..."}`. `Accept: application/x-npy` gives the scores alone: float32, (classes,) or (photos,
classes), a row of NaN for a photo of a batch that cannot be read. Errors are always JSON: `{"error":
"..."}`.
"""

import base64
import binascii
import io
import json
import math
from http import HTTPStatus
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from preprocessing import MAX_PIXELS

JSON = "application/json"
NPY = "application/x-npy"
# A batch is one unit of work: more photos would keep its worker from all other requests for too long.
MAX_PHOTOS = 64

# One encoder for all answers: json.dumps would make one for each.
_write_json = json.JSONEncoder(ensure_ascii=False).encode
_NPY_DIMENSIONS = {3: False, 4: True}


class Refusal(NamedTuple):
    """Why a request, or one photo of a batch, gets no prediction."""

    error: str
    status: HTTPStatus = HTTPStatus.BAD_REQUEST


class Photos(NamedTuple):
    """The image files of one request; `batch` says whether the answer is a list."""

    files: list[bytes | Refusal]
    batch: bool


class Scored(NamedTuple):
    """Scores and calibrated probabilities of one photo, in the order of the classes."""

    scores: list[float]
    probabilities: list[float]


class Prediction(NamedTuple):
    """The answer to one request, before it is written in the form that the client accepts."""

    classes: list[str]
    photos: list[Scored | Refusal]
    batch: bool


def parse_request(body: bytes, content_type: str) -> Photos | Refusal:
    """The photos of a request, not yet decoded; a refusal says what was wrong and what to send."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind.startswith("image/"):
        return Photos([bytes(body)], batch=False)
    if kind == JSON:
        return _parse_json(body)
    if kind == NPY:
        return _parse_npy(body)
    return Refusal(
        f"content type {content_type!r}; send an image's bytes as image/jpeg, image/png, ..., "
        f"or a batch as {JSON} or {NPY}",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    )


def format_answer(prediction: Prediction | Refusal, accept: str) -> tuple[str | bytes, str]:
    """Body and content type; JSON unless the client prefers npy."""
    if isinstance(prediction, Refusal):
        return _write_json({"error": prediction.error}), JSON
    if _prefers_npy(accept):
        return _to_npy(prediction), NPY
    content: dict[str, Any] = {"classes": prediction.classes}
    if prediction.batch:
        content["predictions"] = [_to_dict(photo) for photo in prediction.photos]
    else:
        content |= _to_dict(prediction.photos[0])
    return _write_json(content), JSON


def _to_dict(photo: Scored | Refusal) -> dict[str, Any]:
    return {"error": photo.error} if isinstance(photo, Refusal) else photo._asdict()


def _prefers_npy(accept: str) -> bool:
    """By the order in the header: quality values are not weighed."""
    accept = (accept or "").lower()
    if NPY not in accept:
        return False
    for part in accept.split(","):
        kind = part.partition(";")[0].strip()
        if kind in {JSON, NPY, "*/*", "application/*"}:
            return kind == NPY
    return False


def _parse_json(body: bytes) -> Photos | Refusal:
    try:
        instances = json.loads(body)["instances"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Refusal('the body is not JSON of the form {"instances": [{"b64": "..."}]}')
    if not isinstance(instances, list) or not 1 <= len(instances) <= MAX_PHOTOS:
        return Refusal(f"instances is not a list of 1 to {MAX_PHOTOS} photos")
    return Photos([_from_base64(instance, place) for place, instance in enumerate(instances)], batch=True)


def _from_base64(instance: Any, place: int) -> bytes | Refusal:
    text = instance.get("b64") if isinstance(instance, dict) else None
    if not isinstance(text, str):
        return Refusal(f'instance {place} is not of the form {{"b64": "..."}}')
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return Refusal(f"instance {place} is not base64")


def _parse_npy(body: bytes) -> Photos | Refusal:
    stream = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(stream)
        if version not in {(1, 0), (2, 0)}:
            raise ValueError(f"version {version}")
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, by_column, kind = read_header(stream)
    # numpy reads the header as a Python literal, which fails in many ways.
    except Exception as error:  # noqa: BLE001
        return Refusal(f"the body is not an .npy array: {error}")
    if kind != np.uint8 or len(shape) not in _NPY_DIMENSIONS or shape[-1] != 3 or by_column:
        return Refusal(
            f"the array is {kind} of shape {shape}; send uint8 RGB values, row by row, "
            "as (height, width, 3) or (photos, height, width, 3)"
        )
    values = body[stream.tell() :]
    # Before anything is allocated: a header can claim any size.
    if min(shape) < 1 or math.prod(shape) != len(values) or shape[-3] * shape[-2] > MAX_PIXELS:
        return Refusal(f"the array of shape {shape} comes with {len(values)} bytes of values")
    photos = np.frombuffer(values, np.uint8).reshape(-1, *shape[-3:])
    if len(photos) > MAX_PHOTOS:
        return Refusal(f"the array holds {len(photos)} photos; the limit is {MAX_PHOTOS}")
    return Photos([_to_bmp(photo) for photo in photos], _NPY_DIMENSIONS[len(shape)])


def _to_bmp(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """An image file without compression: from here on, there is one way into the model."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "BMP")
    return buffer.getvalue()


def _to_npy(prediction: Prediction) -> bytes:
    unread = [math.nan] * len(prediction.classes)
    rows = [unread if isinstance(photo, Refusal) else photo.scores for photo in prediction.photos]
    scores = np.array(rows, np.float32)
    buffer = io.BytesIO()
    np.save(buffer, scores if prediction.batch else scores[0], allow_pickle=False)
    return buffer.getvalue()
