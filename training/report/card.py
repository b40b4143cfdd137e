"""model_card.html: what the model is, what it learned from, how good it is and what it cannot do; one page.

Its parts are those of Mitchell et al., Model Cards for Model Reporting, https://arxiv.org/abs/1810.03993.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from contracts.training_job import CHOICES, NUMBERS, SHIPPED_WEIGHTS
from training.data.dataset import Dataset
from training.doctor.kinds import CLASS_KINDS, PHOTO_KINDS
from training.evaluation.intervals import wilson_interval
from training.report.card_limits import describe_limits, mistaken_for, weakest_first
from training.report.card_style import CARD_STYLE
from training.report.markup import name, page, section, table, text
from training.settings import Settings

# A page has room for so many rows of classes.
_MAX_CLASSES = 14
# With fewer classes, one of the likeliest five is always right.
_TOP = 5
_SPLITS = {"train": "training", "valid": "validation", "test": "test"}


@dataclass(frozen=True)
class Origin:
    """Where a model comes from: the drop, the machine, the weights' SHA-256, and what was cut off from it.

    `by_class` has the photos of each class in each split, `groups` how many photos are of a scene.
    """

    drop: str
    drop_version: str
    machine: str
    weights_sha256: str
    given_splits: frozenset[str]
    by_class: dict[str, list[int]]
    groups: int


def origin_of(settings: Settings, dataset: Dataset, weights_sha256: str) -> Origin:
    """What the card says of a run beside its metrics.json."""
    by_class = {}
    for split, photos in dataset.splits.items():
        by_class[split] = [0] * len(dataset.classes)
        for photo in photos:
            by_class[split][photo.label] += 1
    grouped = sum(bool(photo.group) for photos in dataset.splits.values() for photo in photos)
    return Origin(
        settings.drop or str(settings.dataset.name),
        settings.drop_version,
        settings.machine,
        weights_sha256,
        dataset.given_splits,
        by_class,
        grouped,
    )


def render_card(metrics: dict[str, Any], origin: Origin) -> str:
    """The page, of metrics.json and where the model comes from."""
    title = f"{metrics['backbone']}, {len(metrics['classes'])} classes"
    header = (
        f"<header><p>Model card · run {text(metrics['run_id'])}</p><h1>{text(title)}</h1>"
        f"<p>{_purpose(metrics)}</p></header>"
    )
    columns = "".join(
        [
            section("Model", "", _facts(_model(metrics, origin))),
            section("Data", "", _facts(_data(metrics, origin))),
            section("On the test photos", "", _facts(_figures(metrics))),
            section("Unknown photos, and the data doctor", "", _facts(_trust(metrics))),
        ]
    )
    limits = "".join(f"<li>{text(sentence)}</li>" for sentence in describe_limits(metrics))
    sections = [
        header,
        f'<div class="columns">{columns}</div>',
        section("Limits", "", f"<ul>{limits}</ul>"),
        section("Classes", _classes_lead(metrics), _classes(metrics, origin)),
        section("How it was made", "", f"<p>{text(_made(metrics, origin))}</p>"),
    ]
    return page(f"Model card: {title}", sections, CARD_STYLE)


def _purpose(metrics: dict[str, Any]) -> str:
    shown = ", ".join(name(each) for each in metrics["classes"][:_MAX_CLASSES])
    more = len(metrics["classes"]) - _MAX_CLASSES
    others = f" and {more} more" if more > 0 else ""
    return f"Says which of these a photo shows: {shown}{others}."


def _facts(facts: Iterable[tuple[str, object]]) -> str:
    return table(
        ["", ""], "".join(f"<tr><td>{text(key)}</td><td>{text(value)}</td></tr>" for key, value in facts)
    )


def _model(metrics: dict[str, Any], origin: Origin) -> list[tuple[str, object]]:
    given, serving = metrics["hyperparameters"], metrics["serving"]
    tuned = given["fine_tune_blocks"]
    head = (
        f"a linear layer on the backbone, whose last {tuned} blocks were trained on"
        if tuned
        else ("a linear layer on the backbone, which was left as it came")
    )
    return [
        ("Backbone", f"{metrics['backbone']}, pretrained on ImageNet"),
        ("Its weights", _weights(metrics["backbone"], origin.weights_sha256)),
        ("Trained", head),
        ("Photos", f"scaled to {given['image_size']} x {given['image_size']} pixels"),
        ("Served", f"in {serving['precision']}, on {serving['architecture']}"),
    ]


def _weights(backbone: str, sha256: str) -> str:
    shipped = SHIPPED_WEIGHTS
    if backbone == shipped.backbone and sha256 == shipped.sha256:
        return f"of the package {shipped.package}, {shipped.licence}; SHA-256 {sha256[:16]}"
    return f"given at the deployment: their licence is not known here; SHA-256 {sha256[:16]}"


def _data(metrics: dict[str, Any], origin: Origin) -> list[tuple[str, object]]:
    images, given = metrics["images"], metrics["hyperparameters"]
    counts = ", ".join(f"{images[split]} {word}" for split, word in _SPLITS.items())
    cut = [split for split in ("valid", "test") if split not in origin.given_splits]
    how = "as the drop has them"
    if cut:
        shares = ", ".join(f"{given[f'{split}_share']:.0%} {_SPLITS[split]}" for split in cut)
        how = f"cut by content, class by class, seed {given['seed']}: {shares}"
    scenes = (
        f"{origin.groups} photos are of a scene" if origin.groups else "none are told by names or groups.csv"
    )
    facts: list[tuple[str, object]] = [("Drop", origin.drop), ("Version", origin.drop_version or "not noted")]
    return [
        *facts,
        ("Photos", counts),
        ("Splits", how),
        ("Scenes", scenes),
        ("Left out", f"{len(metrics['excluded_images'])} photos"),
        ("Test split", f"SHA-256 {metrics['test_split_sha256'][:16]}"),
    ]


def _figures(metrics: dict[str, Any]) -> list[tuple[str, object]]:
    count, calibration = metrics["images"]["test"], metrics["calibration"]
    recall = sum(row["recall"] for row in metrics["per_class"]) / len(metrics["per_class"])
    many = len(metrics["classes"]) > _TOP
    facts: list[tuple[str, object]] = [
        ("Accuracy", _with_interval(metrics["accuracy"], count)),
        *([("Top-5 accuracy", _with_interval(metrics["top5_accuracy"], count))] if many else []),
        ("Mean recall of the classes", f"{recall:.1%}"),
        (
            "Calibration error (ECE)",
            f"{calibration['error_after']:.1%} at the temperature {calibration['temperature']:.2f}; "
            f"{calibration['error_before']:.1%} without",
        ),
    ]
    champion = metrics["champion"]
    if champion and champion["comparable"]:
        facts.append(("The model that served before", f"{champion['accuracy']:.1%} on the same photos"))
    return facts


def _with_interval(share: float, count: int) -> str:
    low, high = wilson_interval(round(share * count), count)
    return f"{share:.1%} (95 %: {low:.1%} to {high:.1%})"


def _trust(metrics: dict[str, Any]) -> list[tuple[str, object]]:
    unknown = metrics["unknown"]
    facts: list[tuple[str, object]] = []
    if unknown["reason"]:
        facts.append(("Called unknown", "nothing"))
    else:
        facts.append(
            (
                "Called unknown",
                f"score above {unknown['threshold']:.2f}, for {unknown['false_alarm_rate']:.1%} false alarms",
            )
        )
        if unknown["test_false_alarm_rate"] is not None:
            rate = _with_interval(unknown["test_false_alarm_rate"], metrics["images"]["test"])
            facts.append(("False alarms on the test", rate))
        if unknown["left_out_auroc"] is not None:
            facts.append(
                (
                    f"{len(unknown['left_out'])} classes left out in turn",
                    f"AUROC {unknown['left_out_auroc']:.2f}, {unknown['left_out_detected']:.0%} told",
                )
            )
    titles = {kind: each.title for kind, each in (PHOTO_KINDS | CLASS_KINDS).items()}
    found = [(titles[kind], count) for kind, count in metrics["doctor"].items() if count]
    return [*facts, *(found or [("The doctor", "found nothing")])]


def _classes_lead(metrics: dict[str, Any]) -> str:
    count, lead = len(metrics["classes"]), "The weakest first; intervals of 95 %."
    if count <= _MAX_CLASSES:
        return lead
    return f"{lead} The {_MAX_CLASSES} of {count} with the lowest recall; report.html has all."


def _classes(metrics: dict[str, Any], origin: Origin) -> str:
    rows = "".join(_class_row(metrics, origin, label) for label in weakest_first(metrics)[:_MAX_CLASSES])
    heads = ["Class", "Training", "Validation", "Test", "Recall", "Precision", "Taken most often for"]
    return table(heads, rows)


def _class_row(metrics: dict[str, Any], origin: Origin, label: int) -> str:
    figures, other = metrics["per_class"][label], mistaken_for(metrics, label)
    support = figures["support"]
    counts = "".join(f"<td>{origin.by_class[split][label]}</td>" for split in _SPLITS)
    recall = _with_interval(figures["recall"], support) if support else "no test photo"
    wrong = f"{name(other[0])} ({other[1]})" if other else ""
    return (
        f"<tr><td>{name(figures['label'])}</td>{counts}<td>{text(recall)}</td>"
        f"<td>{figures['precision']:.1%}</td><td>{wrong}</td></tr>"
    )


def _made(metrics: dict[str, Any], origin: Origin) -> str:
    machine = f" on {origin.machine}" if origin.machine else ""
    versions = ", ".join(f"{package} {version}" for package, version in metrics["versions"].items())
    changed = ", ".join(f"{key} {value}" for key, value in _changed(metrics["hyperparameters"]))
    seconds, epochs = metrics["seconds"]["total"], len(metrics["history"])
    return (
        f"Trained in {seconds:.0f} s{machine}; the best of {epochs} epochs was {metrics['best_epoch']}. "
        f"Hyperparameters other than by default: {changed or 'none'}. Versions: {versions}."
    )


def _changed(hyperparameters: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    defaults: dict[str, object] = {key.replace("-", "_"): number.default for key, number in NUMBERS.items()}
    defaults |= {key.replace("-", "_"): allowed[0] for key, allowed in CHOICES.items()}
    defaults["fine_tune_blocks"] = defaults.pop("fine_tune")
    # What was chosen for the machine is told elsewhere.
    del defaults["serving_architecture"]
    return (
        (key, value) for key, value in hyperparameters.items() if key in defaults and value != defaults[key]
    )
