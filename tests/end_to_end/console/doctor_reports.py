"""What the doctor of a run has found, written by hand."""

import json
from typing import Any

from tests.support.command_line import Dropserve
from training.doctor.kinds import PHOTO_KINDS

HOSTILE = "<img src=x onerror=alert(1)>"
FILES = ("doctor.json", "review.csv")


def finding(photo: str, label: str, suggested_label: str) -> dict[str, Any]:
    """A photo that seems to be of another class."""
    return {
        "kind": "label_error",
        "action": "relabel",
        "photo": photo,
        "split": "train",
        "label": label,
        "suggested_label": suggested_label,
        "like": None,
        "left_out": False,
        "score": 0.9,
        "why": f"by the other photos it is {suggested_label} rather than {label}",
        "thumbnail": None,
        "like_thumbnail": None,
    }


def put_report(dropserve: Dropserve, run_id: str, findings: list[dict[str, Any]]) -> None:
    """As a training leaves it in the bucket."""
    document = {
        "schema_version": 1,
        "run_id": run_id,
        "classes": sorted({each[name] for each in findings for name in ("label", "suggested_label")}),
        "photos": {"train": len(findings), "valid": 0, "test": 0},
        "labels_checked": len(findings),
        "test_labels_checked": 0,
        "counts": {
            **dict.fromkeys(PHOTO_KINDS, 0),
            "confusable_classes": 0,
            "few_photos": 0,
            "label_error": len(findings),
        },
        "photo_findings": findings,
        "class_findings": [],
    }
    s3, bucket = dropserve.client("s3"), dropserve.outputs["BucketName"]
    for name, text in zip(FILES, (json.dumps(document), "action,file\n"), strict=True):
        s3.put_object(Bucket=bucket, Key=f"runs/{run_id}/{name}", Body=text.encode())
