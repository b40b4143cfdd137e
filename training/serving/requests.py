"""What a request's body may be, and how an answer is written: the wire format of the endpoint.

| content type        | body                                                                 | photos |
|---------------------|----------------------------------------------------------------------|--------|
| `image/*`           | the bytes of one image file                                          | 1      |
| `application/json`  | `{"instances": [{"b64": "<base64 of an image file>"}, ...]}`         | 1..64  |
| `application/x-npy` | uint8 RGB values, (height, width, 3) or (photos, height, width, 3)   | 1..64  |

One photo is answered by `{"classes": [...], "scores": [...], "probabilities": [...]}`; a batch (JSON, or npy
of four dimensions) by `{"classes": [...], "predictions": [...]}`, each `{"scores", "probabilities"}` or
`{"error": "..."}`. `Accept: application/x-npy` gives the scores alone: float32, (classes,) or (photos,
classes), a row of NaN for a photo of a batch that cannot be read. Errors are always JSON: `{"error": "..."}`.
"""

import base64
import io
import json
import math
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import numpy as np
from PIL import Image

from training.data.preprocessing import MAX_PIXELS

JSON, NPY = "application/json", "application/x-npy"
MAX_PHOTOS = 64

_NPY_DIMENSIONS = {3: False, 4: True}
_READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

Photos = Sequence[bytes | str]
"""Image files; text in the place of one says why there is none."""
Result = dict[str, Any]
"""Of one photo: its scores and its calibrated probabilities, or its error."""


class RequestError(ValueError):
    """A request that gets no prediction; the message says what was wrong and what to send."""

    def __init__(self, sentence: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(sentence)
        self.status = status


def parse_request(body: bytes, content_type: str) -> tuple[Photos, bool]:
    """The photos of a request, not yet decoded, and whether they are a batch. Raises RequestError."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("image/"):
        return [body], False
    if kind == JSON:
        return _parse_json(body), True
    if kind == NPY:
        return _parse_npy(body)
    raise RequestError(
        f"content type {content_type!r}; send an image's bytes as image/jpeg, image/png, ..., "
        f"or a batch as {JSON} or {NPY}",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    )


def format_answer(
    classes: Sequence[str], results: Sequence[Result], accept: str, *, batch: bool
) -> tuple[bytes, str]:
    """Body and content type: JSON unless the client prefers npy. Raises RequestError for a lone error."""
    if not batch and "error" in results[0]:
        raise RequestError(results[0]["error"])
    if _prefers_npy(accept):
        unread = [math.nan] * len(classes)
        scores = np.array([result.get("scores", unread) for result in results], np.float32)
        buffer = io.BytesIO()
        np.save(buffer, scores if batch else scores[0], allow_pickle=False)
        return buffer.getvalue(), NPY
    content = {"classes": classes, **({"predictions": results} if batch else results[0])}
    return json.dumps(content, ensure_ascii=False).encode(), JSON


def _prefers_npy(accept: str) -> bool:
    """By the order in the header: quality values are not weighed."""
    kinds = (part.partition(";")[0].strip() for part in accept.lower().split(","))
    return next((kind for kind in kinds if kind in {JSON, NPY, "*/*", "application/*"}), JSON) == NPY


def _parse_json(body: bytes) -> Photos:
    try:
        instances = json.loads(body)["instances"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RequestError('the body is not JSON of the form {"instances": [{"b64": "..."}]}') from error
    if not isinstance(instances, list) or not 1 <= len(instances) <= MAX_PHOTOS:
        raise RequestError(f"instances is not a list of 1 to {MAX_PHOTOS} photos")
    return [_from_base64(instance, place) for place, instance in enumerate(instances)]


def _from_base64(instance: Any, place: int) -> bytes | str:
    text = instance.get("b64") if isinstance(instance, dict) else None
    if not isinstance(text, str):
        return f'instance {place} is not of the form {{"b64": "..."}}'
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return f"instance {place} is not base64"


def _parse_npy(body: bytes) -> tuple[Photos, bool]:
    stream = io.BytesIO(body)
    try:
        shape, by_column, kind = _READ_HEADER[np.lib.format.read_magic(stream)](stream)
    # numpy reads the header as a Python literal, which fails in many ways.
    except Exception as error:
        raise RequestError(f"the body is not an .npy array: {error}") from error
    if kind != np.uint8 or len(shape) not in _NPY_DIMENSIONS or shape[-1] != 3 or by_column:
        raise RequestError(
            f"the array is {kind} of shape {shape}; send uint8 RGB values, row by row, "
            "as (height, width, 3) or (photos, height, width, 3)"
        )
    values = body[stream.tell() :]
    # Before anything is allocated: a header can claim any size.
    if min(shape) < 1 or math.prod(shape) != len(values) or shape[-3] * shape[-2] > MAX_PIXELS:
        raise RequestError(f"the array of shape {shape} comes with {len(values)} bytes of values")
    photos = np.frombuffer(values, np.uint8).reshape(-1, *shape[-3:])
    if len(photos) > MAX_PHOTOS:
        raise RequestError(f"the array holds {len(photos)} photos; the limit is {MAX_PHOTOS}")
    return [_to_bmp(photo) for photo in photos], _NPY_DIMENSIONS[len(shape)]


def _to_bmp(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """An image file without compression: from here on, there is one way into the model."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "BMP")
    return buffer.getvalue()
