"""Findings of an audit, chosen by what a person asks for, a page at a time: thousands stay quick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from deploy_scripts.console.parts.paging import part_of
from functions.iam_audit.settings import SEVERITIES

ON_A_PAGE = 50
_SEARCHED = ("title", "reason", "check", "category", "remediation", "reach")
_LONGEST = 200


@dataclass(frozen=True)
class Filter:
    """What is asked for; an empty field asks for all. Texts are found anywhere, in any case."""

    severity: str = ""
    role: str = ""
    text: str = ""
    only: str = ""

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> Filter:
        severity, only = query.get("severity", ""), query.get("only", "")
        return cls(
            severity=severity if severity in SEVERITIES else "",
            role=query.get("role", "").strip()[:_LONGEST],
            text=query.get("text", "").strip()[:_LONGEST],
            only=only if only in {"new", "pipeline"} else "",
        )

    def as_query(self, **more: str | int) -> str:
        """Of an address that asks for the same; begins with `?`, or is empty."""
        fields = {**{name: value for name, value in vars(self).items() if value}, **more}
        return f"?{urlencode(fields)}" if fields else ""

    def choose(self, findings: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        role, text = self.role.casefold(), self.text.casefold()
        return [
            each
            for each in findings
            if (not self.severity or each["severity"] == self.severity)
            and (self.only != "new" or each.get("change") == "new")
            and (self.only != "pipeline" or each["pipeline_role"])
            and (not role or role in each["resource"].casefold())
            and (not text or any(text in str(each.get(name) or "").casefold() for name in _SEARCHED))
        ]


@dataclass(frozen=True)
class FoundPage:
    """One page of the findings that a filter lets through; `page` counts from 1."""

    findings: Sequence[Mapping[str, Any]]
    page: int
    pages: int
    found: int
    total: int


def page_of(findings: Sequence[Mapping[str, Any]], wanted: Filter, page: str) -> FoundPage:
    chosen = wanted.choose(findings)
    part = part_of(len(chosen), page, ON_A_PAGE)
    shown = chosen[part.first : part.last]
    return FoundPage(shown, part.page, part.pages, len(chosen), len(findings))
