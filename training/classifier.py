"""A trained classifier as it lies in a model artefact: `model.pth`, `classes.json`, `model.json`."""

import io
import json
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from backbones import BACKBONES, build_classifier
from preprocessing import Pixels, Preprocessing

WEIGHTS_FILE = "model.pth"
CLASSES_FILE = "classes.json"
DESCRIPTION_FILE = "model.json"
FORMAT_VERSION = 1


class ArtefactError(ValueError):
    """A model artefact lacks a file or does not hold what its description says."""


@dataclass(frozen=True)
class Classifier:
    """A network on its device, its classes in the order of its outputs, and how it wants its photos.

    Probabilities are softmax(logits / temperature); see calibration.py.
    """

    network: nn.Module
    backbone: str
    classes: list[str]
    preprocessing: Preprocessing
    device: torch.device
    temperature: float = 1.0

    def logits(self, photos: list[Pixels]) -> torch.Tensor:
        """Raw scores (N, classes) in float32 on the CPU, for decoded photos."""
        with torch.inference_mode():
            images = self.preprocessing.batch(photos, self.device)
            scores: torch.Tensor = self.network(images)
            return scores.float().cpu()

    def describe(self) -> dict[str, Any]:
        """What model.json says."""
        return {
            "format_version": FORMAT_VERSION,
            "backbone": self.backbone,
            "padding": BACKBONES[self.backbone].padding,
            "temperature": self.temperature,
            **self.preprocessing.describe(),
        }


def pick_device() -> torch.device:
    """The first GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load_classifier(read_file: Callable[[str], bytes], device: torch.device) -> Classifier:
    """Load an artefact; `read_file` gives a file's bytes by name, KeyError or OSError if it is absent.

    Raises ArtefactError, which names the file at fault. Weights are read with `weights_only=True`, so that
    an artefact cannot bring code.
    """
    description, preprocessing = _read_description(_read(read_file, DESCRIPTION_FILE))
    classes = _read_classes(_read(read_file, CLASSES_FILE))
    backbone = description["backbone"]
    network = build_classifier(backbone, len(classes))
    try:
        weights = _read(read_file, WEIGHTS_FILE)
        network.load_state_dict(torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True))
    except (RuntimeError, EOFError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise ArtefactError(f"{WEIGHTS_FILE} does not hold the weights of {backbone}: {error}") from error
    network = network.eval().requires_grad_(requires_grad=False)
    # channels_last is an overload that torch's stubs lack.
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Classifier(network, backbone, classes, preprocessing, device, _read_temperature(description))


def _read(read_file: Callable[[str], bytes], name: str) -> bytes:
    try:
        return read_file(name)
    except (KeyError, OSError) as error:
        raise ArtefactError(f"the model artefact has no {name}") from error


def _read_description(text: bytes) -> tuple[dict[str, Any], Preprocessing]:
    try:
        description: dict[str, Any] = json.loads(text)
        version, backbone = description["format_version"], description["backbone"]
        preprocessing = Preprocessing.from_description(description)
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{DESCRIPTION_FILE} is malformed: {error!r}") from error
    if version != FORMAT_VERSION:
        raise ArtefactError(f"{DESCRIPTION_FILE} has format version {version}, not {FORMAT_VERSION}")
    if backbone not in BACKBONES:
        raise ArtefactError(f"{DESCRIPTION_FILE} names the unknown backbone {backbone!r}")
    return description, preprocessing


def _read_temperature(description: dict[str, Any]) -> float:
    """1 for an artefact from before there was a temperature."""
    temperature = description.get("temperature", 1.0)
    if not isinstance(temperature, int | float) or not 0 < temperature < math.inf:
        raise ArtefactError(f"{DESCRIPTION_FILE} has the temperature {temperature!r}, not a positive number")
    return float(temperature)


def _read_classes(text: bytes) -> list[str]:
    try:
        classes = json.loads(text)
    except ValueError as error:
        raise ArtefactError(f"{CLASSES_FILE} is not JSON: {error}") from error
    if not isinstance(classes, list) or not classes or not all(isinstance(name, str) for name in classes):
        raise ArtefactError(f"{CLASSES_FILE} is not a list of class names")
    return classes
