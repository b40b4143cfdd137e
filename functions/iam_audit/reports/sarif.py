"""The report as SARIF 2.1.0, which code-scanning tools read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import re
from collections.abc import Mapping
from typing import Any

from drops.text import printable
from functions.iam_audit.reports.finding_ids import with_ids

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "informational": "note",
}
# GitHub orders findings by this number: https://docs.github.com/en/code-security/reference/code-scanning/sarif-support-for-code-scanning
_SECURITY_SEVERITY = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0", "informational": "0.0"}


def to_sarif(report: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """One run. `source` is what the findings are shown at: SARIF readers want a file."""
    rules = {check["id"]: number for number, check in enumerate(report["checks"])}
    suppressed = [(name, each, each["suppressed_by"]) for name, each in with_ids(report["suppressed"])]
    standing = [(name, each, None) for name, each in with_ids(report["findings"])]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "dropserve IAM audit",
                        "rules": [_rule(check) for check in report["checks"]],
                    }
                },
                "invocations": [{"executionSuccessful": True, "endTimeUtc": _utc(report["generated_at"])}],
                "results": [
                    _result(name, finding, answer, rules[finding["check"]], source)
                    for name, finding, answer in (*standing, *suppressed)
                ],
            }
        ],
    }


def _rule(check: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": check["id"],
        "name": check["id"].title().replace("-", ""),
        "shortDescription": {"text": check["title"]},
        "fullDescription": {"text": check["risk"]},
        "help": {"text": check["remediation"]},
        "helpUri": check["references"][0],
        "defaultConfiguration": {"level": _LEVELS[check["severity"]]},
        "properties": {
            "tags": ["security", check["category"]],
            "security-severity": _SECURITY_SEVERITY[check["severity"]],
        },
    }


def _result(
    name: str, finding: Mapping[str, Any], answer: Mapping[str, str] | None, rule: int, source: str
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding["check"],
        "ruleIndex": rule,
        "level": _LEVELS[finding["severity"]],
        "message": {"text": _plain(f"{finding['resource']}: {finding['reason']} {finding['remediation']}")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": source}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": finding["resource"], "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"checkAndResource/v1": name},
        "properties": {"severity": finding["severity"], "pipelineRole": finding["pipeline_role"]},
    }
    if finding.get("change"):
        result["baselineState"] = "new" if finding["change"] == "new" else "unchanged"
    if answer:
        text = f"{answer['reason']} ({answer['owner']}, until {answer['expires']})"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": text}]
    return result


def _plain(text: str) -> str:
    """A message without links: readers make one of `[text](address)` (3.11.6), unless it is escaped."""
    safe = printable(text)
    return re.sub(r"([\[\]])", r"\\\1", safe) if "](" in safe else safe


def _utc(moment: str) -> str:
    return moment.replace("+00:00", "Z")
