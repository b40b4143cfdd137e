"""Where the reviews lie: for the function, and for the command line, which has no Powertools."""

from typing import Any

from contracts.bucket import DRIFT_REVIEWS
from functions.common.s3_uris import S3Uri

SHOWN_DAYS = 60


def newest_reviews(data_bucket: str, *, days: int = SHOWN_DAYS, s3: Any) -> list[S3Uri]:
    """The newest reviews, a day each, the oldest first."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=data_bucket, Prefix=DRIFT_REVIEWS)
    keys = sorted(each["Key"] for page in pages for each in page.get("Contents", []))
    return [S3Uri(data_bucket, key) for key in keys if key.endswith(".json")][-days:]
