"""What a run leaves for people and for the judge: metrics.json, report.html, model_card.html, the acceptance
sample, and an answer for every test photo in test_predictions.jsonl.
"""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import PIL
import torch

from contracts.bucket import DOCTOR, METRICS, MODEL_CARD, PREDICTIONS, REPORT, REVIEW
from contracts.training_job import weights_file
from training.data.dataset import Dataset
from training.data.photo_source import PhotoSource
from training.doctor.document import DoctorReport
from training.evaluation.acceptance_sample import AcceptanceSample
from training.evaluation.metrics import Evaluation
from training.export.graph import Scores
from training.export.heat_map import NoHeatMapError
from training.export.served_model import ServedModel
from training.export.served_precision import Chosen
from training.features.extraction import Features
from training.job.clock import Clock
from training.models.head import TrainedHead
from training.report.card import origin_of, render_card
from training.report.page import find_mistakes, render_report
from training.settings import Settings

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Tested:
    """What the served graph made of `test`: `logits` (N, classes), `unknown_scores` (N,) if it can tell."""

    test: Features
    logits: torch.Tensor
    unknown_scores: Scores | None
    evaluation: Evaluation
    calibration: dict[str, Any]
    champion: dict[str, Any] | None
    acceptance: AcceptanceSample

    def probabilities(self, temperature: float) -> torch.Tensor:
        """What the model says of each photo (N, classes), calibrated."""
        return (self.logits / temperature).softmax(1)


@dataclass(frozen=True)
class Results:
    """Everything that a finished run knows; `precision` is that of the features the head learned from."""

    chosen: Chosen
    dataset: Dataset
    source: PhotoSource
    precision: str
    trained: TrainedHead
    tested: Tested
    doctor: DoctorReport


def write_results(results: Results, settings: Settings, clock: Clock) -> None:
    """Write all of them to the output folder, which is made if absent."""
    folder = settings.output_dir
    folder.mkdir(parents=True, exist_ok=True)
    metrics = build_metrics(results, settings, clock)
    classes, test = results.dataset.classes, results.tested.test
    served = results.chosen.served
    calibrated = results.tested.logits / served.description.temperature
    mistakes = find_mistakes(test, calibrated, classes, results.source, partial(_heat_map, served))
    (folder / METRICS).write_text(json.dumps(metrics, indent=1, ensure_ascii=False), "utf-8")
    page = render_report(metrics, mistakes, settings.inspection_findings, results.doctor.document)
    (folder / REPORT).write_text(page, "utf-8")
    weights_sha256 = hashlib.sha256(
        (settings.weights / weights_file(settings.backbone)).read_bytes()
    ).hexdigest()
    card = render_card(metrics, origin_of(settings, results.dataset, weights_sha256))
    (folder / MODEL_CARD).write_text(card, "utf-8")
    (folder / DOCTOR).write_text(json.dumps(results.doctor.document, indent=1, ensure_ascii=False), "utf-8")
    (folder / REVIEW).write_text(results.doctor.review, "utf-8")
    results.tested.acceptance.write(folder)
    predictions = predictions_lines(served, results.tested)
    (folder / PREDICTIONS).write_text(predictions, "utf-8")


def _heat_map(served: ServedModel, photo: bytes) -> bytes | None:
    try:
        return served.explainer.explain(served.description.preprocessing.decode(photo)).over(photo)
    except NoHeatMapError:
        return None


def build_metrics(results: Results, settings: Settings, clock: Clock) -> dict[str, Any]:
    """metrics.json's content, as schemas/metrics.schema.json describes it."""
    dataset, tested, seconds = results.dataset, results.tested, clock.seconds()
    learned_from = dataset.image_count - len(dataset.splits["test"])
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": settings.run_id,
        "backbone": settings.backbone,
        "classes": dataset.classes,
        "images": {split: len(photos) for split, photos in dataset.splits.items()},
        "test_split_sha256": dataset.test_split_sha256,
        **asdict(tested.evaluation),
        "calibration": tested.calibration,
        "class_counts": _count_classes(dataset),
        "history": [epoch.figures() for epoch in results.trained.history],
        "best_epoch": results.trained.best_epoch,
        "serving": results.chosen.serving.figures(),
        "unknown": results.chosen.unknown.tested(tested.unknown_scores).figures(),
        "drift": _drift(results.chosen.served),
        "champion": tested.champion,
        "seconds": seconds,
        "images_per_second": {
            phase: round(count / max(seconds[phase], 1e-3), 1)
            for phase, count in {"read": dataset.image_count, "features": learned_from}.items()
        },
        "peak_memory_mib": clock.peak_memory_mib(),
        "excluded_images": [asdict(item) for item in dataset.excluded],
        "doctor": results.doctor.document["counts"],
        "hyperparameters": {**settings.hyperparameters(), "precision": results.precision},
        "versions": _versions(),
    }


def _drift(served: ServedModel) -> dict[str, Any] | None:
    reference = served.description.drift
    return reference.to_json() if reference else None


def predictions_lines(served: ServedModel, tested: Tested) -> str:
    """A line a test photo, as schemas/test_prediction.schema.json describes it."""
    unknown_scores = tested.unknown_scores
    if unknown_scores is None:
        unknown_scores = np.zeros(len(tested.test.photos), np.float32)
    answers = zip(tested.test.photos, served.predictions(tested.logits.numpy()), unknown_scores, strict=True)
    lines = [
        {
            "photo": photo.name,
            "label": served.classes[photo.label],
            "predictions": predictions,
            **served.unknown(unknown_score),
        }
        for photo, predictions, unknown_score in answers
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def _count_classes(dataset: Dataset) -> list[int]:
    """Photos to train on, by class."""
    counts = [0] * len(dataset.classes)
    for photo in dataset.splits["train"]:
        counts[photo.label] += 1
    return counts


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "openvino": version("openvino"),
        "nncf": version("nncf"),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
    }
