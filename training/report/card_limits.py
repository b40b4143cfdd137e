"""What a model card says that the model cannot do: sentences that its own figures call for."""

from collections.abc import Iterator
from typing import Any

from drops.limits import TINY_CLASS_IMAGES
from drops.problems import listed
from training.evaluation.intervals import wilson_interval

# From there on each of them is worth a sentence.
_WIDE_INTERVAL = 0.1
_WEAK_RECALL = 0.8
_POOR_CALIBRATION = 0.05
_MANY_WRONG_LABELS = 0.02
_NAMED = 3


def describe_limits(metrics: dict[str, Any]) -> Iterator[str]:
    """Sentences about a run's metrics.json; there is always one."""
    yield (
        f"It answers each photo with one of its {len(metrics['classes'])} classes, whatever the photo shows, "
        "and was measured on photos of this drop only: others may be harder."
    )
    yield from _small_test(metrics)
    yield from _weak_classes(metrics)
    yield from _small_classes(metrics)
    yield from _probabilities(metrics["calibration"])
    yield from _unknown(metrics["unknown"])
    yield from _data(metrics)


def mistaken_for(metrics: dict[str, Any], label: int) -> tuple[str, int] | None:
    """The class that a class's test photos are taken for most often, and how many; None where none is."""
    row = list(metrics["confusion_matrix"][label])
    row[label] = 0
    most = max(row)
    return (metrics["classes"][row.index(most)], most) if most else None


def weakest_first(metrics: dict[str, Any]) -> list[int]:
    """The numbers of the classes, by their recall."""
    per_class = metrics["per_class"]
    return sorted(range(len(per_class)), key=lambda label: (per_class[label]["recall"], label))


def _small_test(metrics: dict[str, Any]) -> Iterator[str]:
    count = metrics["images"]["test"]
    low, high = wilson_interval(round(metrics["accuracy"] * count), count)
    if high - low > _WIDE_INTERVAL:
        yield f"{count} test photos are few: the true accuracy may be anywhere from {low:.0%} to {high:.0%}."


def _weak_classes(metrics: dict[str, Any]) -> Iterator[str]:
    for label in weakest_first(metrics)[:_NAMED]:
        figures = metrics["per_class"][label]
        if figures["support"] and figures["recall"] < _WEAK_RECALL:
            hits, other = round(figures["recall"] * figures["support"]), mistaken_for(metrics, label)
            most = f", and takes {other[1]} for {other[0]}" if other else ""
            yield f"Of {figures['support']} test photos of {figures['label']} it gets {hits} right{most}."


def _small_classes(metrics: dict[str, Any]) -> Iterator[str]:
    small = [
        name
        for name, count in zip(metrics["classes"], metrics["class_counts"], strict=True)
        if count < TINY_CLASS_IMAGES
    ]
    if small:
        yield f"Fewer than {TINY_CLASS_IMAGES} photos to learn from: {listed(small)}."


def _probabilities(calibration: dict[str, Any]) -> Iterator[str]:
    error = calibration["error_after"]
    if error > _POOR_CALIBRATION:
        yield f"Its probabilities are off by {error:.0%} on the mean: do not set a fine threshold on them."


def _unknown(unknown: dict[str, Any]) -> Iterator[str]:
    if unknown["reason"]:
        yield f"It calls no photo unknown: {unknown['reason']}."
    elif unknown["left_out_detected"] is not None:
        yield (
            "Of photos of a class that it was never shown, among those like its own, it called "
            f"{unknown['left_out_detected']:.0%} unknown: most others get a wrong class."
            if unknown["left_out_detected"] < 1 / 2
            else "Of photos of a class that it was never shown it called "
            f"{unknown['left_out_detected']:.0%} unknown; the others get a wrong class."
        )


def _data(metrics: dict[str, Any]) -> Iterator[str]:
    found, photos = metrics["doctor"], sum(metrics["images"].values())
    if found["label_error"] > _MANY_WRONG_LABELS * photos:
        yield f"{found['label_error']} labels are probably wrong; it has learned them as they are."
    # Of no training before the test's labels were looked at.
    if wrong := found.get("test_label_error", 0):
        yield (
            f"{wrong} labels of the {metrics['images']['test']} test photos are probably wrong: "
            f"its accuracy may be misstated by up to {wrong / metrics['images']['test']:.1%}."
        )
    if found["scene_across_splits"]:
        yield (
            f"{found['scene_across_splits']} photos show a scene that lies in another split as well: "
            "the accuracy on new scenes is probably lower."
        )
