"""Audits: by the deployed function on the account, or here on a saved copy; and the forms of a report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from contracts.bucket import AUDIT, AUDITS, LAST_AUDIT, run_key
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.local_target import REGION
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.function_calls import call_function
from deploy_scripts.operations.s3_documents import read_json
from functions.common.errors import DropserveError


@dataclass(frozen=True)
class Audit:
    """`counts`: findings by severity. `report`: the whole document of schemas/audit.schema.json."""

    blocked: bool
    reason: str
    counts: dict[str, int]
    report: dict[str, Any]
    report_uri: str
    html_uri: str


def run_audit(deployment: Deployment) -> Audit:
    """Raises CliError when the audit function fails."""
    payload = call_function(deployment, "AuditFunctionName", {}, what="The audit", log="iam_audit")
    return Audit(
        blocked=payload["blocked"],
        reason=payload["reason"],
        counts=payload["counts"],
        report=read_json(deployment, payload["report_uri"]),
        report_uri=payload["report_uri"],
        html_uri=payload["html_uri"],
    )


def list_audits(deployment: Deployment) -> list[str]:
    """The moments of the daily audits and of those by hand, newest first, as read_audit takes them."""
    pages = deployment.aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=deployment.bucket, Prefix=AUDITS, Delimiter="/"
    )
    folders = (each["Prefix"] for page in pages for each in page.get("CommonPrefixes", []))
    return sorted((each.removeprefix(AUDITS).rstrip("/") for each in folders), reverse=True)


def read_audit(deployment: Deployment, moment: str | None) -> dict[str, Any] | None:
    """The report of that moment, or, for None, of the last audit; None when there is none."""
    key = LAST_AUDIT if moment is None else f"{AUDITS}{moment}/{AUDIT}"
    try:
        return read_json(deployment, f"s3://{deployment.bucket}/{key}")
    except ClientError as error:
        if is_error(error, "NoSuchKey"):
            return None
        raise


def audit_of_run(deployment: Deployment, run_id: str) -> dict[str, Any]:
    """The audit report that a run's release passed."""
    return read_json(deployment, f"s3://{deployment.bucket}/{run_key(run_id, AUDIT)}")


# The audit's own modules are imported where they are needed: `--help` need not load every check.


def audit_file(file: Path, *, pipeline_role_path: str, suppressions: Path | None) -> dict[str, Any]:
    """The report on a saved `aws iam get-account-authorization-details`; no account is asked.

    Raises CliError when a file cannot be read.
    """
    from functions.iam_audit.reading.saved import audit_saved  # noqa: PLC0415
    from functions.iam_audit.settings import Settings  # noqa: PLC0415
    from functions.iam_audit.suppressions import read_suppressions  # noqa: PLC0415

    settings = Settings(data_bucket="", pipeline_role_path=pipeline_role_path)
    try:
        return audit_saved(file, settings, read_suppressions(suppressions) if suppressions else ())
    except DropserveError as error:
        raise CliError(f"The audit failed: {error}.", "Correct the file that is named.") from error
    except RecursionError as error:
        raise CliError(
            f"The audit failed: a value in {file} is nested too deeply.", "Correct the file that is named."
        ) from error


def check_suppressions(file: Path) -> None:
    """Raises CliError, which names the fault, where the audit could not read the file."""
    from functions.iam_audit.suppressions import SuppressionError, read_suppressions  # noqa: PLC0415

    try:
        read_suppressions(file)
    except SuppressionError as error:
        raise CliError(f"--suppressions: {error}.", "Correct the file that is named.") from error


def as_html(report: dict[str, Any]) -> str:
    from functions.iam_audit.reports.report import render_html  # noqa: PLC0415

    return render_html(report)


def as_sarif(report: dict[str, Any], file: Path | None) -> dict[str, Any]:
    """SARIF 2.1.0; findings are shown at the saved file, or at the report."""
    from functions.iam_audit.reports.sarif import to_sarif  # noqa: PLC0415

    return to_sarif(report, source=file.name if file else AUDIT)


def as_asff(report: dict[str, Any], region: str | None) -> list[dict[str, Any]]:
    """AWS Security Findings for BatchImportFindings. Raises CliError without an account to name in them."""
    from functions.iam_audit.reports.security_hub import SecurityHubError, to_asff  # noqa: PLC0415

    try:
        return to_asff(report, region=region or report["region"] or REGION)
    except SecurityHubError as error:
        raise CliError(f"{error}.", "Audit a file that names roles or users.") from error
