"""What changed since the last audit: findings that are new, kept, and gone.

A finding is the same one when its check and its resource are; a reason may count days.
"""

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]
_GONE_FIELDS = ("check", "category", "severity", "resource", "title", "reason", "pipeline_role", "first_seen")


def note_changes(report: Report, last: Report | None) -> dict[str, Any]:
    """The report with `changes`, and with `change` and `first_seen` on each finding.

    Without a last audit nothing is known to be new: `change` is null, as it is for what is suppressed.
    """
    counted = {} if last is None else {_identity(each): each for each in last["findings"]}
    seen = {**counted, **({} if last is None else {_identity(each): each for each in last["suppressed"]})}
    findings = [
        {
            **each,
            "change": _change(each, counted) if last else None,
            "first_seen": _first_seen(each, seen, report),
        }
        for each in report["findings"]
    ]
    suppressed = [
        {**each, "change": None, "first_seen": _first_seen(each, seen, report)}
        for each in report["suppressed"]
    ]
    standing = {_identity(each) for each in (*findings, *suppressed)}
    gone = [each for identity, each in counted.items() if identity not in standing]
    changes = {
        "since": last["generated_at"] if last else None,
        "new": sum(each["change"] == "new" for each in findings),
        "kept": sum(each["change"] == "kept" for each in findings),
        "gone": [{name: each[name] for name in _GONE_FIELDS} for each in gone],
        "newly_unread": _newly_unread(report, last),
    }
    return {**report, "findings": findings, "suppressed": suppressed, "changes": changes}


def _identity(finding: Mapping[str, Any]) -> tuple[str, str]:
    return finding["check"], finding["resource"]


def _change(finding: Mapping[str, Any], counted: Mapping[tuple[str, str], Any]) -> str:
    return "kept" if _identity(finding) in counted else "new"


def _first_seen(finding: Mapping[str, Any], seen: Mapping[tuple[str, str], Any], report: Report) -> str:
    moment: str = seen.get(_identity(finding), {}).get("first_seen", report["generated_at"])
    return moment


def _newly_unread(report: Report, last: Report | None) -> list[str]:
    """Names of gaps that the last audit had not: what is gone may only be out of sight."""
    before = {gap["name"] for gap in last["gaps"]} if last else set()
    return [gap["name"] for gap in report["gaps"] if last and gap["name"] not in before]
