"""The reviews of the last days, as they lie in the bucket."""

from typing import Any

from contracts.bucket import DRIFT_REVIEWS
from functions.common.documents import parse_document
from functions.common.errors import DocumentError
from functions.common.observability import logger
from functions.common.s3_uris import S3Uri

SHOWN_DAYS = 60


def read_history(data_bucket: str, *, days: int = SHOWN_DAYS, s3: Any) -> list[dict[str, Any]]:
    """The newest reviews, a day each, the oldest first. One that cannot be read is left out, and logged."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=data_bucket, Prefix=DRIFT_REVIEWS)
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    found = []
    for key in sorted(key for key in keys if key.endswith(".json"))[-days:]:
        text = s3.get_object(Bucket=data_bucket, Key=key)["Body"].read()
        try:
            found.append(parse_document("drift_review", text, where=str(S3Uri(data_bucket, key))))
        except DocumentError as error:
            logger.warning("a review of drift is left out", extra={"cause": str(error)})
    return found
