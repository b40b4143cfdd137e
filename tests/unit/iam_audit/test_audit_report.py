"""The gate, the report's document, and its page."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import jsonschema
import pytest

from functions.common.documents import SCHEMAS, check_document, parse_document
from functions.common.errors import DocumentError
from functions.iam_audit.checks import ALL_CHECKS
from functions.iam_audit.reports.report import render_html
from functions.iam_audit.settings import SEVERITIES
from functions.iam_audit.snapshot import Function, Gap
from tests.unit.iam_audit.account_documents import ACCOUNT, LAMBDA_TRUST, SETTINGS, allow, attachment, role
from tests.unit.iam_audit.audit_reports import report_on, suppression

OURS = role("training", allow("*"), path="/dropserve/")
OURS_FINE = role("inference", path="/dropserve/")
THEIRS = role("legacy", allow("*"))


def test_a_critical_finding_on_a_pipeline_role_blocks_and_is_named():
    gate = report_on(OURS, THEIRS)["gate"]
    assert gate["blocked"]
    assert gate["reason"] == (
        "Role dropserve/training has the critical finding administrator-access: Full administrator access."
    )


def test_a_critical_finding_elsewhere_does_not_block():
    report = report_on(OURS_FINE, THEIRS)
    assert not report["gate"]["blocked"]
    assert (report["counts"]["critical"], report["pipeline_counts"]["critical"]) == (1, 0)


def test_a_path_that_only_looks_alike_is_not_the_pipelines():
    alike = role("training", allow("*"), path="/dropserve-other/")
    assert not report_on(alike, OURS_FINE)["gate"]["blocked"]


@pytest.mark.parametrize(("gate_severity", "blocked"), [("critical", False), ("high", True), ("low", True)])
def test_the_gates_severity_is_a_setting(gate_severity, blocked):
    wide = role("training", path="/dropserve/", attached=[attachment("AmazonS3FullAccess")])
    gate = report_on(wide, settings=replace(SETTINGS, gate_severity=gate_severity))["gate"]
    assert (gate["blocked"], gate["severity"]) == (blocked, gate_severity)


def test_the_reason_counts_the_other_findings():
    trust = {**LAMBDA_TRUST, "Principal": "*"}
    reason = report_on(role("training", allow("*"), path="/dropserve/", trust=[trust]))["gate"]["reason"]
    assert reason.endswith("(and 1 more as grave).")


def test_iam_that_could_not_be_read_blocks():
    gate = report_on(gaps=(Gap("iam:GetAccountAuthorizationDetails", "AccessDenied"),))["gate"]
    assert gate["blocked"]
    assert "AccessDenied" in gate["reason"]


def test_other_gaps_do_not_block():
    report = report_on(OURS_FINE, gaps=(Gap("sagemaker:ListModels", "AccessDenied"),))
    assert not report["gate"]["blocked"]
    assert report["gaps"][0] == {"name": "sagemaker:ListModels", "reason": "AccessDenied"}


def test_an_empty_account_passes_and_says_that_it_has_no_pipeline():
    report = report_on()
    assert (report["gate"]["blocked"], report["findings"], report["account"]) == (False, [], None)
    names = [gap["name"] for gap in report["gaps"]]
    assert names == ["pipeline roles", "service control policies", "session policies"]


def test_findings_stand_by_severity_then_resource():
    function = Function(
        arn=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f",
        name="f",
        runtime="python3.8",
        in_vpc=False,
        environment={},
    )
    report = report_on(THEIRS, OURS, OURS_FINE, functions=(function,))
    keys = [(SEVERITIES.index(finding["severity"]), finding["resource"]) for finding in report["findings"]]
    assert keys == sorted(keys)
    assert len(keys) == 4
    assert sum(report["counts"].values()) == 4


def test_the_report_names_every_check_also_those_that_found_nothing():
    checks = report_on()["checks"]
    assert [check["id"] for check in checks] == [check.id for check in ALL_CHECKS]
    assert len({check["id"] for check in checks}) == len(checks)


def test_the_schema_is_sound_and_refuses_a_finding_without_severity():
    schema = json.loads((SCHEMAS / "audit.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    report = report_on(OURS)
    jsonschema.validate(report, schema)
    del report["findings"][0]["severity"]
    with pytest.raises(DocumentError, match="severity"):
        check_document("audit", report)


class Page(HTMLParser):
    """Which tags, attributes and texts a browser would see."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def test_the_page_escapes_every_value():
    evil = '" onmouseover="alert(0)"><img src=x onerror=alert(1)><script>alert(2)</script>$account'
    report = report_on(OURS)
    finding = report["findings"][0]
    for holder, key in (
        *(
            (finding, key)
            for key in ("resource", "title", "reason", "remediation", "check", "category", "severity")
        ),
        *((report, key) for key in ("account", "region", "generated_at", "run_id", "pipeline_role_path")),
        (finding, "reach"),
        (report["gate"], "reason"),
        *((report["checks"][0], key) for key in ("id", "title", "risk", "severity")),
    ):
        before, holder[key] = holder[key], evil
        if key == "severity" and holder is finding:
            holder[key] = before
        page = Page(render_html(report))
        assert "img" not in page.tags, key
        assert page.tags.count("script") == 1, key
        assert "onmouseover" not in dict(page.attributes), key
        holder[key] = before
    report["gaps"] = [{"name": evil, "reason": evil}]
    finding.update(policy_snippet={evil: evil}, conditions_considered=[evil])
    report["changes"] = {
        "since": evil,
        "new": 0,
        "kept": 0,
        "gone": [{"severity": "low", "title": evil, "resource": evil, "check": evil}],
        "newly_unread": [evil],
    }
    answer = {"reason": evil, "owner": evil, "expires": evil, "expired": True, "findings": 1}
    report["suppressions"] = [{"check": evil, "resource": evil, **answer}]
    page = Page(render_html(report))
    assert "img" not in page.tags
    assert evil in page.text


def test_the_page_shows_the_verdict_and_every_finding_and_loads_nothing():
    report = report_on(OURS, THEIRS)
    page = Page(render_html(report))
    assert "Release blocked" in page.text
    for finding in report["findings"]:
        assert finding["resource"] in page.text
    assert not {name for name, _ in page.attributes} & {"src", "href", "srcset", "action"}
    assert "link" not in page.tags


def test_the_page_tells_what_changed_and_what_is_suppressed():
    last = report_on(OURS, THEIRS)
    report = report_on(
        OURS_FINE,
        THEIRS,
        role("late", allow("*")),
        last=last,
        suppressions=[suppression("administrator-access", "*:role/late", expires="2026-11-21")],
    )
    text = Page(render_html(report)).text
    assert "1 new, 1 gone, 1 kept" in text
    assert "expired: it counts again" in text
    assert "ops@example.com" in text


def test_the_page_offers_every_category_that_was_found_and_marks_its_rows():
    report = report_on(OURS, THEIRS, role("wide", allow("s3:*")))
    page = Page(render_html(report))
    categories = {finding["category"] for finding in report["findings"]}
    assert len(categories) > 1
    assert categories <= {value for name, value in page.attributes if name == "value"}
    assert categories == {value for name, value in page.attributes if name == "data-category"}


def test_the_page_of_a_clean_account_says_so():
    page = Page(render_html(report_on(OURS_FINE)))
    assert "Release may go on" in page.text
    assert ("class", "no-findings") in page.attributes


def test_the_written_document_reads_back():
    report = report_on(OURS)
    assert parse_document("audit", json.dumps(report).encode(), where="audit.json") == report
