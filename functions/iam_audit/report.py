"""audit.html: the report for people, one file, read and printed without network or JavaScript."""

import re
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from functions.iam_audit.settings import SEVERITIES

_TEMPLATE = Path(__file__).with_name("report_template.html")


def render_html(report: dict[str, Any]) -> str:
    """The page of a report (`schemas/audit.schema.json`); every value in it is escaped."""
    gate = report["gate"]
    findings = report["findings"]
    found = {finding["check"] for finding in findings}
    return _template().substitute(
        account=_text(report["account"] or "unknown"),
        region=_text(report["region"] or "not read"),
        generated_at=_text(report["generated_at"]),
        run=_text(report["run_id"] or "none (scheduled or by hand)"),
        inactive_days=_text(report["inactive_days"]),
        pipeline_role_path=_text(report["pipeline_role_path"]),
        verdict_class="blocked" if gate["blocked"] else "passed",
        verdict="Release blocked" if gate["blocked"] else "Release may go on",
        reason=_text(gate["reason"]),
        gate_severity=_text(gate["severity"]),
        tiles=_join(_tile(severity, report) for severity in SEVERITIES),
        gaps=_gaps(report["gaps"]),
        finding_count=len(findings),
        rows=_join(_finding_row(finding) for finding in findings),
        empty_class="" if findings else "no-findings",
        severity_options=_join(f'<option value="{name}">{name}</option>' for name in SEVERITIES),
        checks=_join(_check_row(check, failed=check["id"] in found) for check in report["checks"]),
        check_count=len(report["checks"]),
    )


@cache
def _template() -> Template:
    return Template(_TEMPLATE.read_text(encoding="utf-8"))


def _text(value: object) -> str:
    return escape(str(value), quote=True)


def _arn(arn: str) -> str:
    # A long ARN may break after its separators, not within a name.
    return re.sub(r"([:/])", r"\1<wbr>", _text(arn))


def _join(parts: Iterable[str]) -> str:
    return "\n".join(parts)


def _badge(severity: str) -> str:
    return f'<span class="badge {_text(severity)}">{_text(severity)}</span>'


def _tile(severity: str, report: dict[str, Any]) -> str:
    count, own = report["counts"][severity], report["pipeline_counts"][severity]
    zero = " zero" if count == 0 else ""
    return (
        f'<div class="tile {severity}{zero}"><span class="count">{count}</span>'
        f'<span class="name">{severity}</span><span class="own">{own} on pipeline roles</span></div>'
    )


def _gaps(gaps: list[dict[str, str]]) -> str:
    if not gaps:
        return "<p>None: everything that the audit looks at could be read.</p>"
    items = _join(f"<li><strong>{_text(gap['name'])}</strong>: {_text(gap['reason'])}</li>" for gap in gaps)
    return f"<ul>{items}</ul>"


def _finding_row(finding: dict[str, Any]) -> str:
    rank = SEVERITIES.index(finding["severity"])
    own = '<span class="own-role">pipeline role</span>' if finding["pipeline_role"] else ""
    return (
        f'<tr data-severity="{_text(finding["severity"])}" data-own="{int(finding["pipeline_role"])}">'
        f'<td data-sort="{rank}">{_badge(finding["severity"])}</td>'
        f"<td><code>{_arn(finding['resource'])}</code>{own}</td>"
        f"<td><strong>{_text(finding['title'])}</strong><p>{_text(finding['reason'])}</p>"
        f"<small>{_text(finding['check'])} · {_text(finding['category'])}</small></td>"
        f"<td>{_text(finding['remediation'])}</td></tr>"
    )


def _check_row(check: dict[str, str], *, failed: bool) -> str:
    outcome = "found" if failed else "nothing found"
    return (
        f"<tr><td>{_badge(check['severity'])}</td><td><strong>{_text(check['title'])}</strong>"
        f"<br><small>{_text(check['id'])}</small></td><td>{_text(check['risk'])}</td><td>{outcome}</td></tr>"
    )
