"""audit.html: the report for people, one file, read and printed without network or JavaScript."""

import json
import re
from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from drops.text import printable, printable_lines
from functions.iam_audit.settings import SEVERITIES

_TEMPLATE = Path(__file__).with_name("report_template.html")


def render_html(report: dict[str, Any]) -> str:
    """The page of a report (`schemas/audit.schema.json`); every value in it is made safe to show."""
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
        api_calls=_text(report["api_calls"]),
        verdict_class="blocked" if gate["blocked"] else "passed",
        verdict="Release blocked" if gate["blocked"] else "Release may go on",
        reason=_text(gate["reason"]),
        gate_severity=_text(gate["severity"]),
        tiles=_join(_tile(severity, report) for severity in SEVERITIES),
        changes=_changes(report["changes"]),
        suppressions=_suppressions(report),
        gaps=_gaps(report["gaps"]),
        finding_count=len(findings),
        rows=_join(_finding_row(finding) for finding in findings),
        empty_class="" if findings else "no-findings",
        severity_options=_options(SEVERITIES),
        category_options=_options(sorted({finding["category"] for finding in findings})),
        checks=_join(_check_row(check, failed=check["id"] in found) for check in report["checks"]),
        check_count=len(report["checks"]),
    )


@cache
def _template() -> Template:
    return Template(_TEMPLATE.read_text(encoding="utf-8"))


def _text(value: object) -> str:
    return escape(printable(value), quote=True)


def _arn(arn: str) -> str:
    # A long ARN may break after its separators, not within a name.
    return re.sub(r"([:/])", r"\1<wbr>", _text(arn))


def _join(parts: Iterable[str]) -> str:
    return "\n".join(parts)


def _options(names: Iterable[str]) -> str:
    return _join(f'<option value="{_text(name)}">{_text(name)}</option>' for name in names)


def _badge(severity: str) -> str:
    return f'<span class="badge {_text(severity)}">{_text(severity)}</span>'


def _tile(severity: str, report: dict[str, Any]) -> str:
    count, own = report["counts"][severity], report["pipeline_counts"][severity]
    zero = " zero" if count == 0 else ""
    return (
        f'<div class="tile {severity}{zero}"><span class="count">{count}</span>'
        f'<span class="name">{severity}</span><span class="own">{own} on pipeline roles</span></div>'
    )


def _changes(changes: dict[str, Any]) -> str:
    if changes["since"] is None:
        return "<p>There was no audit before this one to compare with.</p>"
    gone, since = changes["gone"], _text(changes["since"])
    said = f"Since {since}: <b>{changes['new']} new</b>, {len(gone)} gone, {changes['kept']} kept."
    unread = ", ".join(_text(name) for name in changes["newly_unread"])
    doubt = (
        f"<p>What is gone may only be out of sight; newly unread: {unread}.</p>" if unread and gone else ""
    )
    rows = _join(
        f"<li>{_badge(each['severity'])} <b>{_text(each['title'])}</b> "
        f"<code>{_arn(each['resource'])}</code> <small>{_text(each['check'])}</small></li>"
        for each in gone
    )
    listed = f'<details open><summary>Gone</summary><ul class="plain">{rows}</ul></details>' if gone else ""
    return f"<p>{said}</p>{doubt}{listed}"


def _suppressions(report: dict[str, Any]) -> str:
    if not report["suppressions"]:
        return ""
    names = ("Check", "Resource", "Reason", "Owner", "Until", "Findings")
    heads = "".join(f"<th>{name}</th>" for name in names)
    rows = _join(_suppression_row(each) for each in report["suppressions"])
    return (
        f"<h2>Suppressions ({len(report['suppressed'])} findings do not count)</h2>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _suppression_row(suppression: dict[str, Any]) -> str:
    kind, note = ("expired", " <b>expired: it counts again</b>") if suppression["expired"] else ("", "")
    return (
        f'<tr class="{kind}"><td>{_text(suppression["check"])}</td>'
        f"<td><code>{_arn(suppression['resource'])}</code></td><td>{_text(suppression['reason'])}</td>"
        f"<td>{_text(suppression['owner'])}</td><td>{_text(suppression['expires'])}{note}</td>"
        f"<td>{suppression['findings']}</td></tr>"
    )


def _gaps(gaps: list[dict[str, str]]) -> str:
    if not gaps:
        return "<p>None: everything that the audit looks at could be read.</p>"
    items = _join(f"<li><strong>{_text(gap['name'])}</strong>: {_text(gap['reason'])}</li>" for gap in gaps)
    return f"<ul>{items}</ul>"


def _finding_row(finding: dict[str, Any]) -> str:
    rank = SEVERITIES.index(finding["severity"])
    own = '<span class="mark">pipeline role</span>' if finding["pipeline_role"] else ""
    new = '<span class="mark new">new</span>' if finding["change"] == "new" else ""
    reach = f"<small>{_text(finding['reach'])}</small>" if finding["reach"] else ""
    return (
        f'<tr data-severity="{_text(finding["severity"])}" data-category="{_text(finding["category"])}" '
        f'data-own="{int(finding["pipeline_role"])}" data-change="{finding["change"] or ""}">'
        f'<td data-sort="{rank}">{_badge(finding["severity"])}{new}</td>'
        f"<td><code>{_arn(finding['resource'])}</code>{own}{reach}</td>"
        f"<td><strong>{_text(finding['title'])}</strong><p>{_text(finding['reason'])}</p>"
        f"{_conditions(finding)}<small>{_text(finding['check'])} · {_text(finding['category'])}</small></td>"
        f"<td>{_text(finding['remediation'])}{_snippet(finding)}</td></tr>"
    )


def _conditions(finding: dict[str, Any]) -> str:
    told = "; ".join(_text(condition) for condition in finding["conditions_considered"])
    return f"<p><small>Conditions taken into account: {told}</small></p>" if told else ""


def _snippet(finding: dict[str, Any]) -> str:
    if finding["policy_snippet"] is None:
        return ""
    # JSON escapes what is not ASCII by itself; its own line ends stay.
    text = escape(printable_lines(json.dumps(finding["policy_snippet"], indent=1)))
    return f"<details><summary>Policy</summary><pre>{text}</pre></details>"


def _check_row(check: dict[str, Any], *, failed: bool) -> str:
    outcome = "found" if failed else "nothing found"
    # Written out: the page has no links, so that nothing leads out of it unseen.
    references = _join(f"<br><small>{_text(reference)}</small>" for reference in check["references"])
    return (
        f"<tr><td>{_badge(check['severity'])}</td><td><strong>{_text(check['title'])}</strong>"
        f"<br><small>{_text(check['id'])}</small></td><td>{_text(check['risk'])}{references}</td>"
        f"<td>{outcome}</td></tr>"
    )
