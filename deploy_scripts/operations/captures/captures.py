"""The photos that the inference function has kept for a review: read, shown, and removed when handled."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from contracts.bucket import CAPTURE_METADATA, CAPTURES
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.objects import PARALLEL_CALLS, objects_below, remove_objects
from drops.review import Decision

_AGAIN = "List them again: `dropserve review`."
# What a deployment of today writes is far smaller: docs/feedback.md.
_MAX_PHOTO_BYTES = 20_000_000


@dataclass(frozen=True)
class CapturedPhoto:
    """`name` is the key's end and the content's, so that a list is of these very photos."""

    name: str
    keys: tuple[str, ...]
    """More than one where it was kept on several days."""
    sha256: str
    size_bytes: int | None
    """Both of what was sent, not of the copy that was kept; None where that was not yet noted."""
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
    return sum(1 for _ in objects_below(deployment, deployment.bucket, CAPTURES))


def list_captures(deployment: Deployment) -> list[CapturedPhoto]:
    """The photos, the least sure first; one that was kept on several days once."""
    listed = list(objects_below(deployment, deployment.bucket, CAPTURES))
    with ThreadPoolExecutor(PARALLEL_CALLS) as calls:
        found = list(calls.map(lambda each: _read(deployment, *each), listed))
    photos: dict[str, CapturedPhoto] = {}
    for each in found:
        # One that somebody else has handled meanwhile is none.
        if each is not None:
            first = photos.get(each.sha256)
            photos[each.sha256] = replace(first, keys=first.keys + each.keys) if first else each
    return sorted(photos.values(), key=_doubt)


def read_photo(deployment: Deployment, photo: CapturedPhoto) -> bytes:
    """Its bytes. Raises CliError when it is gone, or larger than any that the inference function keeps."""
    where = f"s3://{deployment.bucket}/{photo.keys[0]}"
    try:
        reply = deployment.aws.s3.get_object(Bucket=deployment.bucket, Key=photo.keys[0])
    except ClientError as error:
        if is_error(error, "NoSuchKey"):
            raise CliError(f"{where} is gone: it was handled meanwhile, or is too old.", _AGAIN) from error
        raise
    if reply["ContentLength"] > _MAX_PHOTO_BYTES:
        raise CliError(f"{where} is no captured photo: remove it.")
    return reply["Body"].read()


def remove_captures(deployment: Deployment, photos: Iterable[CapturedPhoto]) -> None:
    """They stay as noncurrent versions for a day."""
    remove_objects(
        deployment,
        [key for photo in photos for key in photo.keys],
        "Ask for the permission s3:DeleteObject, and remove it: it would be reviewed again.",
    )


def _doubt(photo: CapturedPhoto) -> tuple[bool, float, float]:
    """Sorts what is unknown before what is unsure, and of each the greatest doubt first."""
    return not photo.unknown, -(photo.unknown_score or 0.0), photo.probability


def as_decisions(photos: list[CapturedPhoto]) -> list[Decision]:
    """The list to be edited: each photo stays until a line says otherwise; the guess stands ready."""
    return [
        Decision("keep", photo.name, "", photo.label, photo.why, photo.unknown_score or 0.0)
        for photo in photos
    ]


def _read(deployment: Deployment, key: str, _size_bytes: int, etag: str) -> CapturedPhoto | None:
    """None where it is gone meanwhile."""
    try:
        metadata = deployment.aws.s3.head_object(Bucket=deployment.bucket, Key=key)["Metadata"]
    except ClientError as error:
        if is_error(error, "404", "NoSuchKey"):
            return None
        raise
    try:
        told: dict[str, Any] = json.loads(unquote(metadata[CAPTURE_METADATA]))
        score, size_bytes = told.get("unknown_score"), told.get("size_bytes")
        return CapturedPhoto(
            name=f"{key.removeprefix(CAPTURES).removesuffix('.jpg')}-{etag[:8]}.jpg",
            keys=(key,),
            sha256=str(told["sha256"]),
            size_bytes=None if size_bytes is None else int(size_bytes),
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
