"""capacity_review: {"apply", "reset", "days"}, each optional, or a schedule's event -> the review's document.

A schedule's event applies where the deployment says so (CAPACITY_REVIEW), one by hand where it asks for it.
"""

import os
import time
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from contracts.bucket import CAPACITY_REVIEWS
from functions.capacity_review.applying import Applier, BusyError, ConcurrencyNotSetError
from functions.capacity_review.metrics import MOST_DAYS, USUAL_DAYS
from functions.capacity_review.review import Clients, Review, review
from functions.capacity_review.settings import Settings, read_settings
from functions.common.applied_capacity import Capacity
from functions.common.clients import client
from functions.common.documents import put_document
from functions.common.errors import DropserveError, bounded_reason
from functions.common.observability import logger, metrics, tracer
from functions.common.s3_uris import S3Uri

# What is left when waiting for environments ends: the document is still to be written.
_RESERVE_S = 20.0
_KIND = "capacity_review"


class ReviewInputError(DropserveError):
    """The event has a field of the wrong type."""


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Raises ReviewInputError, SettingsError, PointerError, DocumentError."""
    settings = read_settings(os.environ)
    apply, reset, days = _read(event, settings)
    moment = datetime.now(UTC)
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _RESERVE_S
    clients = Clients(
        client("cloudwatch"),
        client("lambda"),
        client("sagemaker"),
        client("application-autoscaling"),
        client("service-quotas"),
        client("ssm"),
    )
    done = review(settings, days=days, moment=moment, clients=clients)
    uri = S3Uri(settings.data_bucket, f"{CAPACITY_REVIEWS}{moment:%Y-%m-%dT%H-%M-%SZ}.json")
    document = done.document
    if apply or reset:
        applied = _apply(done, settings, deadline, str(uri), reset=reset)
        document = {**document, "applied": applied}
    put_document(_KIND, document, uri, s3=client("s3"))
    logger.info("reviewed", extra={"review": document})
    metrics.add_metric("CapacityReviews", MetricUnit.Count, 1)
    return {**document, "review_uri": str(uri)}


def _read(event: dict[str, Any], settings: Settings) -> tuple[bool, bool, int]:
    """Whether to apply, whether to reset, and how many days to look back."""
    is_scheduled = event.get("source") == "aws.events"
    apply, reset = event.get("apply", is_scheduled and settings.applies), event.get("reset", False)
    days = event.get("days", USUAL_DAYS)
    if not isinstance(apply, bool) or not isinstance(reset, bool) or (apply and reset):
        raise ReviewInputError(f"apply is {apply!r} and reset {reset!r}; one of them may be true")
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
        raise ReviewInputError(f"days is {days!r}; it must be a whole number from 1 to {MOST_DAYS}")
    return apply, reset, days


def _apply(done: Review, settings: Settings, deadline: float, uri: str, *, reset: bool) -> dict[str, Any]:
    """What became of it, as the document has it."""
    today = done.today.capacity(settings.deployed)
    endpoint = done.today.endpoint
    is_scaled = endpoint is not None and endpoint.scaling is not None
    applier = Applier(
        parameter=settings.capacity_parameter,
        deployed=settings.deployed,
        endpoint=endpoint.name if endpoint and endpoint.instance_type else None,
        paused=not done.serves,
        ledger_table=settings.ledger_table,
        set_concurrency_function=settings.set_concurrency_function,
        deadline=deadline,
        ssm=client("ssm"),
        dynamodb=client("dynamodb"),
        functions=client("lambda"),
        autoscaling=client("application-autoscaling"),
    )
    scaled_today = today if is_scaled else None
    try:
        if reset:
            note = applier.reset(today=scaled_today)
        elif done.recommendation is None:
            return {"done": False, "reason": done.reason}
        elif _is_in_force(done, done.recommendation.capacity, today):
            return {"done": True, "reason": "what is recommended is set already"}
        else:
            at = done.document["reviewed_at"]
            note = applier.apply(done.recommendation.capacity, today=scaled_today, at=at, review_uri=uri)
    except (BusyError, ConcurrencyNotSetError) as error:
        logger.error("not applied", extra={"cause": str(error)})
        metrics.add_metric("CapacityNotApplied", MetricUnit.Count, 1)
        return {"done": False, "reason": bounded_reason(error)}
    metrics.add_metric("CapacityApplied", MetricUnit.Count, 1)
    return {"done": True, "reason": bounded_reason(note)}


def _is_in_force(done: Review, wanted: Capacity, today: Capacity) -> bool:
    """A reservation that is not there is not in force, whatever Lambda gives without one."""
    return wanted == today and done.today.concurrency.reserved is not None
