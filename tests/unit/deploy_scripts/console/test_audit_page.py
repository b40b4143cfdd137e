"""Audit: the findings that are asked for, of the report that is asked for."""

from __future__ import annotations

import io
import json
import re
import time
from typing import Any

import pytest
from botocore.response import StreamingBody
from starlette.testclient import TestClient

from deploy_scripts.console.context import Console
from deploy_scripts.console.parts.finding_filter import Filter, page_of
from deploy_scripts.console.parts.jobs import jobs_of

HOSTILE = "</pre><script>alert(1)</script>\x1b\u202e"
MOMENT = "2026-01-31T10-00-00Z"
RUN = "c" * 32


def finding(number: int, severity: str = "low", **fields: Any) -> dict[str, Any]:
    return {
        "check": f"check-{number}",
        "category": "trust",
        "severity": severity,
        "resource": f"arn:aws:iam::000000000000:role/app/role-{number}",
        "title": f"Title {number}",
        "reason": f"Reason {number}",
        "remediation": "Correct it.",
        "pipeline_role": False,
        "policy_snippet": None,
        "conditions_considered": [],
        "reach": None,
        "change": "kept",
        "first_seen": "2026-01-01T00:00:00+00:00",
        **fields,
    }


def report(findings: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("critical", "high", "medium", "low", "informational"), 1)
    gone = finding(7, "high", title=HOSTILE)
    return {
        "account": "000000000000",
        "generated_at": "2026-01-31T10:00:00+00:00",
        "run_id": None,
        "gate": {"severity": "critical", "blocked": False, "reason": "No role of the pipeline is at fault."},
        "counts": counts,
        "pipeline_counts": counts,
        "changes": {
            "since": "2026-01-30T10:00:00+00:00",
            "new": 1,
            "kept": len(findings) - 1,
            "gone": [gone],
            "newly_unread": [],
        },
        "findings": findings,
        "suppressions": [],
        "gaps": [{"name": "iam:ListRoles", "reason": HOSTILE}],
        **fields,
    }


def stored(stubbed: Any, document: dict[str, Any], key: str = "audits/last.json") -> None:
    body = json.dumps(document).encode()
    answer = {"Body": StreamingBody(io.BytesIO(body), len(body))}
    stubbed.answer("s3", "get_object", answer, Bucket="dropserve-data", Key=key)


def moments(stubbed: Any) -> None:
    listed = {"CommonPrefixes": [{"Prefix": f"audits/{MOMENT}/"}, {"Prefix": "audits/2026-01-30T10-00-00Z/"}]}
    stubbed.answer("s3", "list_objects_v2", listed)


def shown(page: str) -> list[int]:
    return [int(number) for number in re.findall(r"<b>Title (\d+)</b>", page)]


def test_the_last_report_is_shown_with_what_changed(browser: TestClient, stubbed: Any) -> None:
    snippet = {"Sid": HOSTILE}
    stored(
        stubbed,
        report(
            [finding(1, "critical", change="new", policy_snippet=snippet, reason=HOSTILE), finding(2)],
            gate={"severity": "critical", "blocked": True, "reason": "A role of the pipeline is at fault."},
        ),
    )
    moments(stubbed)
    page = browser.get("/audit").text
    assert shown(page) == [1, 2]
    assert "A release would be blocked" in page and "1 new</a>, 1 gone, 1 kept." in page
    assert "<script>alert" not in page and "\x1b" not in page and "\u202e" not in page
    assert page.index(f'value="{MOMENT}"') < page.index('value="2026-01-30T10-00-00Z"')
    assert "dropserve audit" in page


def test_a_filter_changes_the_part_and_the_address(browser: TestClient, stubbed: Any) -> None:
    stored(stubbed, report([finding(1, "high"), finding(2), finding(3, "high", title="Other <b>")]))
    moments(stubbed)
    answer = browser.get("/audit/findings", params={"severity": "high", "text": "TITLE", "role": ""})
    assert shown(answer.text) == [1] and "<html" not in answer.text
    assert answer.headers["hx-replace-url"] == "/audit?severity=high&text=TITLE"


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Filter(), [1, 2, 3, 4]),
        (Filter(severity="high"), [2, 4]),
        (Filter(role="ROLE-3"), [3]),
        (Filter(role="role/app/", text="reason 4"), [4]),
        (Filter(only="new"), [3]),
        (Filter(only="pipeline"), [4]),
        (Filter(text="principal *"), [1]),
        (Filter(text="nothing has this"), []),
    ],
)
def test_what_a_filter_lets_through(wanted: Filter, numbers: list[int]) -> None:
    findings = [
        finding(1, reach="Principal *"),
        finding(2, "high"),
        finding(3, change="new"),
        finding(4, "high", pipeline_role=True),
    ]
    assert [int(each["check"][6:]) for each in wanted.choose(findings)] == numbers


@pytest.mark.parametrize(
    ("page", "at", "first"),
    [("1", 1, 0), ("3", 3, 100), ("99", 3, 100), ("0", 1, 0), ("-1", 1, 0), ("x", 1, 0), ("9" * 5000, 1, 0)],
)
def test_a_page_of_many(page: str, at: int, first: int) -> None:
    found = page_of([finding(number) for number in range(120)], Filter(), page)
    assert (found.page, found.pages, found.found) == (at, 3, 120)
    assert found.findings[0]["check"] == f"check-{first}"


def test_pages_keep_the_filter_and_the_report(browser: TestClient, stubbed: Any) -> None:
    findings = [finding(number, "high") for number in range(60)]
    stored(stubbed, report(findings), f"audits/{MOMENT}/audit.json")
    moments(stubbed)
    page = browser.get(f"/audit?of={MOMENT}&severity=high&page=1").text
    assert f'href="/audit?severity=high&amp;page=2&amp;of={MOMENT}"' in page
    assert "50 of 60" not in page and "60 of 60 findings" in page
    assert shown(browser.get(f"/audit?of={MOMENT}&severity=high&page=2").text) == list(range(50, 60))


def test_the_report_of_a_run(browser: TestClient, stubbed: Any) -> None:
    stored(stubbed, report([finding(1)], run_id=RUN), f"runs/{RUN}/audit.json")
    moments(stubbed)
    page = browser.get(f"/audit?of={RUN}").text
    assert f'href="/runs/{RUN}"' in page and f"of run {RUN[:8]}" in page


@pytest.mark.parametrize("of", ["../last", "2026", "x" * 32, "a/b"])
def test_no_other_object_is_read(browser: TestClient, of: str) -> None:
    assert browser.get("/audit", params={"of": of}).status_code == 404


def test_before_the_first_audit(browser: TestClient, stubbed: Any) -> None:
    stubbed.refuse("s3", "get_object", "NoSuchKey")
    assert "There was no audit yet." in browser.get("/audit").text


def test_a_report_of_another_form_is_told_as_such(browser: TestClient, stubbed: Any) -> None:
    stored(stubbed, {"findings": []})
    answer = browser.get("/audit")
    assert answer.status_code == 422 and "has no gate" in answer.text


def test_an_audit_by_hand_ends_at_its_report(
    browser: TestClient, own: dict[str, str], stubbed: Any, console: Console
) -> None:
    folder = f"s3://dropserve-data/audits/{MOMENT}"
    told = {"blocked": False, "reason": "All is well", "counts": {}}
    told |= {"report_uri": f"{folder}/audit.json", "html_uri": f"{folder}/audit.html"}
    body = json.dumps(told).encode()
    reply = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body))}
    stubbed.answer("functions", "invoke", reply, FunctionName="dropserve-iam-audit", Payload=b"{}")
    stored(stubbed, report([]), f"audits/{MOMENT}/audit.json")
    answer = browser.post("/audit", headers=own, follow_redirects=False)
    assert answer.headers["location"] == "/audit"
    job = jobs_of(console).find("audit")
    assert job
    until = time.monotonic() + 30
    while not job.progress.ended and time.monotonic() < until:
        time.sleep(0.01)
    assert job.progress.result == f"/audit?of={MOMENT}" and job.progress.lines == ("All is well.",)
