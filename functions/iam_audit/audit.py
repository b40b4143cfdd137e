"""A snapshot of the account -> findings -> the gate's verdict -> the report."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC
from typing import Any

from contracts.limits import MAX_SENTENCE_CHARACTERS
from drops.text import printable
from functions.iam_audit.checks import ALL_CHECKS
from functions.iam_audit.checks.base import Check, Violation
from functions.iam_audit.policy.grants import Grant
from functions.iam_audit.policy.permissions import conditions_of
from functions.iam_audit.reachability import Reach, reach_of, shifted
from functions.iam_audit.settings import SEVERITIES, Settings
from functions.iam_audit.snapshot import IAM_GAP, Account, Gap, Role

Finding = dict[str, Any]

# What IAM's own documents do not hold; they can only take rights away, so that no finding is missed for them.
_UNKNOWN_LIMITS = (
    Gap(
        "service control policies",
        "an organisation's limits on the account are not read: they may take back some of what is granted",
    ),
    Gap(
        "session policies",
        "limits that are given with a session are known only when it is made: they may take back some rights",
    ),
)


def audit_account(
    account: Account, settings: Settings, *, run_id: str | None, checks: Iterable[Check] = ALL_CHECKS
) -> dict[str, Any]:
    """The report of `schemas/audit.schema.json`: verdict, counts, gaps, checks, and findings, worst first."""
    checks = tuple(checks)
    findings = find_violations(account, settings, checks)
    gaps = [*account.gaps, *_missing_pipeline(account, settings), *_UNKNOWN_LIMITS]
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
        "api_calls": account.api_calls,
        "pipeline_counts": count_severities(finding for finding in findings if finding["pipeline_role"]),
        "gaps": [{"name": gap.name, "reason": gap.reason} for gap in gaps],
        "checks": [_describe(check) for check in checks],
        "findings": findings,
    }


def find_violations(account: Account, settings: Settings, checks: Iterable[Check]) -> list[Finding]:
    """Every check's findings, sorted by severity, then resource."""
    reaches = _Reaches(account, settings)
    findings = [
        _finding(check, violation, reaches) for check in checks for violation in check.find(account, settings)
    ]
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding["severity"]), finding["resource"]))


class _Reaches:
    """How each role can be reached, worked out once and only for roles with findings."""

    def __init__(self, account: Account, settings: Settings) -> None:
        self.account = account
        self.settings = settings
        self.known: dict[str, Reach | None] = {}

    def of(self, arn: str) -> Reach | None:
        if arn not in self.known:
            role = self.account.roles_by_arn.get(arn)
            self.known[arn] = None if role is None else self._work_out(role)
        return self.known[arn]

    def _work_out(self, role: Role) -> Reach:
        return reach_of(role, taken_at=self.account.taken_at, inactive_days=self.settings.inactive_days)

    def is_pipelines(self, arn: str) -> bool:
        role = self.account.roles_by_arn.get(arn)
        return role is not None and role.path.startswith(self.settings.pipeline_role_path)


def _finding(check: Check, violation: Violation, reaches: _Reaches) -> Finding:
    reach = reaches.of(violation.resource)
    pipeline_role = reaches.is_pipelines(violation.resource)
    return {
        "check": check.id,
        "category": check.category,
        "severity": _severity(check, violation, reach, pipeline_role=pipeline_role),
        "resource": violation.resource,
        "title": check.title,
        "reason": violation.reason,
        "remediation": check.remediation,
        "pipeline_role": pipeline_role,
        "policy_snippet": violation.snippet,
        "conditions_considered": [*conditions_of(violation.grants), *violation.conditions],
        "reach": reach.text if reach else None,
    }


def _severity(check: Check, violation: Violation, reach: Reach | None, *, pipeline_role: bool) -> str:
    """The violation's own; milder where the caller's circumstances limit it, shifted by the role's reach."""
    severity = violation.severity or check.severity
    if violation.grants and all(map(_is_circumscribed, violation.grants)):
        severity = shifted(severity, -1)
    if reach and check.weighs_reach:
        # The pipeline uses its roles as it sees fit: that one is idle must not open the gate.
        severity = shifted(severity, max(reach.step, 0) if pipeline_role else reach.step)
    return severity


def _is_circumscribed(grant: Grant) -> bool:
    return any(condition.narrows_circumstances_only for condition in grant.statement.conditions)


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
    # Names of the account stand in it, and it goes on into ledger and mail.
    return {
        "severity": settings.gate_severity,
        "blocked": bool(grave or unread),
        "reason": printable(reason, MAX_SENTENCE_CHARACTERS),
    }


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


def _describe(check: Check) -> dict[str, Any]:
    return {
        "id": check.id,
        "category": check.category,
        "severity": check.severity,
        "title": check.title,
        "risk": check.risk,
        "remediation": check.remediation,
        "references": list(check.references),
    }
