"""report.html: one page for a person, with everything in it; nothing is loaded from elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from contracts.bucket import MODEL_CARD
from drops.text import printable
from training.data.photo_source import PhotoSource
from training.features.extraction import Features
from training.models.head import Epoch
from training.report.charts import draw_confusion_matrix, draw_learning_curve, draw_reliability
from training.report.doctor import render_doctor
from training.report.markup import data_uri as _data_uri
from training.report.markup import name as _name
from training.report.markup import page as _page
from training.report.markup import section as _section
from training.report.markup import table as _table
from training.report.markup import text as _text
from training.report.thumbnails import make_thumbnail
from training.report.unknown import unknown_lead

_MAX_MISTAKES = 12
_MAX_EXCLUDED_SHOWN = 200
# Largest class over smallest from which the report speaks of it.
_SKEWED_FROM = 3


@dataclass(frozen=True)
class Mistake:
    """A test photo that the model gets wrong, how sure it was, and a small picture of it.

    `heat_map` is a PNG of what the wrong answer comes from, None where the model has none.
    """

    name: str
    truth: str
    answer: str
    probability: float
    thumbnail: bytes
    heat_map: bytes | None = None


def find_mistakes(
    test: Features,
    logits: torch.Tensor,
    classes: list[str],
    source: PhotoSource,
    explain: Callable[[bytes], bytes | None],
) -> list[Mistake]:
    """The wrong answers that the model was surest of, at most twelve."""
    probabilities = logits.softmax(1)
    confidence, predicted = probabilities.max(1)
    wrong = (predicted != test.labels).nonzero().flatten()
    worst = wrong[confidence[wrong].argsort(descending=True, stable=True)][:_MAX_MISTAKES]
    return [
        Mistake(
            name=test.photos[row].name,
            truth=classes[test.photos[row].label],
            answer=classes[int(predicted[row])],
            probability=float(confidence[row]),
            thumbnail=make_thumbnail(photo),
            heat_map=explain(photo),
        )
        for row, photo in ((row, source.read(test.photos[row].name)) for row in worst.tolist())
    ]


def render_report(
    metrics: dict[str, Any],
    mistakes: list[Mistake],
    findings: str = "",
    doctor: dict[str, Any] | None = None,
) -> str:
    """The page, of metrics.json, the worst mistakes, what the inspection warned of, and doctor.json."""
    classes = metrics["classes"]
    history = [Epoch(**epoch) for epoch in metrics["history"]]
    sections = [
        _header(metrics),
        _section(
            "Learning curve",
            "Validation decides when training stops; the dotted line is the epoch that was kept.",
            _picture(draw_learning_curve(history, metrics["best_epoch"]), "Loss and accuracy by epoch"),
        ),
        _section(
            "Confusion matrix",
            "Test photos. A row is a true class, a column what the model answered.",
            _picture(draw_confusion_matrix(metrics["confusion_matrix"], classes), "Confusion matrix"),
        ),
        _section("Probabilities", _calibration_lead(metrics), _calibration_chart(metrics)),
        _section("Classes", "Weakest first, on the test photos.", _class_table(metrics["per_class"])),
        _section("Worst mistakes", _mistakes_lead(mistakes), "".join(map(_mistake, mistakes)), "mistakes"),
        _section("Unknown photos", unknown_lead(metrics["unknown"]), _left_out_table(metrics["unknown"])),
        *(render_doctor(doctor) if doctor else []),
        *_inspection(findings),
        _section("Left out", _excluded_lead(metrics), _excluded_table(metrics["excluded_images"])),
        _section("How it was made", "", _settings(metrics)),
    ]
    return _page(f"{metrics['backbone']}: {metrics['accuracy']:.1%} on the test", sections)


def _header(metrics: dict[str, Any]) -> str:
    images, seconds = metrics["images"], metrics["seconds"]
    cards = [
        ("Test accuracy", f"{metrics['accuracy']:.1%}", f"on {images['test']} photos never trained on"),
        ("Top-5 accuracy", f"{metrics['top5_accuracy']:.1%}", f"among {len(metrics['classes'])} classes"),
        ("Test loss", f"{metrics['loss']:.3f}", "cross-entropy"),
        ("Training time", f"{seconds['total']:.1f} s", f"{seconds['features']:.1f} s of it for the features"),
    ]
    tiles = "".join(
        f'<div class="card"><span>{name}</span><b>{value}</b><small>{note}</small></div>'
        for name, value, note in cards
    )
    counts = f"{images['train']} train · {images['valid']} validation · {images['test']} test photos"
    return (
        f"<header><p>Run {_text(metrics['run_id'])}</p><h1>{_text(metrics['backbone'])}, "
        f"{len(metrics['classes'])} classes</h1><p>{counts} · "
        f'<a href="{MODEL_CARD}">model card</a></p></header>'
        f'<div class="cards">{tiles}</div>{_serving(metrics)}{_champion(metrics)}{_skew(metrics)}'
    )


def _serving(metrics: dict[str, Any]) -> str:
    """Which precision the endpoint computes at, and why."""
    serving = metrics["serving"]
    figures = f"Validation accuracy {serving['valid_accuracy_float32']:.1%} in float32"
    if serving["valid_accuracy_int8"] is not None:
        figures += (
            f", {serving['valid_accuracy_int8']:.1%} in int8, with the same class for "
            f"{serving['top_class_agreement']:.1%} of the photos"
        )
    return (
        f'<p class="note">The endpoint computes in <b>{_text(serving["precision"])}</b>: '
        f"{_text(serving['reason'])}. {figures}. All figures of the test are those of this graph.</p>"
    )


def _champion(metrics: dict[str, Any]) -> str:
    champion = metrics["champion"]
    if champion is None:
        return ""
    if not champion["comparable"]:
        return (
            f'<p class="note">Not compared with the model that serves now: {_text(champion["reason"])}.</p>'
        )
    difference = metrics["accuracy"] - champion["accuracy"]
    return (
        f'<p class="note">The model that serves now gets <b>{champion["accuracy"]:.1%}</b> on the same test '
        f"photos: this one is {abs(difference):.1%} {'better' if difference >= 0 else 'worse'}. "
        f"{champion['challenger_only_right']} photos are right only here, "
        f"{champion['champion_only_right']} only there.</p>"
    )


def _skew(metrics: dict[str, Any]) -> str:
    """A note where some classes have far more photos to train on than others."""
    counts, classes = metrics["class_counts"], metrics["classes"]
    fewest, most = min(counts), max(counts)
    if most < _SKEWED_FROM * fewest:
        return ""
    if metrics["hyperparameters"]["class_weights"] == "balanced":
        effect = "The loss was weighted so that each class counted the same."
    else:
        effect = "Each photo counted the same, so rare classes counted less: see class-weights."
    return (
        f'<p class="note">The classes are uneven: {_name(classes[counts.index(most)])} has {most} photos to '
        f"train on, {_name(classes[counts.index(fewest)])} has {fewest}. {effect}</p>"
    )


def _calibration_lead(metrics: dict[str, Any]) -> str:
    calibration = metrics["calibration"]
    return (
        "Of the answers given with 80 %, 80 % should be right: the dots should lie on the line. Their mean "
        f"distance from it (expected calibration error) is {calibration['error_before']:.1%} as scored and "
        f"{calibration['error_after']:.1%} at the temperature {calibration['temperature']:.2f}, which was "
        "fitted to the validation photos and which the endpoint applies."
    )


def _calibration_chart(metrics: dict[str, Any]) -> str:
    calibration = metrics["calibration"]
    svg = draw_reliability(calibration["bins_before"], calibration["bins_after"])
    return _picture(svg, "Share of right answers by probability")


def _picture(svg: str, description: str) -> str:
    return f'<img class="chart" alt="{_text(description)}" src="{_data_uri("image/svg+xml", svg.encode())}">'


def _class_table(per_class: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{_name(row['label'])}</td><td>{_bar(row['f1'])}</td><td>{row['precision']:.2f}</td>"
        f"<td>{row['recall']:.2f}</td><td>{row['support']}</td></tr>"
        for row in sorted(per_class, key=lambda row: (row["f1"], row["label"]))
    )
    return _table(["Class", "F1", "Precision", "Recall", "Test photos"], rows)


def _bar(value: float) -> str:
    return f'<span class="bar"><i style="width:{value:.0%}"></i></span> {value:.2f}'


def _mistakes_lead(mistakes: list[Mistake]) -> str:
    if not mistakes:
        return "None: every test photo was classified correctly."
    lead = "Wrong answers on the test photos that the model was surest of."
    if any(mistake.heat_map for mistake in mistakes):
        lead += " Red is where the wrong answer comes from."
    return lead


def _mistake(mistake: Mistake) -> str:
    heat_map = ""
    if mistake.heat_map:
        heat_map = f'<img alt="Heat map" src="{_data_uri("image/png", mistake.heat_map)}">'
    return (
        f'<figure><img alt="" src="{_data_uri("image/jpeg", mistake.thumbnail)}">{heat_map}<figcaption>'
        f"<b>{_name(mistake.answer)}</b> {mistake.probability:.0%}<br>is {_name(mistake.truth)}"
        f"<small>{_name(mistake.name)}</small></figcaption></figure>"
    )


def _left_out_table(unknown: dict[str, Any]) -> str:
    """A row a class that was left out in turn."""
    rows = "".join(
        f"<tr><td>{_name(row['label'])}</td><td>{row['auroc']:.2f}</td><td>{row['detected']:.0%}</td></tr>"
        for row in unknown["left_out"]
    )
    return _table(["Class left out", "AUROC", "Called unknown"], rows) if rows else ""


def _inspection(findings: str) -> list[str]:
    return [_section("What the inspection found", printable(findings), "")] if findings else []


def _excluded_lead(metrics: dict[str, Any]) -> str:
    count = len(metrics["excluded_images"])
    if not count:
        return "No photo was left out."
    shown = f"; the first {_MAX_EXCLUDED_SHOWN} are shown" if count > _MAX_EXCLUDED_SHOWN else ""
    return f"{count} photos took no part{shown}."


def _excluded_table(excluded: list[dict[str, str]]) -> str:
    if not excluded:
        return ""
    rows = "".join(
        f"<tr><td>{_name(item['name'])}</td><td>{_text(item['reason'])}</td></tr>"
        for item in excluded[:_MAX_EXCLUDED_SHOWN]
    )
    return _table(["Photo", "Reason"], rows)


def _settings(metrics: dict[str, Any]) -> str:
    tables = [
        _table(["Hyperparameter", ""], _pairs(metrics["hyperparameters"])),
        _table(["Phase", "Seconds", "Photos/s", "Peak memory"], _phases(metrics)),
        _table(["Version", ""], _pairs(metrics["versions"])),
    ]
    return f'<div class="columns">{"".join(tables)}</div>'


def _phases(metrics: dict[str, Any]) -> str:
    speeds, memory = metrics["images_per_second"], metrics["peak_memory_mib"]
    rows = [
        (
            phase,
            f"{seconds:.2f}",
            f"{speeds[phase]:.0f}" if phase in speeds else "",
            f"{memory[phase]:.0f} MiB" if phase in memory else "",
        )
        for phase, seconds in metrics["seconds"].items()
    ]
    return "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)


def _pairs(values: dict[str, Any]) -> str:
    return "".join(
        f"<tr><td>{_text(str(name))}</td><td>{_text(str(value))}</td></tr>" for name, value in values.items()
    )
