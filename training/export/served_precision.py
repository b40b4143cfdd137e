"""The graph that is served: float32, or int8 where the validation photos allow it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import openvino as ov
import torch

from drops.text import printable
from training.data.dataset import Dataset, Photo
from training.data.preprocessing import Pixels
from training.evaluation.calibration import fit_temperature
from training.export.export import append_linear, export_network
from training.export.graph import Graph
from training.export.quantise import QuantisationError, quantise
from training.export.served_model import Description, ServedModel, machine_architecture
from training.features.extraction import Features, Pass, compute_features
from training.features.preparation import PreparedBackbone
from training.job import progress
from training.job.clock import Clock
from training.models.backbones import observed_blocks
from training.models.head import TrainedHead
from training.settings import Settings
from training.unknown.detection import MOST_PHOTOS, UnknownReport
from training.unknown.learning import KnownPhotos, add_unknown_score

# Probabilities differed from float32's by 0.017 on average with 50, 0.015 with 100, 0.014 with 150 photos;
# each photo takes a tenth of a second.
MAX_CALIBRATION_PHOTOS = 50
# With fewer, chance decides: a single photo is more than three points of accuracy.
MIN_VALID_PHOTOS = 30
_REASON_CHARACTERS = 300


@dataclass(frozen=True)
class ServingReport:
    """The `serving` part of metrics.json: which precision is served and why; accuracies on validation photos.

    Figures of int8 are None where it was not tried.
    """

    precision: str
    reason: str
    architecture: str
    valid_accuracy_float32: float
    valid_accuracy_int8: float | None = None
    top_class_agreement: float | None = None
    calibration_photos: int = 0

    def figures(self) -> dict[str, Any]:
        """As metrics.json has them."""
        return asdict(self)


@dataclass(frozen=True)
class Learned:
    """A backbone with its trained head in its place, the photos behind it, and `valid` with its features."""

    prepared: PreparedBackbone
    trained: TrainedHead
    dataset: Dataset
    valid: Features


@dataclass(frozen=True)
class _Candidate:
    """A graph that could be served, and its scores (N, classes) of the validation photos."""

    graph: Graph
    scores: torch.Tensor


@dataclass(frozen=True)
class Chosen:
    """The model as the endpoint will run it, why in that precision, and how it tells unknown photos."""

    served: ServedModel
    serving: ServingReport
    unknown: UnknownReport


def choose_served_model(settings: Settings, learned: Learned, clock: Clock) -> Chosen:
    """The model as the endpoint will run it, with the temperature and the threshold of its own scores.

    int8 never fails a run: the report says why float32 is served instead.
    """
    run, valid = learned.prepared.run, learned.valid
    with clock.measure("export"):
        model = _export(settings.backbone, learned.prepared, learned.trained)
        graph = Graph(model, run.threads)
        exact = _Candidate(graph, _exact_scores(graph, learned))
    chosen, report = exact, _report("float32", _why_not(settings, valid), exact, valid)
    if not report.reason:
        with clock.measure("quantise"):
            chosen, report = _try_int8(settings, learned, model, exact)
    _say(report)
    with clock.measure("unknown"):
        known = _known_photos(settings, learned, chosen)
        graph, unknown = add_unknown_score(
            settings.unknown_false_alarm_rate, known, exact=model, served=chosen.graph
        )
    _say_unknown(unknown)
    description = Description(
        backbone=settings.backbone,
        preprocessing=run.preprocessing,
        precision=report.precision,
        architecture=report.architecture,
        temperature=fit_temperature(chosen.scores, valid.labels),
        unknown=unknown.rule(),
    )
    return Chosen(ServedModel(graph, learned.dataset.classes, description), report, unknown)


def _say(report: ServingReport) -> None:
    """`phase=serving precision=int8 valid_accuracy_float32=0.9143 ... reason=...`."""
    figures = report.figures()
    reason = figures.pop("reason")
    rounded = {name: f"{value:.4f}" if isinstance(value, float) else value for name, value in figures.items()}
    progress.say_phase("serving", **rounded, reason=reason)


def _say_unknown(report: UnknownReport) -> None:
    """`phase=unknown threshold=1.4126 left_out_auroc=0.8810`, or why not."""
    if report.reason:
        progress.say_phase("unknown", reason=report.reason)
    else:
        progress.say_phase(
            "unknown",
            threshold=f"{report.threshold:.4f}",
            left_out_auroc="-" if report.left_out_auroc is None else f"{report.left_out_auroc:.4f}",
        )


def _known_photos(settings: Settings, learned: Learned, served: _Candidate) -> KnownPhotos:
    seed, valid = settings.head.seed, learned.valid.photos
    return KnownPhotos(
        learned.prepared.run,
        learned.dataset.classes,
        pick_calibration_photos(learned.dataset.splits["train"], MOST_PHOTOS, seed),
        valid,
        served.scores.double().numpy(),
        pick_calibration_photos(valid, MOST_PHOTOS, seed),
    )


def pick_calibration_photos(photos: list[Photo], limit: int, seed: int) -> list[Photo]:
    """At most `limit` of them, at random, and of each class as many as of any other while it has some."""
    order = np.random.default_rng(seed).permutation(len(photos))
    taken: dict[int, int] = {}
    ranked = []
    for photo in (photos[number] for number in order):
        taken[photo.label] = taken.get(photo.label, 0) + 1
        ranked.append((taken[photo.label], photo))
    ranked.sort(key=lambda each: each[0])
    return [photo for _, photo in ranked[:limit]]


def _export(backbone: str, prepared: PreparedBackbone, trained: TrainedHead) -> ov.Model:
    """The whole network; a frozen backbone that is a graph already only gets its head."""
    if prepared.graph is None or trained.backbone_tuned:
        observe = partial(observed_blocks, name=backbone)
        return export_network(prepared.network, prepared.run.preprocessing, observe)
    weight, bias = (part.detach().cpu().numpy() for part in (trained.layer.weight, trained.layer.bias))
    return append_linear(prepared.graph, weight, bias)


def _exact_scores(graph: Graph, learned: Learned) -> torch.Tensor:
    prepared, valid = learned.prepared, learned.valid
    if prepared.graph is None or learned.trained.backbone_tuned:
        return compute_features(prepared.run.on_engine(graph.run), valid.photos).outputs
    # The features are this graph's own.
    with torch.inference_mode():
        return torch.cat([learned.trained.layer(chunk[:, 0]) for chunk in valid.file.chunks()])


def _why_not(settings: Settings, valid: Features) -> str:
    """Why int8 is not even tried; empty where it is."""
    machine = machine_architecture()
    if settings.int8 == "never":
        return "int8 is switched off"
    if settings.serving_architecture != machine:
        return (
            f"the endpoint is {settings.serving_architecture} and the training machine {machine}: "
            "int8 is served only on the architecture on which it was validated"
        )
    count = len(valid.photos)
    if count < MIN_VALID_PHOTOS:
        return f"{count} validation photos are too few to judge int8 by; {MIN_VALID_PHOTOS} are enough"
    return ""


def _try_int8(
    settings: Settings, learned: Learned, model: ov.Model, exact: _Candidate
) -> tuple[_Candidate, ServingReport]:
    """int8 and its report, or float32 and why."""
    run, valid = learned.prepared.run, learned.valid
    sample = pick_calibration_photos(
        learned.dataset.splits["train"], MAX_CALIBRATION_PHOTOS, settings.head.seed
    )
    progress.say_phase("quantise", photos=len(sample))
    try:
        graph = Graph(quantise(model, _decode(run, sample)), run.threads)
    except QuantisationError as error:
        reason = printable(f"int8 could not be made: {error}", _REASON_CHARACTERS)
        return exact, replace(_report("float32", reason, exact, valid), calibration_photos=len(sample))
    run.session.stop.check()
    int8 = _Candidate(graph, compute_features(run.on_engine(graph.run), valid.photos).outputs)
    lost = _accuracy(exact, valid) - _accuracy(int8, valid)
    allowed = settings.int8_max_accuracy_loss
    served = lost <= allowed
    report = replace(
        _report(
            "int8" if served else "float32",
            f"int8 changes the validation accuracy by {-lost:+.2%}, and a loss of "
            f"{'at most' if served else 'no more than'} {allowed:.2%} is allowed",
            exact,
            valid,
        ),
        valid_accuracy_int8=_accuracy(int8, valid),
        top_class_agreement=(exact.scores.argmax(1) == int8.scores.argmax(1)).double().mean().item(),
        calibration_photos=len(sample),
    )
    return (int8 if served else exact), report


def _decode(run: Pass, photos: list[Photo]) -> list[Pixels]:
    with ThreadPoolExecutor(run.threads) as pool:
        return list(pool.map(lambda photo: run.preprocessing.decode(run.source.read(photo.name)), photos))


def _report(precision: str, reason: str, exact: _Candidate, valid: Features) -> ServingReport:
    return ServingReport(precision, reason, machine_architecture(), _accuracy(exact, valid))


def _accuracy(candidate: _Candidate, valid: Features) -> float:
    return (candidate.scores.argmax(1) == valid.labels).double().mean().item()
