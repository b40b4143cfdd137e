"""The endpoint's wire format: what a body may be, and how an answer is written."""

import base64
import io
import json
import tracemalloc
from http import HTTPStatus
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.training.made_photos import make_jpeg
from training.serving.requests import MAX_PHOTOS, RequestError, format_answer, parse_request

PHOTO = make_jpeg("blue", 1)


def npy(values: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def claiming(shape: str, kind: str = "|u1") -> bytes:
    """An array's header with that shape, and no values."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def batch_of(*instances: Any) -> bytes:
    return json.dumps({"instances": list(instances)}).encode()


@pytest.mark.parametrize("kind", ["image/jpeg", "IMAGE/PNG", "image/webp; q=1"])
def test_an_image_is_one_photo(kind: str) -> None:
    assert parse_request(PHOTO, kind) == ([PHOTO], False)


def test_a_json_batch_names_the_instances_that_are_wrong() -> None:
    body = batch_of({"b64": base64.b64encode(PHOTO).decode()}, {"b64": "%%"}, {"url": "x"}, 7)
    (photo, *wrong), is_batch = parse_request(body, "application/json; charset=utf-8")
    assert is_batch
    assert photo == PHOTO
    assert wrong == [
        "instance 1 is not base64",
        'instance 2 is not of the form {"b64": "..."}',
        'instance 3 is not of the form {"b64": "..."}',
    ]


@pytest.mark.parametrize(("dimensions", "is_batch"), [((4, 6, 3), False), ((2, 4, 6, 3), True)])
def test_npy_holds_the_very_pixels(dimensions: tuple[int, ...], is_batch: bool) -> None:
    values = np.random.default_rng(0).integers(0, 256, dimensions, dtype=np.uint8)
    photos, batch = parse_request(npy(values), "application/x-npy")
    assert batch is is_batch
    read = [np.asarray(Image.open(io.BytesIO(photo))) for photo in photos if isinstance(photo, bytes)]
    assert np.array_equal(np.stack(read), values.reshape(-1, 4, 6, 3))


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b"{", "application/json", "not JSON of the form"),
        (b"[1]", "application/json", "not JSON of the form"),
        (b"[" * 100_000, "application/json", "not JSON of the form"),
        (batch_of(), "application/json", "1 to 64 photos"),
        (batch_of(*[{}] * (MAX_PHOTOS + 1)), "application/json", "1 to 64 photos"),
        (b"", "application/x-npy", "not an .npy array"),
        (b"\x93NUMPY\x01\x00\x10\x00garbage", "application/x-npy", "not an .npy array"),
        (npy(np.zeros((4, 4, 3))), "application/x-npy", "float64 of shape (4, 4, 3)"),
        (npy(np.zeros((4, 4), np.uint8)), "application/x-npy", "uint8 of shape (4, 4)"),
        (npy(np.array([{}], dtype=object)), "application/x-npy", "send uint8 RGB values"),
        (npy(np.zeros((65, 1, 1, 3), np.uint8)), "application/x-npy", "65 photos; the limit is 64"),
        (npy(np.zeros((0, 4, 3), np.uint8)), "application/x-npy", "comes with 0 bytes"),
        (claiming("(1000000, 1000000, 3)"), "application/x-npy", "comes with 0 bytes"),
        (claiming("(-1, -1, 3)") + b"abc", "application/x-npy", "comes with 3 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(body: bytes, kind: str, sentence: str) -> None:
    tracemalloc.start()
    with pytest.raises(RequestError) as refusal:
        parse_request(body, kind)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refusal.value.status == HTTPStatus.BAD_REQUEST
    assert sentence in str(refusal.value)
    assert most < 64 << 20


@pytest.mark.parametrize("kind", ["", "text/plain", "application/octet-stream"])
def test_other_content_types_are_415(kind: str) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_request(PHOTO, kind)
    assert refusal.value.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE


CLASSES = ["a", "b"]
SCORED = {"scores": [1.5, -1.0], "probabilities": [0.9, 0.1]}
CUT = {"error": "cut"}


def test_answers_in_json() -> None:
    text, kind = format_answer(CLASSES, [SCORED], "*/*", batch=False)
    assert kind == "application/json"
    assert json.loads(text) == {"classes": CLASSES, **SCORED}
    text, _ = format_answer(CLASSES, [CUT, SCORED], "", batch=True)
    assert json.loads(text) == {"classes": CLASSES, "predictions": [CUT, SCORED]}


def test_answers_in_npy() -> None:
    body, kind = format_answer(CLASSES, [CUT, SCORED], "application/x-npy, application/json", batch=True)
    assert kind == "application/x-npy"
    expected = np.array([[np.nan] * 2, [1.5, -1.0]], np.float32)
    assert np.array_equal(np.load(io.BytesIO(body)), expected, equal_nan=True)


@pytest.mark.parametrize(
    "accept", ["application/json, application/x-npy", "text/html", "*/*", "application/*"]
)
def test_json_unless_npy_comes_first(accept: str) -> None:
    assert format_answer(CLASSES, [SCORED], accept, batch=False)[1] == "application/json"


def test_a_photo_alone_that_cannot_be_read_is_an_error_whatever_is_accepted() -> None:
    with pytest.raises(RequestError, match="cut"):
        format_answer(CLASSES, [CUT], "application/x-npy", batch=False)
