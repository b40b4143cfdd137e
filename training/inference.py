"""The four functions that a SageMaker model server calls: a photo's bytes in, the classes' scores out.

Request: POST /invocations with the bytes of one image and its content type. Answer: application/json with
`{"classes": [...], "scores": [logits], "probabilities": [...]}`, or status 400 or 415 and `{"error": "..."}`.
The probabilities are calibrated: softmax of the scores divided by the temperature of model.json.
"""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

import memory
from classifier import Classifier, load_classifier, pick_device
from preprocessing import PhotoError, Pixels

Prediction = dict[str, Any]
_JSON = "application/json"


class RequestContext(Protocol):
    """The part of a model server's request context that is used here."""

    def set_response_status(self, code: int, phrase: str = "") -> None:
        """Answer the request with this HTTP status."""
        ...


class Refusal(NamedTuple):
    """Why a request gets no prediction; the status is set where the fault is found."""

    error: str


def model_fn(model_dir: str) -> Classifier:
    """The artefact's classifier, warmed by one prediction."""
    memory.keep_freed_memory()
    classifier = load_classifier(lambda name: (Path(model_dir) / name).read_bytes(), pick_device())
    side = classifier.preprocessing.image_size
    classifier.logits([np.zeros((side, side, 3), np.uint8)])
    return classifier


def input_fn(data: bytes, content_type: str, context: RequestContext) -> bytes | Refusal:
    """The photo's bytes, once their content type is an image's."""
    if not (content_type or "").lower().startswith("image/"):
        context.set_response_status(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type")
        return Refusal(f"content type {content_type!r}; send an image's bytes as image/jpeg, image/png, ...")
    return bytes(data)


def predict_fn(photo: bytes | Refusal, model: Classifier, context: RequestContext) -> Prediction | Refusal:
    """Classes in the model's order with their raw scores and probabilities."""
    if isinstance(photo, Refusal):
        return photo
    try:
        pixels: Pixels = model.preprocessing.decode(photo)
    except PhotoError as error:
        context.set_response_status(HTTPStatus.BAD_REQUEST, "Bad Request")
        return Refusal(f"bad image: {error}")
    logits = model.logits([pixels])[0]
    return {
        "classes": model.classes,
        "scores": logits.tolist(),
        "probabilities": (logits / model.temperature).softmax(0).tolist(),
    }


def output_fn(prediction: Prediction | Refusal, accept: str) -> tuple[str, str]:
    """JSON, whatever the client accepts: there is no other form of the answer."""
    body = {"error": prediction.error} if isinstance(prediction, Refusal) else prediction
    return json.dumps(body, ensure_ascii=False), _JSON
