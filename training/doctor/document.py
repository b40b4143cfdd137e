"""doctor.json and review.csv, made of the findings."""

import base64
from collections import Counter
from dataclasses import dataclass
from typing import Any

from drops.review import Decision, write_review
from drops.splits import SPLITS
from training.data.photo_source import PhotoSource
from training.doctor.findings import Examined, Findings, PhotoFinding
from training.doctor.kinds import CLASS_KINDS, PHOTO_KINDS
from training.report.thumbnails import make_thumbnail

SCHEMA_VERSION = 1
# Of each kind; `counts` has the true numbers.
MAX_LISTED = 500
MAX_PICTURES = 12
_PICTURE_SIDE = 128


@dataclass(frozen=True)
class DoctorReport:
    """doctor.json's content, as schemas/doctor.schema.json describes it, and review.csv's."""

    document: dict[str, Any]
    review: str


def write_report(
    examined: Examined, findings: Findings, run_id: str, source: PhotoSource, test_labels_checked: int = 0
) -> DoctorReport:
    """The findings told, with pictures of the first photos of each kind out of `source`.

    `test_labels_checked`: so many labels were looked at by the model's own answers.
    """
    numbers: Counter[str] = Counter()
    listed = []
    for finding in findings.photos:
        numbers[finding.kind] += 1
        if numbers[finding.kind] <= MAX_LISTED:
            pictured = numbers[finding.kind] <= MAX_PICTURES
            listed.append(_describe(examined, finding, source if pictured else None))
    counts = numbers + Counter(finding.kind for finding in findings.classes)
    by_split = Counter(photo.split for photo in examined.photos)
    document = {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "classes": examined.classes,
        "photos": {split: by_split[split] for split in SPLITS},
        "labels_checked": examined.featured,
        "test_labels_checked": test_labels_checked,
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
    return DoctorReport(document, write_review(_decide(examined, findings.photos)))


def _describe(examined: Examined, finding: PhotoFinding, source: PhotoSource | None) -> dict[str, Any]:
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
        "thumbnail": _encode(photo.name, source),
        "like_thumbnail": None if like is None else _encode(like, source),
    }


def _encode(name: str, source: PhotoSource | None) -> str | None:
    if source is None:
        return None
    return base64.b64encode(make_thumbnail(source.read(name), _PICTURE_SIDE)).decode()


def _decide(examined: Examined, findings: list[PhotoFinding]) -> list[Decision]:
    """One line a photo, in the order of the findings: the first that asks for a change, and why in all."""
    by_row: dict[int, list[PhotoFinding]] = {}
    for finding in findings:
        by_row.setdefault(finding.row, []).append(finding)
    return [_decide_one(examined, row, found) for row, found in by_row.items()]


def _decide_one(examined: Examined, row: int, found: list[PhotoFinding]) -> Decision:
    photo = examined.photos[row]
    chosen = next((finding for finding in found if finding.action != "keep"), found[0])
    suggested = "" if chosen.suggested is None else examined.classes[chosen.suggested]
    why = "; ".join(f"{PHOTO_KINDS[finding.kind].title}: {finding.why}" for finding in found)
    return Decision(chosen.action, photo.name, examined.classes[photo.label], suggested, why, chosen.score)
