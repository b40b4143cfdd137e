"""Lambda entry point of the audit: judge the account, publish the report, let a release go on or not."""

import os
import re
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.common.clients import client
from functions.common.documents import put_document
from functions.common.errors import DropserveError
from functions.common.observability import logger, metrics, tracer
from functions.common.s3_uris import S3Uri
from functions.iam_audit.account import read_account
from functions.iam_audit.audit import audit_account
from functions.iam_audit.report import render_html
from functions.iam_audit.settings import load_settings


class AuditInputError(DropserveError):
    """The event names a run in a form that the audit does not know."""


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{"run": {"id", "bucket"}} or {} -> {"blocked", "reason", "counts", "report_uri", "html_uri"}.

    Without a run the report goes to audits/<moment>/ of the data bucket.
    Raises AuditInputError, SettingsError.
    """
    settings = load_settings(os.environ)
    moment = datetime.now(UTC)
    run_id, folder = _destination(event, settings.data_bucket, moment)
    account = read_account(
        iam=client("iam"), lambda_=client("lambda"), sagemaker=client("sagemaker"), taken_at=moment
    )
    report = audit_account(account, settings, run_id=run_id)
    report_uri, html_uri = _publish(report, folder, s3=client("s3"))
    _record(report)
    gate = report["gate"]
    return {
        "blocked": gate["blocked"],
        "reason": gate["reason"],
        "counts": report["counts"],
        "report_uri": report_uri,
        "html_uri": html_uri,
    }


def _destination(event: dict[str, Any], data_bucket: str, moment: datetime) -> tuple[str | None, S3Uri]:
    """The run's id, and the folder for its report."""
    run = event.get("run")
    if run is None:
        return None, S3Uri(data_bucket, f"audits/{moment:%Y-%m-%dT%H-%M-%SZ}")
    run_id = run.get("id") if isinstance(run, dict) else None
    if not isinstance(run_id, str) or not re.fullmatch(r"[0-9a-f]{32}", run_id):
        raise AuditInputError(f"run.id is {run_id!r}; it must be 32 hexadecimal characters, or leave run out")
    return run_id, S3Uri(run.get("bucket") or data_bucket, f"runs/{run_id}")


def _publish(report: dict[str, Any], folder: S3Uri, *, s3: Any) -> tuple[str, str]:
    html = S3Uri(folder.bucket, f"{folder.key}/audit.html")
    report_uri = put_document("audit", report, S3Uri(folder.bucket, f"{folder.key}/audit.json"), s3=s3)
    s3.put_object(
        Bucket=html.bucket,
        Key=html.key,
        Body=render_html(report).encode(),
        ContentType="text/html; charset=utf-8",
    )
    return report_uri, str(html)


def _record(report: dict[str, Any]) -> None:
    for severity, count in report["counts"].items():
        metrics.add_metric(name=f"Findings{severity.capitalize()}", unit=MetricUnit.Count, value=count)
    metrics.add_metric(name="AuditGaps", unit=MetricUnit.Count, value=len(report["gaps"]))
    gate = report["gate"]
    logger.info(
        "audit done", extra={"blocked": gate["blocked"], "reason": gate["reason"], "counts": report["counts"]}
    )
