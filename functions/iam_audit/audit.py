"""A snapshot of the account -> findings -> the gate's verdict -> the report."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC
from typing import Any

from functions.iam_audit.account import IAM_GAP
from functions.iam_audit.checks import ALL_CHECKS
from functions.iam_audit.checks.base import Check
from functions.iam_audit.settings import SEVERITIES, Settings
from functions.iam_audit.snapshot import Account, Gap

Finding = dict[str, Any]


def audit_account(
    account: Account, settings: Settings, *, run_id: str | None, checks: Iterable[Check] = ALL_CHECKS
) -> dict[str, Any]:
    """The report of `schemas/audit.schema.json`: verdict, counts, gaps, checks, and findings, worst first."""
    checks = tuple(checks)
    findings = find_problems(account, settings, checks)
    gaps = [*account.gaps, *_missing_pipeline(account, settings)]
    return {
        "schema_version": 1,
        "account": account.account_id,
        "region": account.region,
        "generated_at": account.taken_at.astimezone(UTC).isoformat(timespec="seconds"),
        "run_id": run_id,
        "inactive_days": settings.inactive_days,
        "pipeline_role_path": settings.pipeline_role_path,
        "gate": judge(findings, account.gaps, settings),
        "counts": count_severities(findings),
        "pipeline_counts": count_severities(finding for finding in findings if finding["pipeline_role"]),
        "gaps": [{"name": gap.name, "reason": gap.reason} for gap in gaps],
        "checks": [_describe(check) for check in checks],
        "findings": findings,
    }


def find_problems(account: Account, settings: Settings, checks: Iterable[Check]) -> list[Finding]:
    """Every check's findings, sorted by severity, then resource."""
    pipeline_arns = {role.arn for role in account.roles if role.path.startswith(settings.pipeline_role_path)}
    findings: list[Finding] = [
        {
            "check": check.id,
            "category": check.category,
            "severity": check.severity,
            "resource": problem.resource,
            "title": check.title,
            "reason": problem.reason,
            "remediation": check.remediation,
            "pipeline_role": problem.resource in pipeline_arns,
        }
        for check in checks
        for problem in check.find(account, settings)
    ]
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding["severity"]), finding["resource"]))


def judge(findings: Iterable[Finding], gaps: Iterable[Gap], settings: Settings) -> dict[str, Any]:
    """The gate: {"severity", "blocked", "reason"}.

    Blocked by a finding at or above the gate's severity on a role of the pipeline, and when IAM could not be
    read: an unseen role is not a safe one.
    """
    stopping = SEVERITIES[: SEVERITIES.index(settings.gate_severity) + 1]
    grave = [finding for finding in findings if finding["pipeline_role"] and finding["severity"] in stopping]
    unread = next((gap for gap in gaps if gap.name == IAM_GAP), None)
    if grave:
        reason = _blocking_reason(grave)
    elif unread:
        reason = f"The pipeline's roles could not be judged, because {unread.name} failed: {unread.reason}"
    else:
        reason = f"No role of the pipeline has a finding of severity {settings.gate_severity} or above."
    return {"severity": settings.gate_severity, "blocked": bool(grave or unread), "reason": reason}


def _blocking_reason(grave: list[Finding]) -> str:
    first = grave[0]
    role = first["resource"].partition(":role")[2].lstrip("/")
    more = f" (and {len(grave) - 1} more as grave)" if len(grave) > 1 else ""
    return f"Role {role} has the {first['severity']} finding {first['check']}: {first['title']}{more}."


def count_severities(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings of each severity; every severity is named."""
    counted = Counter(finding["severity"] for finding in findings)
    return {severity: counted[severity] for severity in SEVERITIES}


def _missing_pipeline(account: Account, settings: Settings) -> list[Gap]:
    """The function's own role is under the pipeline's path: when no role is there, the path is wrong."""
    if any(role.path.startswith(settings.pipeline_role_path) for role in account.roles):
        return []
    return [Gap("pipeline roles", f"no role has a path that begins with {settings.pipeline_role_path}")]


def _describe(check: Check) -> dict[str, str]:
    return {
        "id": check.id,
        "category": check.category,
        "severity": check.severity,
        "title": check.title,
        "risk": check.risk,
        "remediation": check.remediation,
    }
