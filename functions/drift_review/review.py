"""One review: a day's answers of the live release beside those for its held-out photos, as a document."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from contracts.bucket import METRICS, run_key
from contracts.drift import DRIFT, STATISTICS
from functions.common.documents import parse_document, read_optional
from functions.common.live_pointer import read_live_pointer
from functions.common.s3_uris import S3Uri
from functions.drift_review.answers import Answers, read_answers
from functions.drift_review.comparison import (
    FALSE_ALARMS_A_DAY,
    LEVEL,
    Difference,
    compare_bins,
    compare_shares,
)
from functions.drift_review.settings import Settings

# With fewer the normal approximation of the rank sum is rough, and little can be told.
MIN_ANSWERS = 30
MIN_PHOTOS = 20
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Clients:
    """Those of AWS that a review reads."""

    ssm: Any
    s3: Any
    cloudwatch: Any


def review(settings: Settings, day: date, moment: datetime, clients: Clients) -> dict[str, Any]:
    """The document of schemas/drift_review.schema.json. Raises ClientError, PointerError, DocumentError."""
    pointer = read_live_pointer(settings.live_pointer_parameter, ssm=clients.ssm)
    document: dict[str, Any] = {
        "schema_version": 1,
        "day": day.isoformat(),
        "reviewed_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "release": pointer["release"] if pointer else None,
        "run_id": pointer["run_id"] if pointer else None,
        "answers": 0,
        "drifted": None,
        "reason": "nothing is live",
        "false_alarms_a_day": FALSE_ALARMS_A_DAY,
        "level": LEVEL,
        "statistics": [],
        "retraining": None,
    }
    if pointer is None:
        return document
    reference = _read_reference(settings.data_bucket, pointer["run_id"], s3=clients.s3)
    answers = read_answers(settings.stack, pointer["release"], day, cloudwatch=clients.cloudwatch)
    document |= {"answers": answers.count, "reason": _why_not(reference, answers)}
    if reference is None or document["reason"]:
        return document
    statistics = compare(reference, answers)
    return {
        **document,
        "statistics": statistics,
        "drifted": any(each["drifted"] for each in statistics),
    }


def compare(reference: Mapping[str, Any], answers: Answers) -> list[dict[str, Any]]:
    """Each statistic that both have, as the document has it. `reference` is metrics.json's `drift`."""
    found = [
        _described(name, reference[name]["counts"], answers.bins[name], compare_bins)
        for name in STATISTICS
        if reference[name] is not None and any(answers.bins[name])
    ]
    if reference[UNKNOWN] is not None and any(answers.unknown):
        held_out = (reference["photos"] - reference[UNKNOWN], reference[UNKNOWN])
        found.append(_described(UNKNOWN, held_out, answers.unknown, compare_shares))
    return found


def _described(
    name: str,
    reference: Sequence[int],
    day: Sequence[int],
    compare_counts: Callable[[Sequence[int], Sequence[int]], Difference],
) -> dict[str, Any]:
    difference = compare_counts(reference, day)
    return {
        "name": name,
        "reference": list(reference),
        "day": list(day),
        "p_value": difference.p_value,
        "effect": round(difference.effect, 4),
        "least_effect": difference.least_effect,
        "drifted": difference.drifted,
    }


def _read_reference(data_bucket: str, run_id: str, *, s3: Any) -> dict[str, Any] | None:
    """None where the run's metrics.json is gone, or of a training that left none."""
    uri = S3Uri(data_bucket, run_key(run_id, METRICS))
    text = read_optional(uri, s3=s3)
    if text is None:
        return None
    found: dict[str, Any] | None = parse_document("metrics", text, where=str(uri)).get(DRIFT)
    return found


def _why_not(reference: Mapping[str, Any] | None, answers: Answers) -> str:
    """Why nothing can be told; empty where it can."""
    if reference is None:
        return "the live model's training left nothing to compare with: train it again"
    if reference["photos"] < MIN_PHOTOS:
        return f"{reference['photos']} held-out photos are too few to compare with; {MIN_PHOTOS} are enough"
    if answers.count < MIN_ANSWERS:
        return f"{answers.count} answers are too few; {MIN_ANSWERS} are enough"
    return ""
