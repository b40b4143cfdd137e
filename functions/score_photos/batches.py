"""The event of one batch, typed: which photos of which job."""

import hashlib
import re
from typing import Any, NamedTuple

from contracts.bucket import scores_key
from contracts.scoring import JOB_ID, PARTS
from functions.common.errors import DropserveError, bounded_reason


class BatchError(DropserveError):
    """The event is no batch."""


class Photo(NamedTuple):
    """An object as it was listed."""

    key: str
    etag: str


class Batch(NamedTuple):
    """`lost`: why an earlier call gave no answer; the photos are then only recorded as failed."""

    job: str
    bucket: str
    photos: tuple[Photo, ...]
    lost: str = ""

    @property
    def part_key(self) -> str:
        """The same for the same photos, whichever execution brings them."""
        named = "\n".join(f"{photo.key}\0{photo.etag}" for photo in self.photos)
        return scores_key(self.job, f"{PARTS}{hashlib.sha256(named.encode()).hexdigest()[:32]}.jsonl")


def read_batch(event: Any) -> Batch:
    """{"job", "bucket", "photos": [{"Key", "Etag", ...}], "lost"?}; folders' markers are left out.

    A photo is as the state machine's reader lists it:
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html. Raises BatchError.
    """
    if not isinstance(event, dict) or not isinstance(event.get("photos"), list):
        raise BatchError('the event must be {"job": ..., "bucket": ..., "photos": [{"Key": ...}, ...]}')
    job, bucket = event.get("job"), event.get("bucket")
    if not isinstance(job, str) or not re.fullmatch(JOB_ID, job) or not isinstance(bucket, str):
        raise BatchError("job must be letters, digits and hyphens, and bucket the name of a bucket")
    photos = tuple(_photo(each) for each in event["photos"])
    lost = bounded_reason(_told(event["lost"])) if "lost" in event else ""
    return Batch(job, bucket, tuple(photo for photo in photos if not photo.key.endswith("/")), lost)


def _photo(given: Any) -> Photo:
    if not isinstance(given, dict) or not isinstance(given.get("Key"), str) or not given["Key"]:
        raise BatchError("a photo of the batch has no Key")
    return Photo(given["Key"], str(given.get("Etag", "")).strip('"'))


def _told(error: Any) -> str:
    """What Step Functions tells of a failed call: {"Error": ..., "Cause": ...}."""
    named = error.get("Error", "") if isinstance(error, dict) else error
    return f"the function that scores gave no answer: {named}"
