"""What the report says of unknown photos."""

from typing import Any


def unknown_lead(unknown: dict[str, Any]) -> str:
    """What the endpoint tells of unknown photos and how reliably, or why it tells nothing."""
    if unknown["reason"]:
        return f"The endpoint calls no photo unknown: {unknown['reason']}."
    sentences = [
        "The endpoint calls a photo unknown that is unlike those of the training: one whose score is above "
        f"{unknown['threshold']:.2f}, where an average photo has 0.",
        f"{unknown['valid_photos']} validation photos set the threshold, for false alarms on "
        f"{unknown['false_alarm_rate']:.1%} of photos like them.",
    ]
    if unknown["test_false_alarm_rate"] is not None:
        sentences.append(f"Of the test photos, {unknown['test_false_alarm_rate']:.1%} are above it.")
    if unknown["left_out"]:
        sentences.append(
            "The table says how well a class's photos are told by statistics that never saw it: AUROC is the "
            "probability that one scores above a photo of the other classes. "
            "Quite other things are easier to tell."
        )
    return " ".join(sentences)
