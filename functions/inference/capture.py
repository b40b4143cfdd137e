"""Keeps a share of the photos that the live model does not know, or is unsure about: docs/feedback.md.

A day has `a_day` numbered keys, and S3 refuses to write one twice: so the bound holds for all workers
together, without a counter. A photo's own content decides which of them is its key.
"""

import hashlib
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

from contracts.bucket import CAPTURE_METADATA, capture_key
from functions.common.observability import logger, metrics
from functions.common.s3_uris import CONFLICT_CODES, S3Uri
from functions.inference.endpoint import Scores
from functions.inference.events.requests import ImageSource
from functions.inference.fetching.deadlines import Deadline
from functions.inference.fetching.image_urls import ImageUrl
from functions.inference.images import without_metadata
from functions.inference.live_release import Release

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Of the request's time: a write that is not begun with so much left would delay the answer.
NEEDED_S = 5.0
# User metadata has at most 2 KB: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
MAX_METADATA_BYTES = 1900
_MAX_SOURCE_CHARACTERS = 300
_MAX_LABEL_CHARACTERS = 100


class AnsweredPhoto(NamedTuple):
    """A photo from `source`, as it was sent and as the model was asked about it, and the answer."""

    source: ImageSource
    sent: bytes
    asked: bytes
    release: Release
    scores: Scores


class PhotoCapture(NamedTuple):
    """`share` of the doubtful photos, at most `a_day` a day (UTC) of the whole deployment; `s3` may write."""

    bucket: str
    share: float
    a_day: int
    max_pixels: int
    s3: "Callable[[], S3Client]"

    def wants(self, release: Release, scores: Scores, low_confidence: float) -> bool:
        """Whether a photo with these scores is kept, by chance for a share of those that are in doubt."""
        # The acceptance test's photos are those of a drop.
        if not self.share or release.track == "candidate":
            return False
        unknown = scores.unknown is not None and scores.unknown.unknown
        doubtful = unknown or max(scores.probabilities) < low_confidence
        return doubtful and random.random() < self.share  # noqa: S311 - no secret is made of it

    def keep(self, photo: AnsweredPhoto, deadline: Deadline) -> None:
        """Writes the photo, without its metadata. What goes wrong is counted and logged, never raised."""
        try:
            has_time = deadline.left_s("capturing a photo") >= NEEDED_S
            outcome = self._write(photo) if has_time else "PhotoCaptureRefused"
        except Exception as error:  # noqa: BLE001 - an answer is worth more than its photo
            # The kind only: an unforeseen error's text may quote an address.
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            logger.warning("photo not captured", extra={"error_kind": type(error).__name__, "code": code})
            outcome = "PhotoCaptureFailed"
        metrics.add_metric(name=outcome, unit=MetricUnit.Count, value=1)

    def _write(self, photo: AnsweredPhoto) -> str:
        digest = hashlib.sha256(photo.sent).hexdigest()
        now = datetime.now(UTC)
        try:
            self.s3().put_object(
                Bucket=self.bucket,
                Key=capture_key(now.date().isoformat(), int(digest, 16) % self.a_day),
                Body=without_metadata(photo.asked, max_pixels=self.max_pixels),
                ContentType="image/jpeg",
                IfNoneMatch="*",
                Metadata={CAPTURE_METADATA: _described(photo, digest, now)},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in CONFLICT_CODES:
                return "PhotoCaptureRefused"
            raise
        return "PhotoCaptured"


def _described(photo: AnsweredPhoto, digest: str, now: datetime) -> str:
    scores = photo.scores
    probability, label = max(zip(scores.probabilities, scores.classes, strict=True))
    described: dict[str, Any] = {
        "sha256": digest,
        "size_bytes": len(photo.sent),
        "source": source_of(photo.source)[:_MAX_SOURCE_CHARACTERS],
        "label": label[:_MAX_LABEL_CHARACTERS],
        "probability": probability,
        "release": photo.release.release,
        "captured_at": now.isoformat(timespec="seconds"),
    }
    if scores.unknown:
        described |= {"unknown": scores.unknown.unknown, "unknown_score": scores.unknown.score}
    # Metadata travels in headers, which are ASCII. A name of other letters may take more than there is room.
    text = json.dumps(described)
    if len(quoted := quote(text, safe=' {}":,./')) > MAX_METADATA_BYTES:
        quoted = quote(json.dumps({**described, "source": "too long"}), safe=' {}":,./')
    return quoted


def source_of(source: ImageSource) -> str:
    """Where a photo came from: of a URL the host and the path, never the query, which may be a secret."""
    if isinstance(source, ImageUrl):
        return f"{source.scheme}://{source.host_header}{source.target.partition('?')[0]}"
    return str(source) if isinstance(source, S3Uri) else "sent"
