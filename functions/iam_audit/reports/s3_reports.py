"""The reports in S3: those of this audit, and the last one, against which it is compared."""

from typing import Any

from contracts.bucket import AUDIT, AUDIT_PAGE, LAST_AUDIT
from functions.common.documents import parse_document, put_document, read_optional
from functions.common.errors import DocumentError
from functions.common.observability import logger
from functions.common.s3_uris import S3Uri
from functions.iam_audit.reports.report import render_html


def publish(report: dict[str, Any], folder: S3Uri, data_bucket: str, *, s3: Any) -> tuple[str, str]:
    """Write audit.json and audit.html into the folder, and the last report anew; gives both addresses."""
    html = S3Uri(folder.bucket, f"{folder.key}{AUDIT_PAGE}")
    report_uri = put_document("audit", report, S3Uri(folder.bucket, f"{folder.key}{AUDIT}"), s3=s3)
    s3.put_object(
        Bucket=html.bucket,
        Key=html.key,
        Body=render_html(report).encode(),
        ContentType="text/html; charset=utf-8",
    )
    put_document("audit", report, S3Uri(data_bucket, LAST_AUDIT), s3=s3)
    return report_uri, str(html)


def read_last_report(data_bucket: str, *, s3: Any) -> dict[str, Any] | None:
    """None before the first audit, and when what is there is of a form no longer understood."""
    uri = S3Uri(data_bucket, LAST_AUDIT)
    text = read_optional(uri, s3=s3)
    if text is None:
        return None
    try:
        return parse_document("audit", text, where=str(uri))
    except DocumentError as error:
        logger.warning("the last audit cannot be compared with", extra={"cause": str(error)})
        return None
