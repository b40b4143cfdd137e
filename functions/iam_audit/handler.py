"""Lambda entry point of the audit: judge the account, publish the report, let a release go on or not."""

import os
import re
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from contracts.bucket import AUDITS, LAST_AUDIT, RUN_ID, run_key
from functions.common.clients import client
from functions.common.errors import DropserveError, bounded_reason
from functions.common.observability import logger, metrics, tracer
from functions.common.s3_uris import S3Uri
from functions.iam_audit.audit import audit_account
from functions.iam_audit.reading.account import read_account
from functions.iam_audit.reports.changes import note_changes
from functions.iam_audit.reports.notification import notify
from functions.iam_audit.reports.s3_reports import publish, read_last_report
from functions.iam_audit.reports.security_hub import SecurityHubError, send, to_asff
from functions.iam_audit.settings import Settings, load_settings
from functions.iam_audit.suppressions import read_suppressions, suppress


class AuditInputError(DropserveError):
    """The event names a run in a form that the audit does not know."""


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{"run": {"id", "bucket"}} or {} -> {"blocked", "reason", "counts", "report_uri", "html_uri"}.

    Without a run the report goes to audits/<moment>/ of the data bucket.
    Raises AuditInputError, SettingsError, SuppressionError.
    """
    settings = load_settings(os.environ)
    moment = datetime.now(UTC)
    run_id, folder = _destination(event, settings.data_bucket, moment)
    suppressions = read_suppressions()
    account = read_account(client, taken_at=moment)
    report = audit_account(account, settings, run_id=run_id)
    report = suppress(report, suppressions, settings, moment=moment)
    report = _compared(report, settings)
    report_uri, html_uri = publish(report, folder, settings.data_bucket, s3=client("s3"))
    _record(report)
    _tell(report, html_uri, settings, region=account.region)
    gate = report["gate"]
    return {
        "blocked": gate["blocked"],
        "reason": bounded_reason(gate["reason"]),
        "counts": report["counts"],
        "report_uri": report_uri,
        "html_uri": html_uri,
    }


def _destination(event: dict[str, Any], data_bucket: str, moment: datetime) -> tuple[str | None, S3Uri]:
    """The run's id, and the folder for its report."""
    run = event.get("run")
    if run is None:
        return None, S3Uri(data_bucket, f"{AUDITS}{moment:%Y-%m-%dT%H-%M-%SZ}/")
    run_id = run.get("id") if isinstance(run, dict) else None
    if not isinstance(run_id, str) or not re.fullmatch(RUN_ID, run_id):
        raise AuditInputError(f"run.id is {run_id!r}; it must be 32 hexadecimal characters, or leave run out")
    return run_id, S3Uri(run.get("bucket") or data_bucket, run_key(run_id))


def _compared(report: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """With what changed since the last audit; a gap where the last one cannot be read."""
    try:
        last = read_last_report(settings.data_bucket, s3=client("s3"))
    except (ClientError, BotoCoreError) as error:
        gap = {"name": f"s3:GetObject of {LAST_AUDIT}", "reason": str(error)}
        return note_changes({**report, "gaps": [*report["gaps"], gap]}, None)
    return note_changes(report, last)


def _record(report: dict[str, Any]) -> None:
    for severity, count in report["counts"].items():
        metrics.add_metric(name=f"Findings{severity.capitalize()}", unit=MetricUnit.Count, value=count)
    metrics.add_metric(name="AuditGaps", unit=MetricUnit.Count, value=len(report["gaps"]))
    metrics.add_metric(name="FindingsSuppressed", unit=MetricUnit.Count, value=len(report["suppressed"]))
    for expired in (each for each in report["suppressions"] if each["expired"] and each["findings"]):
        logger.warning("an expired suppression counts again", extra={"suppression": expired})
    gate = report["gate"]
    logger.info(
        "audit done", extra={"blocked": gate["blocked"], "reason": gate["reason"], "counts": report["counts"]}
    )


def _tell(report: dict[str, Any], html_uri: str, settings: Settings, *, region: str | None) -> None:
    """Those who asked to be told. That they cannot be reached is logged: the verdict stands all the same."""
    try:
        if settings.notification_topic_arn:
            topic = settings.notification_topic_arn
            notify(report, html_uri=html_uri, topic_arn=topic, sns=client("sns"))
    except (ClientError, BotoCoreError) as error:
        logger.error("the new critical findings could not be told", extra={"cause": str(error)})
    try:
        if settings.security_hub and region:
            send(to_asff(report, region=region), securityhub=client("securityhub"))
    except (ClientError, BotoCoreError, SecurityHubError) as error:
        logger.error("the findings could not be sent to Security Hub", extra={"cause": str(error)})
