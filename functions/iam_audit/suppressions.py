"""Findings that somebody has answered for, until a day: they leave the counts and the gate, not the report.

The function takes suppressions.json beside this file. A suppression can open the gate of a release, so it is
code: reviewed, versioned, and changed by a deployment only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from functions.common.errors import DropserveError
from functions.common.json_text import parse_json
from functions.iam_audit.audit import Finding, count_severities, judge
from functions.iam_audit.checks import ALL_CHECKS
from functions.iam_audit.policy.patterns import matches
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Gap

PACKAGED = Path(__file__).with_name("suppressions.json")

_FIELDS = ("check", "resource", "reason", "owner", "expires")


class SuppressionError(DropserveError):
    """The file of suppressions is malformed."""


@dataclass(frozen=True)
class Suppression:
    """`resource` is an ARN, or a pattern with `*` and `?`; it holds to the end of the day `expires` (UTC)."""

    check: str
    resource: str
    reason: str
    owner: str
    expires: date

    def covers(self, finding: Finding) -> bool:
        return finding["check"] == self.check and matches(self.resource, finding["resource"])

    def is_expired(self, moment: datetime) -> bool:
        return moment.date() > self.expires


def read_suppressions(file: Path = PACKAGED) -> list[Suppression]:
    """Raises SuppressionError, which names the file, the entry and the fault."""
    try:
        entries = parse_json(file.read_bytes())["suppressions"]
    except OSError as error:
        raise SuppressionError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SuppressionError(
            f'{file} is not JSON of the form {{"suppressions": [...]}}: {error!r}'
        ) from error
    if not isinstance(entries, list):
        raise SuppressionError(f"{file}: suppressions must be a list")
    return [_suppression(entry, f"entry {number} of {file}") for number, entry in enumerate(entries, 1)]


def _suppression(entry: Any, where: str) -> Suppression:
    if not isinstance(entry, Mapping) or set(entry) != set(_FIELDS):
        raise SuppressionError(f"{where} must have exactly {', '.join(_FIELDS)}")
    for name in _FIELDS:
        if not isinstance(entry[name], str) or not entry[name].strip():
            raise SuppressionError(f"{where}: {name} must be a text that is not empty")
    if entry["check"] not in {check.id for check in ALL_CHECKS}:
        raise SuppressionError(f"{where}: there is no check {entry['check']!r}")
    try:
        expires = date.fromisoformat(entry["expires"])
    except ValueError as error:
        raise SuppressionError(f"{where}: expires must be a day such as 2027-01-31") from error
    return Suppression(entry["check"], entry["resource"], entry["reason"], entry["owner"], expires)


def suppress(
    report: dict[str, Any], suppressions: Iterable[Suppression], settings: Settings, *, moment: datetime
) -> dict[str, Any]:
    """The report with suppressed findings in a list of their own, and its counts and gate made anew.

    `suppressions` of the report names each one with how many findings it covers; one that has expired
    covers them in vain: they count.
    """
    suppressions = list(suppressions)
    good = [each for each in suppressions if not each.is_expired(moment)]
    suppressed, findings = [], []
    for finding in report["findings"]:
        answer = next((each for each in good if each.covers(finding)), None)
        if answer:
            suppressed.append({**finding, "suppressed_by": _answer(answer)})
        else:
            findings.append(finding)
    gaps = [Gap(gap["name"], gap["reason"]) for gap in report["gaps"]]
    return {
        **report,
        "gate": judge(findings, gaps, settings),
        "counts": count_severities(findings),
        "pipeline_counts": count_severities(finding for finding in findings if finding["pipeline_role"]),
        "findings": findings,
        "suppressed": suppressed,
        "suppressions": [
            {
                "check": each.check,
                "resource": each.resource,
                **_answer(each),
                "expired": each.is_expired(moment),
                "findings": sum(each.covers(finding) for finding in report["findings"]),
            }
            for each in suppressions
        ],
    }


def _answer(suppression: Suppression) -> dict[str, str]:
    return {
        "reason": suppression.reason,
        "owner": suppression.owner,
        "expires": suppression.expires.isoformat(),
    }
