"""What changed since the last audit, and who is told of it."""

import boto3
import pytest
from botocore.stub import Stubber

from functions.iam_audit.reports.notification import SUBJECT, notify
from functions.iam_audit.snapshot import Gap
from tests.unit.iam_audit.account_documents import allow, role
from tests.unit.iam_audit.audit_reports import report_on, suppression

ADMIN, OTHER = role("admin", allow("*")), role("other", allow("*"))
FINE = role("training", path="/dropserve/")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:runs"


def changes_of(report):
    return {finding["resource"].rpartition("/")[2]: finding["change"] for finding in report["findings"]}


def test_the_first_audit_compares_with_nothing():
    report = report_on(FINE, ADMIN)
    assert report["changes"] == {"since": None, "new": 0, "kept": 0, "gone": [], "newly_unread": []}
    assert changes_of(report) == {"admin": None}
    assert report["findings"][0]["first_seen"] == report["generated_at"]


def test_findings_are_new_kept_or_gone():
    last = report_on(FINE, ADMIN, role("leaver", allow("*"))) | {"generated_at": "2026-11-21T03:00:00+00:00"}
    for finding in last["findings"]:
        finding["first_seen"] = "2026-11-01T03:00:00+00:00"
    report = report_on(FINE, ADMIN, OTHER, last=last)
    assert changes_of(report) == {"admin": "kept", "other": "new"}
    seen = {finding["change"]: finding["first_seen"] for finding in report["findings"]}
    assert seen == {"kept": "2026-11-01T03:00:00+00:00", "new": report["generated_at"]}
    changes = report["changes"]
    assert (changes["since"], changes["new"], changes["kept"]) == ("2026-11-21T03:00:00+00:00", 1, 1)
    assert [each["resource"].rpartition("/")[2] for each in changes["gone"]] == ["leaver"]


def test_another_reason_does_not_make_a_finding_new():
    last = report_on(FINE, ADMIN)
    last["findings"][0]["reason"] = "It was so 3 days ago."
    assert changes_of(report_on(FINE, ADMIN, last=last)) == {"admin": "kept"}


def test_a_suppressed_finding_is_not_gone_and_is_new_when_it_counts_again():
    counted = report_on(FINE, ADMIN)
    suppressed = report_on(FINE, ADMIN, last=counted, suppressions=[suppression("administrator-access")])
    again = report_on(FINE, ADMIN, last=suppressed)
    assert suppressed["changes"]["gone"] == []
    assert suppressed["suppressed"][0]["first_seen"] == counted["generated_at"]
    assert changes_of(again) == {"admin": "new"}


def test_what_is_newly_out_of_sight_is_named():
    last = report_on(FINE, ADMIN)
    report = report_on(FINE, last=last, gaps=(Gap("lambda:ListFunctions", "AccessDenied"),))
    assert report["changes"]["newly_unread"] == ["lambda:ListFunctions"]


@pytest.fixture
def sns():
    client = boto3.client("sns", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield client, stub


def told(sns, report):
    client, stub = sns
    sent = []
    client.meta.events.register("provide-client-params.sns.Publish", lambda params, **_: sent.append(params))
    stub.add_response("publish", {"MessageId": "1"})
    count = notify(report, html_uri="s3://data/audits/x/audit.html", topic_arn=TOPIC, sns=client)
    return count, sent


def test_only_new_critical_findings_are_told(sns):
    last = report_on(FINE, ADMIN)
    wide = role("wide", allow("s3:*"))
    count, (sent,) = told(sns, report_on(FINE, ADMIN, OTHER, wide, last=last))
    assert count == 1
    assert (sent["TopicArn"], sent["Subject"]) == (TOPIC, SUBJECT)
    assert OTHER["Arn"] in sent["Message"]
    assert ADMIN["Arn"] not in sent["Message"]
    assert wide["Arn"] not in sent["Message"]
    assert "s3://data/audits/x/audit.html" in sent["Message"]


def test_the_first_audit_tells_of_every_critical_finding(sns):
    many = [role(f"admin-{number}", allow("*")) for number in range(30)]
    count, (sent,) = told(sns, report_on(FINE, *many))
    assert count == 30
    assert "and 10 more" in sent["Message"]


def test_nothing_new_is_no_message(sns):
    assert told(sns, report_on(FINE, ADMIN, last=report_on(FINE, ADMIN))) == (0, [])
    assert told(sns, report_on(FINE)) == (0, [])


def test_the_subject_is_one_that_sns_takes():
    assert len(SUBJECT) < 100
    assert SUBJECT.isascii()
