"""The four functions that a SageMaker model server calls: photos in, the classes' scores out.

Request: POST /invocations with an image's bytes, or a batch; serving_request.py has the formats. A request
that cannot be answered gets status 400 or 415 and `{"error": "..."}`. The probabilities are calibrated:
softmax of the scores divided by the temperature of model.json. serve.py, which puts requests together, calls
`predict_batch`.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import memory
from classifier import load_classifier, pick_device
from preprocessing import PhotoError, Pixels
from serving_network import ServingNetwork, prepare_network
from serving_request import Photos, Prediction, Refusal, Scored, format_answer, parse_request


class RequestContext(Protocol):
    """The part of a model server's request context that is used here."""

    def set_response_status(self, code: int, phrase: str = "") -> None:
        """Answer the request with this HTTP status."""
        ...


def model_fn(model_dir: str) -> ServingNetwork:
    """The artefact's network, warmed by a prediction. Raises ArtefactError, which names the file at fault."""
    memory.keep_freed_memory()
    return prepare_network(load_classifier(lambda name: (Path(model_dir) / name).read_bytes(), pick_device()))


def input_fn(data: bytes, content_type: str, context: RequestContext | None = None) -> Photos | Refusal:
    """The request's photos, not yet decoded."""
    return parse_request(data, content_type)


def predict_fn(
    photos: Photos | Refusal, model: ServingNetwork, context: RequestContext
) -> Prediction | Refusal:
    """The prediction for one request; a refusal sets the answer's status."""
    (prediction,) = predict_batch([photos], model)
    if isinstance(prediction, Refusal):
        context.set_response_status(prediction.status, prediction.status.phrase)
    return prediction


def output_fn(prediction: Prediction | Refusal, accept: str) -> tuple[str | bytes, str]:
    """Body and content type: JSON, or npy for who prefers it."""
    return format_answer(prediction, accept)


def predict_batch(requests: Sequence[Photos | Refusal], model: ServingNetwork) -> list[Prediction | Refusal]:
    """The predictions for several requests, in order, by as few passes of the network as possible."""
    decoded = [_decode(request, model) for request in requests]
    pixels = [photo for photos in decoded for photo in photos if not isinstance(photo, Refusal)]
    scored = iter(_score(pixels, model))
    return [
        _predict(
            request,
            [photo if isinstance(photo, Refusal) else next(scored) for photo in photos],
            model.classifier.classes,
        )
        for request, photos in zip(requests, decoded, strict=True)
    ]


def _decode(request: Photos | Refusal, model: ServingNetwork) -> list[Pixels | Refusal]:
    files = [] if isinstance(request, Refusal) else request.files
    return [file if isinstance(file, Refusal) else _decode_photo(file, model) for file in files]


def _decode_photo(photo: bytes, model: ServingNetwork) -> Pixels | Refusal:
    try:
        return model.classifier.preprocessing.decode(photo)
    except PhotoError as error:
        return Refusal(f"bad image: {error}")


def _score(pixels: list[Pixels], model: ServingNetwork) -> list[Scored]:
    if not pixels:
        return []
    temperature = model.classifier.temperature
    return [Scored(scores, _softmax(scores, temperature)) for scores in model.logits(pixels).tolist()]


def _softmax(scores: list[float], temperature: float) -> list[float]:
    """For a handful of numbers, calling torch three times takes longer than this."""
    highest = max(scores)
    weights = [math.exp((score - highest) / temperature) for score in scores]
    total = sum(weights)
    return [weight / total for weight in weights]


def _predict(
    request: Photos | Refusal, photos: list[Scored | Refusal], classes: list[str]
) -> Prediction | Refusal:
    if isinstance(request, Refusal):
        return request
    if not request.batch and isinstance(photos[0], Refusal):
        return photos[0]
    return Prediction(classes, photos, request.batch)
