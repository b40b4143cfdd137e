"""Suppressions: who may answer for what, until when, and what they take from the counts and the gate."""

import json
from datetime import UTC, datetime

import pytest

from functions.iam_audit.reports.report import render_html
from functions.iam_audit.suppressions import PACKAGED, SuppressionError, read_suppressions
from tests.unit.iam_audit.account_documents import NOW, allow, role
from tests.unit.iam_audit.audit_reports import report_on, suppression

OURS = role("training", allow("*"), path="/dropserve/")
ARN = OURS["Arn"]
ENTRY = {
    "check": "administrator-access",
    "resource": "arn:aws:iam::*:role/dropserve/*",
    "reason": "A trial of one week.",
    "owner": "ops@example.com",
    "expires": "2027-01-31",
}


def write(folder, *entries):
    file = folder / "suppressions.json"
    file.write_text(json.dumps({"suppressions": list(entries)}))
    return file


def test_a_suppressed_finding_neither_counts_nor_blocks_but_stays_in_the_report(tmp_path):
    report = report_on(OURS, suppressions=read_suppressions(write(tmp_path, ENTRY)))
    assert not report["gate"]["blocked"]
    assert (report["counts"]["critical"], report["pipeline_counts"]["critical"]) == (0, 0)
    (suppressed,) = report["suppressed"]
    assert (suppressed["resource"], suppressed["severity"]) == (ARN, "critical")
    assert suppressed["suppressed_by"] == {
        "reason": "A trial of one week.",
        "owner": "ops@example.com",
        "expires": "2027-01-31",
    }
    assert report["suppressions"][0]["findings"] == 1


@pytest.mark.parametrize(("expires", "blocked"), [("2026-11-21", True), ("2026-11-22", False)])
def test_it_holds_to_the_end_of_its_last_day_then_counts_again_and_is_named(expires, blocked):
    assert NOW.date().isoformat() == "2026-11-22"
    report = report_on(OURS, suppressions=[suppression("administrator-access", ARN, expires)])
    assert report["gate"]["blocked"] is blocked
    assert report["counts"]["critical"] == int(blocked)
    (named,) = report["suppressions"]
    assert (named["expired"], named["findings"], named["owner"]) == (blocked, 1, "ops@example.com")


@pytest.mark.parametrize(
    ("check", "resource"),
    [
        ("unused-role", "*"),
        ("administrator-access", "arn:aws:iam::*:role/dropserve/inference"),
        ("administrator-access", "arn:aws:iam::*:role/dropserve"),
        ("administrator-access", "training"),
    ],
)
def test_it_covers_only_its_check_and_its_resources(check, resource):
    report = report_on(OURS, suppressions=[suppression(check, resource)])
    assert report["gate"]["blocked"]
    assert report["suppressions"][0]["findings"] == 0


def test_one_that_holds_answers_where_another_has_expired():
    both = [suppression("administrator-access", ARN, "2026-01-01"), suppression("administrator-access", "*")]
    assert not report_on(OURS, suppressions=both)["gate"]["blocked"]


def test_an_expired_one_is_told_on_the_page():
    report = report_on(OURS, suppressions=[suppression("administrator-access", ARN, "2026-01-01")])
    assert "expired: it counts again" in render_html(report)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({**ENTRY, "expires": "next year"}, "expires must be a day"),
        ({**ENTRY, "expires": ""}, "expires must be a text"),
        ({**ENTRY, "owner": " "}, "owner must be a text"),
        ({**ENTRY, "reason": None}, "reason must be a text"),
        ({**ENTRY, "check": "no-such-check"}, "no check 'no-such-check'"),
        ({**ENTRY, "check": "*"}, r"no check '\*'"),
        ({**ENTRY, "note": "x"}, "exactly check, resource, reason, owner, expires"),
        ({name: value for name, value in ENTRY.items() if name != "owner"}, "exactly"),
        ("administrator-access", "exactly"),
    ],
)
def test_a_malformed_entry_is_refused_by_number_and_fault(tmp_path, entry, fault):
    with pytest.raises(SuppressionError, match=f"entry 2 of .*suppressions.json.* {fault}"):
        read_suppressions(write(tmp_path, ENTRY, entry))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"suppressions": {}}', '{"suppressions": 1}'])
def test_another_file_is_refused(tmp_path, text):
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(SuppressionError, match=r"other\.json"):
        read_suppressions(file)
    with pytest.raises(SuppressionError, match="cannot be read"):
        read_suppressions(tmp_path / "absent.json")


def test_the_packaged_file_is_sound_and_none_of_it_has_expired():
    assert not [
        each for each in read_suppressions(PACKAGED) if each.is_expired(datetime(2026, 11, 22, tzinfo=UTC))
    ]
