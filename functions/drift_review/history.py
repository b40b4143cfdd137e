"""The reviews of the last days, as they lie in the bucket."""

from typing import Any

from functions.common.documents import parse_document
from functions.common.errors import DocumentError
from functions.common.observability import logger
from functions.drift_review.places import SHOWN_DAYS, newest_reviews


def read_history(data_bucket: str, *, days: int = SHOWN_DAYS, s3: Any) -> list[dict[str, Any]]:
    """The newest reviews, a day each, the oldest first. One that cannot be read is left out, and logged."""
    found = []
    for uri in newest_reviews(data_bucket, days=days, s3=s3):
        text = s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()
        try:
            found.append(parse_document("drift_review", text, where=str(uri)))
        except DocumentError as error:
            logger.warning("a review of drift is left out", extra={"cause": str(error)})
    return found
