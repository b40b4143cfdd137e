"""Audit: what is wrong with the account's IAM, by the last audit or an earlier one, and what changed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from starlette.responses import Response

from contracts.bucket import RUN_ID
from deploy_scripts.console.context import Console
from deploy_scripts.console.page import Call, NotThereError, Page, action, feed, view
from deploy_scripts.console.parts.finding_filter import Filter, FoundPage, page_of
from deploy_scripts.console.parts.jobs import Job, jobs_of
from deploy_scripts.console.parts.reviewing import JobFeed
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.audits import audit_of_run, list_audits, read_audit, run_audit
from functions.iam_audit.settings import SEVERITIES

_JOB = "audit"
_MOMENT = r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}Z"
_LISTED_AGE_S = 10.0
# A report of thousands of findings is megabytes.
_LAST_AGE_S = 15.0
_OLD_AGE_S = 600.0
_MOMENTS_SHOWN = 60
# What each finding, and the report itself, must have to be shown.
_FIELDS = ("gate", "counts", "pipeline_counts", "changes", "findings", "suppressions", "gaps", "generated_at")


@dataclass(frozen=True)
class Shown:
    """One report; `of` is the moment, the run, or empty for the last audit."""

    of: str
    report: Mapping[str, Any]
    moments: Sequence[str]
    found: FoundPage
    wanted: Filter


def show_audit(call: Call) -> Response:
    job = jobs_of(call.console).find(_JOB)
    shown = _shown(call)
    progress = job.progress if job else None
    return call.html("audit.html", shown=shown, severities=SEVERITIES, job=progress, policy_text=_policy_text)


def show_findings(call: Call) -> Response:
    """The part of the page that a filter changes."""
    shown = _shown(call)
    if shown is None:
        raise NotThereError("There is no such audit.", "Load the page again.")
    response = call.html("audit_findings.html", shown=shown, policy_text=_policy_text)
    response.headers["HX-Replace-Url"] = f"/audit{shown.wanted.as_query(**_of(shown.of))}"
    return response


def audit_now(call: Call) -> Response:
    console = call.console
    jobs_of(console).start(_JOB, lambda job: _audit_now(job, console))
    return call.go_to("/audit")


def follow_audit(call: Call) -> JobFeed:
    return JobFeed(call, _JOB)


def _audit_now(job: Job, console: Console) -> str:
    job.step("Auditing the account")
    found = run_audit(console.deployment)
    job.say(f"{found.reason}.")
    console.forget()
    return f"/audit?of={found.report_uri.split('/')[-2]}"


def _shown(call: Call) -> Shown | None:
    """None when there is no audit yet."""
    console, of = call.console, call.query.get("of", "")
    report = _report(console, of)
    if report is None:
        if of:
            raise NotThereError(f"There is no audit {of}.", "Choose one on the page Audit.")
        return None
    if missing := [name for name in _FIELDS if name not in report]:
        raise CliError(f"The audit's report has no {missing[0]}.", "Audit again: `dropserve audit`.")
    moments = console.recent("audits", lambda: list_audits(console.deployment), _LISTED_AGE_S)
    wanted = Filter.of_query(call.query)
    found = page_of(report["findings"], wanted, call.query.get("page", "1"))
    return Shown(of, report, moments[:_MOMENTS_SHOWN], found, wanted)


def _report(console: Console, of: str) -> Mapping[str, Any] | None:
    if not of:
        return console.recent("last audit", lambda: read_audit(console.deployment, None), _LAST_AGE_S)
    if re.fullmatch(_MOMENT, of):
        return console.recent(f"audit {of}", lambda: read_audit(console.deployment, of), _OLD_AGE_S)
    if re.fullmatch(RUN_ID, of):
        return console.recent(f"audit {of}", lambda: _of_run(console, of), _OLD_AGE_S)
    return None


def _of_run(console: Console, run_id: str) -> Mapping[str, Any] | None:
    try:
        return audit_of_run(console.deployment, run_id)
    except ClientError as error:
        if is_error(error, "NoSuchKey"):
            return None
        raise


def _of(of: str) -> dict[str, str]:
    return {"of": of} if of else {}


def _policy_text(snippet: Mapping[str, Any]) -> str:
    return json.dumps(snippet, indent=2)


PAGE = Page(
    "Audit",
    "/audit",
    (
        view("/audit", show_audit),
        view("/audit/findings", show_findings),
        action("/audit", audit_now),
        feed("/audit/feed", follow_audit),
    ),
)
