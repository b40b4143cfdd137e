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
from training.data.sampling import pick_evenly
from training.evaluation.calibration import fit_temperature
from training.export.drift_reference import DriftReference
from training.export.embedding import observe
from training.export.export import append_linear, export_network
from training.export.graph import Graph, Scores
from training.export.quantise import QuantisationError, quantise
from training.export.served_model import Description, ServedModel, machine_architecture
from training.features.extraction import Embed, Features, Part, Pass, compute_features, compute_parts
from training.features.feature_file import FeatureFile
from training.features.preparation import PreparedBackbone
from training.job import progress
from training.job.clock import Clock
from training.models.backbones import observed_blocks
from training.models.head import TrainedHead
from training.settings import Settings
from training.unknown.detection import MOST_PHOTOS, Embedded, UnknownReport, why_not
from training.unknown.learning import KnownPhotos, add_unknown_score, embedded_photos
from training.unknown.subspaces import Rows

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
    """A backbone with its trained head in its place, the photos behind it, and their features."""

    prepared: PreparedBackbone
    trained: TrainedHead
    dataset: Dataset
    train: Features
    valid: Features

    @property
    def features_are_the_graphs(self) -> bool:
        """Whether the graph in float32 would give the same features."""
        return self.prepared.graph is not None and not self.trained.backbone_tuned


@dataclass(frozen=True)
class _Candidate:
    """A graph that could be served, its scores (N, classes) of the validation photos, and their embeddings.

    There are none where unknown photos are not to be told.
    """

    model: ov.Model
    scores: torch.Tensor
    embedded: FeatureFile


@dataclass(frozen=True)
class Chosen:
    """The model as the endpoint will run it, why in that precision, and how it tells unknown photos.

    `valid_scores` (N, classes) and `valid_unknown` (N,) are what it gives for the validation photos.
    """

    served: ServedModel
    serving: ServingReport
    unknown: UnknownReport
    valid_scores: Scores
    valid_unknown: Rows | None

    def with_drift_reference(self, test_scores: Scores, test_unknown: Scores | None) -> "Chosen":
        """With what its traffic is compared with: its answers for the validation and the test photos."""
        rule, unknown = self.served.description.unknown, None
        if self.valid_unknown is not None and test_unknown is not None:
            unknown = np.concatenate([self.valid_unknown, test_unknown])
        confidence = self.served.probabilities(np.concatenate([self.valid_scores, test_scores])).max(1)
        reference = DriftReference.of(confidence, unknown, rule.threshold if rule else None)
        description = replace(self.served.description, drift=reference)
        return replace(self, served=replace(self.served, description=description))


def choose_served_model(settings: Settings, learned: Learned, clock: Clock) -> Chosen:
    """The model as the endpoint will run it, with the temperature and the threshold of its own scores.

    int8 never fails a run: the report says why float32 is served instead.
    """
    run, valid = learned.prepared.run, learned.valid
    with clock.measure("export"):
        model = _export(settings.backbone, learned)
        exact = _exact(model, settings, learned)
    chosen, report = exact, _report("float32", _why_not(settings, valid), exact, valid)
    if not report.reason:
        with clock.measure("quantise"):
            chosen, report = _try_int8(settings, learned, exact)
    _say(report)
    with clock.measure("unknown"):
        served, unknown, unknown_scores = _tell_unknown(settings, learned, exact, chosen)
        graph = Graph(served, run.threads)
    _say_unknown(unknown)
    description = Description(
        backbone=settings.backbone,
        preprocessing=run.preprocessing,
        precision=report.precision,
        architecture=report.architecture,
        temperature=fit_temperature(chosen.scores, valid.labels),
        unknown=unknown.rule(),
    )
    made = ServedModel(graph, learned.dataset.classes, description)
    return Chosen(made, report, unknown, chosen.scores.float().numpy(), unknown_scores)


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


def _tell_unknown(
    settings: Settings, learned: Learned, exact: _Candidate, served: _Candidate
) -> tuple[ov.Model, UnknownReport, Rows | None]:
    reason = _why_not_unknown(settings, learned)
    if reason is not None:
        return served.model, UnknownReport(settings.unknown_false_alarm_rate, reason), None
    photos = learned.valid.photos
    sample = {photo.name for photo in pick_evenly(photos, MOST_PHOTOS, settings.head.seed)}
    chosen = [photo for photo in photos if photo.name in sample]
    rows = exact.embedded.keep(torch.tensor([photo.name in sample for photo in photos]))
    known = KnownPhotos(
        learned.dataset.classes,
        _embedded_train(settings, learned, exact.model),
        embedded_photos(rows, chosen),
        served.embedded,
        served.scores.double().numpy(),
    )
    return add_unknown_score(settings.unknown_false_alarm_rate, known, served.model)


def _why_not_unknown(settings: Settings, learned: Learned) -> str | None:
    train, valid = len(learned.train.photos), len(learned.valid.photos)
    return why_not(settings.unknown_false_alarm_rate, train, valid)


def _embedded_train(settings: Settings, learned: Learned, exact: ov.Model) -> Embedded:
    """Of the photos that unknown ones are told by; the feature pass has them, where it was this graph's."""
    train = learned.train
    if learned.features_are_the_graphs and train.embedded_photos:
        return embedded_photos(train.embedded, train.embedded_photos)
    sample = pick_evenly(learned.dataset.splits["train"], MOST_PHOTOS, settings.head.seed)
    found = _run_observed(learned.prepared.run, exact, sample)
    return embedded_photos(found.embedded, found.embedded_photos)


def _run_observed(run: Pass, model: ov.Model, photos: list[Photo]) -> Features:
    """Outputs and embeddings of the photos, in one pass."""
    observed = observe(model)
    embed = Embed(observed.output_width, frozenset(photo.name for photo in photos))
    compute = Graph(observed.model, run.threads).run
    return compute_parts(run.on_engine(compute), [Part(photos, embed=embed)])[0]


def _export(backbone: str, learned: Learned) -> ov.Model:
    """The whole network; a frozen backbone that is a graph already only gets its head."""
    prepared, trained = learned.prepared, learned.trained
    if not learned.features_are_the_graphs:
        find = partial(observed_blocks, name=backbone)
        return export_network(prepared.network, prepared.run.preprocessing, find)
    weight, bias = (part.detach().cpu().numpy() for part in (trained.layer.weight, trained.layer.bias))
    return append_linear(prepared.graph, weight, bias)


def _exact(model: ov.Model, settings: Settings, learned: Learned) -> _Candidate:
    valid = learned.valid
    if not learned.features_are_the_graphs:
        return _run_candidate(model, settings, learned)
    with torch.inference_mode():
        scores = torch.cat([learned.trained.layer(chunk[:, 0]) for chunk in valid.file.chunks()])
    return _Candidate(model, scores, valid.embedded)


def _run_candidate(model: ov.Model, settings: Settings, learned: Learned) -> _Candidate:
    """With what the graph itself gives for the validation photos, in one pass."""
    run, photos = learned.prepared.run, learned.valid.photos
    if _why_not_unknown(settings, learned) is None:
        found = _run_observed(run, model, photos)
    else:
        found = compute_features(run.on_engine(Graph(model, run.threads).run), photos)
    return _Candidate(model, found.outputs, found.embedded)


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


def _try_int8(settings: Settings, learned: Learned, exact: _Candidate) -> tuple[_Candidate, ServingReport]:
    """int8 and its report, or float32 and why."""
    run, valid = learned.prepared.run, learned.valid
    sample = pick_evenly(learned.dataset.splits["train"], MAX_CALIBRATION_PHOTOS, settings.head.seed)
    progress.say_phase("quantise", photos=len(sample))
    try:
        quantised = quantise(exact.model, _decode(run, sample))
    except QuantisationError as error:
        reason = printable(f"int8 could not be made: {error}", _REASON_CHARACTERS)
        return exact, replace(_report("float32", reason, exact, valid), calibration_photos=len(sample))
    run.session.stop.check()
    int8 = _run_candidate(quantised, settings, learned)
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
