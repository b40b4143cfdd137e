"""The photos that the inference function has kept for a review: read, shown, and removed when handled."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from contracts.bucket import CAPTURE_METADATA, CAPTURES
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from drops.review import Decision

_PARALLEL_CALLS = 8
# What a deployment of today writes is far smaller: docs/feedback.md.
_MAX_PHOTO_BYTES = 20_000_000


@dataclass(frozen=True)
class CapturedPhoto:
    """`name` is the key's end and the content's, so that a list is of these very photos."""

    name: str
    keys: tuple[str, ...]
    """More than one where it was kept on several days."""
    sha256: str
    source: str
    label: str
    probability: float
    unknown: bool
    unknown_score: float | None
    release: str
    captured_at: str

    @property
    def why(self) -> str:
        what = "unknown" if self.unknown else "unsure"
        return f"{what}: {self.label} with {self.probability:.0%}; from {self.source}"


def count_captures(deployment: Deployment) -> int:
    """How many objects wait; a photo that was kept on several days counts for each."""
    pages = deployment.aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=deployment.bucket, Prefix=CAPTURES
    )
    return sum(page.get("KeyCount", 0) for page in pages)


def list_captures(deployment: Deployment) -> list[CapturedPhoto]:
    """The photos, oldest first; one that was kept on several days once."""
    pages = deployment.aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=deployment.bucket, Prefix=CAPTURES
    )
    listed = [(each["Key"], each["ETag"]) for page in pages for each in page.get("Contents", [])]
    with ThreadPoolExecutor(_PARALLEL_CALLS) as calls:
        found = list(calls.map(lambda each: _read(deployment, *each), listed))
    photos: dict[str, CapturedPhoto] = {}
    for each in found:
        first = photos.get(each.sha256)
        photos[each.sha256] = replace(first, keys=first.keys + each.keys) if first else each
    return list(photos.values())


def read_photo(deployment: Deployment, photo: CapturedPhoto) -> bytes:
    """Its bytes. Raises CliError when it is larger than any that the inference function keeps."""
    reply = deployment.aws.s3.get_object(Bucket=deployment.bucket, Key=photo.keys[0])
    if reply["ContentLength"] > _MAX_PHOTO_BYTES:
        raise CliError(f"s3://{deployment.bucket}/{photo.keys[0]} is no captured photo: remove it.")
    return reply["Body"].read()


def remove_captures(deployment: Deployment, photos: list[CapturedPhoto]) -> None:
    """They stay as noncurrent versions for a day."""
    for key in (key for photo in photos for key in photo.keys):
        deployment.aws.s3.delete_object(Bucket=deployment.bucket, Key=key)


def as_decisions(photos: list[CapturedPhoto]) -> list[Decision]:
    """The list to be edited: each photo stays until a line says otherwise; the guess stands ready."""
    return [
        Decision("keep", photo.name, "", photo.label, photo.why, photo.unknown_score or 0.0)
        for photo in photos
    ]


def _read(deployment: Deployment, key: str, etag: str) -> CapturedPhoto:
    metadata = deployment.aws.s3.head_object(Bucket=deployment.bucket, Key=key)["Metadata"]
    try:
        told: dict[str, Any] = json.loads(unquote(metadata[CAPTURE_METADATA]))
        score = told.get("unknown_score")
        return CapturedPhoto(
            name=f"{key.removeprefix(CAPTURES).removesuffix('.jpg')}-{etag.strip(chr(34))[:8]}.jpg",
            keys=(key,),
            sha256=str(told["sha256"]),
            source=str(told["source"]),
            label=str(told["label"]),
            probability=float(told["probability"]),
            unknown=bool(told.get("unknown")),
            unknown_score=None if score is None else float(score),
            release=str(told["release"]),
            captured_at=str(told["captured_at"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CliError(
            f"s3://{deployment.bucket}/{key} does not say where it is from.",
            "Something else wrote it: remove it.",
        ) from error
