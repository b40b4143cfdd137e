"""drift_review: a schedule's event -> the review of the day before; {"day": "2026-01-31"} -> that of a day.

A scheduled review starts a training, or asks for it, where the deployment says so (RETRAIN_ON_DRIFT);
{"approve": "..."} -> {"started", "reason", "execution_arn"}, for what it asked.
"""

import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from contracts.bucket import DRIFT_PAGE, drift_review_key
from functions.common.clients import client
from functions.common.documents import put_document
from functions.common.errors import DropserveError
from functions.common.observability import logger, metrics, tracer
from functions.common.s3_uris import S3Uri
from functions.drift_review.history import read_history
from functions.drift_review.page import render_page
from functions.drift_review.retraining import Retraining
from functions.drift_review.review import Clients, review
from functions.drift_review.settings import Settings, read_settings

_KIND = "drift_review"


class DriftInputError(DropserveError):
    """The event names no day, and approves nothing."""


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The document of schemas/drift_review.schema.json, with `review_uri` and `page_uri`.

    Raises DriftInputError, ApprovalError, SettingsError, PointerError, DocumentError.
    """
    settings = read_settings(os.environ)
    moment = datetime.now(UTC)
    if "approve" in event:
        return _approve(event["approve"], settings, moment)
    is_scheduled = event.get("source") == "aws.events"
    day = moment.date() - timedelta(days=1) if is_scheduled else _read_day(event, moment.date())
    s3 = client("s3")
    document = review(settings, day, moment, Clients(client("ssm"), s3, client("cloudwatch")))
    if is_scheduled and document["drifted"]:
        document["retraining"] = _retraining(settings).begin(document, moment)
    uri = S3Uri(settings.data_bucket, drift_review_key(document["day"]))
    put_document(_KIND, document, uri, s3=s3)
    page = S3Uri(settings.data_bucket, DRIFT_PAGE)
    body = render_page(read_history(settings.data_bucket, s3=s3)).encode()
    s3.put_object(Bucket=page.bucket, Key=page.key, Body=body, ContentType="text/html; charset=utf-8")
    logger.info("reviewed", extra={"review": document})
    _count(document)
    return {**document, "review_uri": str(uri), "page_uri": str(page)}


def _approve(text: Any, settings: Settings, moment: datetime) -> dict[str, Any]:
    if not isinstance(text, str):
        raise DriftInputError("approve is no text; give that of the message")
    return _retraining(settings).approve(text, moment)


def _read_day(event: dict[str, Any], today: date) -> date:
    text = event.get("day")
    try:
        day = date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        day = None
    if day is None or day > today:
        raise DriftInputError(f"day is {text!r}; it must be a day such as {today}, and not a later one")
    return day


def _retraining(settings: Settings) -> Retraining:
    return Retraining(settings, client("dynamodb"), client("stepfunctions"), client("ssm"), client("sns"))


def _count(document: dict[str, Any]) -> None:
    """Of a day that nothing can be told of only that it was looked at: neither drift nor its absence."""
    metrics.add_metric("DriftReviews", MetricUnit.Count, 1)
    if document["drifted"] is None:
        return
    metrics.add_metric("DriftDetected", MetricUnit.Count, int(document["drifted"]))
    for each in document["statistics"]:
        name = "".join(part.title() for part in each["name"].split("_"))
        metrics.add_metric(f"Drift{name}", MetricUnit.NoUnit, each["effect"])
