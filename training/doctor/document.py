"""doctor.json and review.csv, made of the findings."""

import base64
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drops.review import Decision, write_review
from drops.splits import SPLITS
from training.doctor.findings import CLASS_KINDS, PHOTO_KINDS, Examined, Findings, PhotoFinding

SCHEMA_VERSION = 1
# Of each kind; `counts` has the true numbers.
MAX_LISTED = 500
MAX_PICTURES = 12


@dataclass(frozen=True)
class DoctorReport:
    """doctor.json's content, as schemas/doctor.schema.json describes it, and review.csv's."""

    document: dict[str, Any]
    review: str


def write_report(
    examined: Examined, findings: Findings, run_id: str, thumbnail: Callable[[str], bytes]
) -> DoctorReport:
    """`thumbnail` gives a small JPEG of the photo of a name."""
    numbers: Counter[str] = Counter()
    listed = []
    for finding in findings.photos:
        numbers[finding.kind] += 1
        if numbers[finding.kind] <= MAX_LISTED:
            pictured = numbers[finding.kind] <= MAX_PICTURES
            listed.append(_describe(examined, finding, thumbnail if pictured else None))
    counts = numbers + Counter(finding.kind for finding in findings.classes)
    by_split = Counter(photo.split for photo in examined.photos)
    document = {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "classes": examined.classes,
        "photos": {split: by_split[split] for split in SPLITS},
        "labels_checked": examined.featured,
        "counts": {kind: counts[kind] for kind in (*PHOTO_KINDS, *CLASS_KINDS)},
        "photo_findings": listed,
        "class_findings": [
            {
                "kind": finding.kind,
                "classes": [examined.classes[label] for label in finding.classes],
                "score": round(finding.score, 4),
                "why": finding.why,
            }
            for finding in findings.classes[:MAX_LISTED]
        ],
    }
    return DoctorReport(document, write_review(_decide(examined, finding) for finding in findings.photos))


def _describe(
    examined: Examined, finding: PhotoFinding, thumbnail: Callable[[str], bytes] | None
) -> dict[str, Any]:
    photo = examined.photos[finding.row]
    like = None if finding.like is None else examined.photos[finding.like].name
    return {
        "kind": finding.kind,
        "action": finding.action,
        "photo": photo.name,
        "split": photo.split,
        "label": examined.classes[photo.label],
        "suggested_label": None if finding.suggested is None else examined.classes[finding.suggested],
        "like": like,
        "left_out": finding.leaves,
        "score": round(finding.score, 4),
        "why": finding.why,
        "thumbnail": _encode(photo.name, thumbnail),
        "like_thumbnail": None if like is None else _encode(like, thumbnail),
    }


def _encode(name: str, thumbnail: Callable[[str], bytes] | None) -> str | None:
    return base64.b64encode(thumbnail(name)).decode() if thumbnail else None


def _decide(examined: Examined, finding: PhotoFinding) -> Decision:
    photo = examined.photos[finding.row]
    suggested = "" if finding.suggested is None else examined.classes[finding.suggested]
    why = f"{PHOTO_KINDS[finding.kind].title}: {finding.why}"
    return Decision(finding.action, photo.name, examined.classes[photo.label], suggested, why, finding.score)
