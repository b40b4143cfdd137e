"""janitor: a schedule's event, or {} -> what runs have left behind, as a document. Nothing is removed.

`dropserve janitor --yes` removes it.
"""

import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from contracts.bucket import JANITOR_REPORTS
from functions.common.clients import client
from functions.common.documents import put_document
from functions.common.observability import logger, metrics, tracer
from functions.common.s3_uris import S3Uri
from functions.janitor.leftovers import Clients, Janitor
from functions.janitor.report import make_report, notify
from functions.janitor.settings import read_settings


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The document of schemas/janitor_report.schema.json, with `report_uri`.

    Raises SettingsError, PointerError, DocumentError.
    """
    settings = read_settings(os.environ)
    moment = datetime.now(UTC)
    found = Janitor(
        settings.stack,
        settings.region,
        settings.ledger_table,
        settings.live_pointer_parameter,
        Clients(
            client("sagemaker"), client("ec2"), client("dynamodb"), client("stepfunctions"), client("ssm")
        ),
    ).find_leftovers()
    report = make_report(found, moment)
    uri = S3Uri(settings.data_bucket, f"{JANITOR_REPORTS}{moment:%Y-%m-%dT%H-%M-%SZ}.json")
    put_document("janitor_report", report, uri, s3=client("s3"))
    notify(report, report_uri=str(uri), topic_arn=settings.notification_topic_arn, sns=client("sns"))
    logger.info("looked", extra={"report": report})
    metrics.add_metric("Leftovers", MetricUnit.Count, len(found))
    metrics.add_metric("LeftoversMonthlyUsd", MetricUnit.NoUnit, report["usd_a_month"])
    return {**report, "report_uri": str(uri)}
