"""Asks the audit function to look at the account's IAM."""

import json
from dataclasses import dataclass
from typing import Any

from deploy_scripts.errors import CliError
from deploy_scripts.pipeline.deployment import Deployment
from deploy_scripts.pipeline.s3_documents import read_json

SEVERITIES = ("critical", "high", "medium", "low", "informational")


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
    answer = deployment.aws.functions.invoke(
        FunctionName=deployment.outputs["AuditFunctionName"], Payload=b"{}"
    )
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise CliError(
            f"The audit failed: {payload.get('errorType')}: {payload.get('errorMessage')}",
            "See `dropserve logs iam_audit`.",
        )
    return Audit(
        blocked=payload["blocked"],
        reason=payload["reason"],
        counts=payload["counts"],
        report=read_json(deployment, payload["report_uri"]),
        report_uri=payload["report_uri"],
        html_uri=payload["html_uri"],
    )


def audit_of_run(deployment: Deployment, run_id: str) -> dict[str, Any]:
    """The audit report that a run's release passed."""
    return read_json(deployment, f"s3://{deployment.bucket}/runs/{run_id}/audit.json")
