"""What an endpoint serves: the graph, its classes, and how it wants its photos. Nothing here needs torch.

A model artefact holds `graph.xml` and `graph.bin` (the graph), `classes.json` (its classes in the order of
the outputs) and `model.json` (the rest). `model.pth`, the weights for training on, is not read here.
"""

import json
import math
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.drift import DRIFT
from contracts.limits import DEFAULT_TOP_K
from training.data.preprocessing import Pixels, Preprocessing
from training.export.drift_reference import DriftReference, read_drift_reference
from training.export.graph import Graph, GraphError, Scores
from training.export.heat_map import Explainer

GRAPH_FILE = "graph.xml"
GRAPH_WEIGHTS_FILE = "graph.bin"
CLASSES_FILE = "classes.json"
DESCRIPTION_FILE = "model.json"
FORMAT_VERSION = 2
PRECISIONS = ("float32", "int8")


class ArtefactError(ValueError):
    """A model artefact lacks a file or does not hold what its description says."""


@dataclass(frozen=True)
class UnknownRule:
    """A photo whose score is above `threshold` is called unknown; of photos like the training's, that
    happens to the share `false_alarm_rate`."""

    threshold: float
    false_alarm_rate: float


@dataclass(frozen=True)
class Description:
    """model.json. `architecture` is the kind of processor on which an int8 graph was validated.

    `unknown` is None where the model cannot tell, as one that was trained before it could; `drift` where the
    training left nothing to compare answers with.
    """

    backbone: str
    preprocessing: Preprocessing
    precision: str
    architecture: str
    temperature: float
    unknown: UnknownRule | None = None
    drift: DriftReference | None = None

    def to_json(self) -> dict[str, Any]:
        """As model.json has it."""
        return {
            "format_version": FORMAT_VERSION,
            "backbone": self.backbone,
            "precision": self.precision,
            "architecture": self.architecture,
            "temperature": self.temperature,
            **({"unknown": asdict(self.unknown)} if self.unknown else {}),
            **({DRIFT: self.drift.to_json()} if self.drift else {}),
            **self.preprocessing.describe(),
        }


@dataclass(frozen=True)
class ServedModel:
    """A graph ready to run, its classes in the order of its outputs, and its description."""

    graph: Graph
    classes: list[str]
    description: Description

    @cached_property
    def explainer(self) -> Explainer:
        """What makes heat maps of this model's answers; it costs nothing until it is asked."""
        return Explainer(self.graph)

    def scores(self, photos: list[Pixels]) -> Scores:
        """Raw scores (N, classes) for decoded photos."""
        return self.graph.run(photos)

    def answers(self, photos: list[Pixels]) -> tuple[Scores, Scores | None]:
        """Raw scores (N, classes), and how unlike the training photos each photo is (N,); None where the
        model cannot tell."""
        outputs = self.graph.run_all(photos)
        return outputs[0], outputs[1] if self.description.unknown else None

    def rows(self, photos: list[Pixels]) -> Scores:
        """What `answers` gives in one array: the scores, and behind them the unknown score, if any."""
        scores, unknown = self.answers(photos)
        return scores if unknown is None else np.concatenate([scores, unknown[:, None]], 1)

    def unknown(self, score: float) -> dict[str, Any]:
        """What is answered of a photo's unknown score; nothing where the model cannot tell."""
        rule = self.description.unknown
        if rule is None:
            return {}
        return {
            "unknown": bool(score > rule.threshold),
            "unknown_score": round(float(score), 4),
            "unknown_threshold": round(rule.threshold, 4),
        }

    def drift(self, probabilities: NDArray[np.float64], unknown_score: float | None) -> dict[str, Any]:
        """What is answered beside a photo's probabilities (classes,): in which bins it counts."""
        reference = self.description.drift
        if reference is None:
            return {}
        return {DRIFT: reference.places(float(probabilities.max()), unknown_score)}

    def probabilities(self, scores: Scores) -> NDArray[np.float64]:
        """Calibrated probabilities (N, classes): softmax of the scores divided by the temperature."""
        scaled = scores.astype(np.float64) / self.description.temperature
        powers = np.exp(scaled - scaled.max(1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(1, keepdims=True)
        return shares

    def predictions(self, scores: Scores) -> list[list[dict[str, Any]]]:
        """The likeliest classes of each photo, the first one first, as the inference function answers."""
        probabilities = self.probabilities(scores)
        best = (-probabilities).argsort(axis=1, kind="stable")[:, :DEFAULT_TOP_K]
        return [
            [{"label": self.classes[place], "probability": round(float(row[place]), 6)} for place in places]
            for row, places in zip(probabilities, best.tolist(), strict=True)
        ]


def load_served_model(
    read_file: Callable[[str], bytes], threads: int, *, one_photo: bool = False
) -> ServedModel:
    """Load an artefact; `read_file` gives a file's bytes by name, KeyError or OSError if it is absent.

    `one_photo`: for single photos only, which is quicker.
    Raises ArtefactError, which names the file at fault, or says that an int8 graph was validated on another
    kind of processor. A graph cannot bring code.
    """
    description = _read_description(_read(read_file, DESCRIPTION_FILE))
    classes = _read_classes(_read(read_file, CLASSES_FILE))
    machine = machine_architecture()
    if description.precision == "int8" and description.architecture != machine:
        raise ArtefactError(
            f"the int8 graph was validated on {description.architecture}, and this machine is {machine}: "
            "train for endpoints of this kind, or serve on the other"
        )
    try:
        xml, weights = _read(read_file, GRAPH_FILE), _read(read_file, GRAPH_WEIGHTS_FILE)
        graph = Graph.read(xml, weights, threads, one_photo=one_photo)
    except GraphError as error:
        raise ArtefactError(f"{GRAPH_FILE}: {error}") from error
    side = description.preprocessing.image_size
    if not graph.fits(side, len(classes), 1 if one_photo else -1):
        raise ArtefactError(f"{GRAPH_FILE} does not give {len(classes)} scores for photos of {side} pixels")
    if description.unknown and graph.output_count < 2:
        raise ArtefactError(
            f"{GRAPH_FILE} has no score of unknown photos, which {DESCRIPTION_FILE} has a rule for"
        )
    return ServedModel(graph, classes, description)


def machine_architecture() -> str:
    """`x86_64` or `arm64`, whatever the system calls it."""
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine)


def _read(read_file: Callable[[str], bytes], name: str) -> bytes:
    try:
        return read_file(name)
    except (KeyError, OSError) as error:
        raise ArtefactError(f"the model artefact has no {name}") from error


def _read_description(text: bytes) -> Description:
    try:
        content = json.loads(text)
        version = content["format_version"]
        if version != FORMAT_VERSION:
            raise ArtefactError(
                f"{DESCRIPTION_FILE} has format version {version}, not {FORMAT_VERSION}: train it again"
            )
        description = Description(
            backbone=content["backbone"],
            preprocessing=Preprocessing.from_description(content),
            precision=content["precision"],
            architecture=content["architecture"],
            temperature=content["temperature"],
            unknown=_read_unknown(content.get("unknown")),
            drift=read_drift_reference(content.get(DRIFT)),
        )
    except ArtefactError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{DESCRIPTION_FILE} is malformed: {error!r}") from error
    if description.precision not in PRECISIONS:
        raise ArtefactError(f"{DESCRIPTION_FILE} names the unknown precision {description.precision!r}")
    temperature = description.temperature
    if not isinstance(temperature, int | float) or not 0 < temperature < math.inf:
        raise ArtefactError(f"{DESCRIPTION_FILE} has the temperature {temperature!r}, not a positive number")
    return description


def _read_unknown(content: Any) -> UnknownRule | None:
    if content is None:
        return None
    rule = UnknownRule(content["threshold"], content["false_alarm_rate"])
    for value in (rule.threshold, rule.false_alarm_rate):
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ArtefactError(f"{DESCRIPTION_FILE} has {value!r} in its rule for unknown photos")
    return rule


def _read_classes(text: bytes) -> list[str]:
    try:
        classes = json.loads(text)
    except ValueError as error:
        raise ArtefactError(f"{CLASSES_FILE} is not JSON: {error}") from error
    if not isinstance(classes, list) or not classes or not all(isinstance(name, str) for name in classes):
        raise ArtefactError(f"{CLASSES_FILE} is not a list of class names")
    return classes
