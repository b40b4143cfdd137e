"""The function as Lambda calls it, with the account and S3 in memory."""

import io
import json
import re

import pytest
from botocore.exceptions import ClientError

from functions.common.errors import SettingsError
from functions.common.observability import metrics
from functions.iam_audit import handler as handler_module
from functions.iam_audit.settings import load_settings
from tests.support.lambda_context import LambdaContext
from tests.unit.iam_audit.account_documents import allow, details, role
from tests.unit.iam_audit.audit_reports import suppression

RUN_ID = "0123456789abcdef0123456789abcdef"


class Pages:
    def __init__(self, *pages):
        self.pages = pages

    def paginate(self, **_):
        return iter(self.pages)


def refusal(operation):
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "not allowed"}}, operation)


class FakeAws:
    """Every service in one: it knows IAM's identities, functions, models and S3, and refuses all else."""

    class meta:  # noqa: N801 - botocore's own name
        region_name = "us-east-1"

    def __init__(self, *roles):
        self.roles, self.objects = roles, {}

    def get_paginator(self, operation):
        known = {
            "get_account_authorization_details": details(*self.roles),
            "list_functions": {"Functions": []},
            "list_models": {"Models": []},
        }
        if operation not in known:
            raise refusal(operation)
        return Pages(known[operation])

    def __getattr__(self, operation):
        def refuse(**_):
            raise refusal(operation)

        return refuse

    def put_object(self, *, Bucket, Key, Body, ContentType):  # noqa: N803 - boto3's own names
        self.objects[f"s3://{Bucket}/{Key}"] = (ContentType, Body.decode())

    def get_object(self, *, Bucket, Key):  # noqa: N803
        if f"s3://{Bucket}/{Key}" not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "gone"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[f"s3://{Bucket}/{Key}"][1].encode())}


@pytest.fixture
def call(monkeypatch):
    monkeypatch.setenv("DATA_BUCKET", "data")
    monkeypatch.setenv("PIPELINE_ROLE_PATH", "/dropserve/")
    # Powertools reads the namespace once, when it is imported.
    monkeypatch.setattr(metrics.provider, "namespace", "dropserve")

    def call(aws, event):
        monkeypatch.setattr(handler_module, "client", lambda _: aws)
        return handler_module.handler(event, LambdaContext("dropserve-iam-audit"))

    return call


def test_a_run_gets_its_report_and_a_verdict(call, capsys):
    aws = FakeAws(role("training", allow("*"), path="/dropserve/"))
    result = call(aws, {"run": {"id": RUN_ID, "bucket": "runs-bucket"}})
    assert result["blocked"]
    assert "dropserve/training" in result["reason"]
    assert result["counts"] == {"critical": 1, "high": 0, "medium": 0, "low": 0, "informational": 0}
    assert result["report_uri"] == f"s3://runs-bucket/runs/{RUN_ID}/audit.json"
    assert result["html_uri"] == f"s3://runs-bucket/runs/{RUN_ID}/audit.html"
    content_type, body = aws.objects[result["report_uri"]]
    assert (content_type, json.loads(body)["run_id"]) == ("application/json", RUN_ID)
    content_type, page = aws.objects[result["html_uri"]]
    assert content_type == "text/html; charset=utf-8"
    assert "Release blocked" in page
    emitted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert emitted[0]["FindingsCritical"] == [1.0]


@pytest.mark.parametrize("event", [{}, {"source": "aws.events", "detail-type": "Scheduled Event"}])
def test_without_a_run_the_report_goes_under_audits(call, event):
    aws = FakeAws(role("training", path="/dropserve/"))
    result = call(aws, event)
    assert not result["blocked"]
    assert re.fullmatch(r"s3://data/audits/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ/audit\.json", result["report_uri"])
    assert json.loads(aws.objects[result["report_uri"]][1])["run_id"] is None


@pytest.mark.parametrize("run", [{"id": "../../x"}, {}, "x", {"id": RUN_ID.upper()}])
def test_a_run_without_a_proper_id_is_refused(call, run):
    with pytest.raises(handler_module.AuditInputError, match="32 hexadecimal"):
        call(FakeAws(), {"run": run})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATA_BUCKET", ""),
        ("PIPELINE_ROLE_PATH", "/"),
        ("PIPELINE_ROLE_PATH", "dropserve/"),
        ("PIPELINE_ROLE_PATH", "/dropserve"),
        ("INACTIVE_DAYS", "0"),
        ("INACTIVE_DAYS", "401"),
        ("INACTIVE_DAYS", "ninety"),
        ("GATE_SEVERITY", "CRITICAL!"),
        ("NOTIFICATION_TOPIC_ARN", "dropserve-runs"),
        ("SECURITY_HUB", "yes"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name, value):
    environment = {"DATA_BUCKET": "data", "PIPELINE_ROLE_PATH": "/dropserve/", name: value}
    with pytest.raises(SettingsError, match=name):
        load_settings(environment)


def test_settings_have_defaults():
    settings = load_settings({"DATA_BUCKET": "data", "PIPELINE_ROLE_PATH": "/dropserve/"})
    assert (settings.inactive_days, settings.gate_severity) == (90, "critical")
    assert (settings.notification_topic_arn, settings.security_hub) == ("", False)


ADMIN = role("training", allow("*"), path="/dropserve/")
TOPIC = "arn:aws:sns:us-east-1:123456789012:dropserve-runs"


class TellingAws(FakeAws):
    """With SNS and Security Hub, which keep what they are told."""

    def __init__(self, *roles):
        super().__init__(*roles)
        self.told = []

    def publish(self, **message):
        self.told.append(message)

    def batch_import_findings(self, *, Findings):  # noqa: N803
        self.told.append(Findings)
        return {"FailedCount": 0, "SuccessCount": len(Findings)}


def last_report(aws):
    return json.loads(aws.objects["s3://data/audits/last.json"][1])


def test_each_audit_is_compared_with_the_one_before(call):
    aws = FakeAws(ADMIN)
    call(aws, {})
    assert last_report(aws)["changes"]["since"] is None
    aws.roles = (ADMIN, role("late", allow("*")))
    call(aws, {"run": {"id": RUN_ID, "bucket": "runs-bucket"}})
    assert {each["change"] for each in last_report(aws)["findings"]} == {"kept", "new"}
    aws.roles = (role("training", path="/dropserve/"),)
    call(aws, {})
    assert len(last_report(aws)["changes"]["gone"]) == 2


def test_a_last_report_of_another_form_is_passed_over(call):
    aws = FakeAws(ADMIN)
    aws.objects["s3://data/audits/last.json"] = ("application/json", '{"schema_version": 0}')
    call(aws, {})
    assert last_report(aws)["changes"]["since"] is None


def test_a_last_report_that_may_not_be_read_is_a_gap(call, monkeypatch):
    aws = FakeAws(ADMIN)
    monkeypatch.delattr(FakeAws, "get_object")
    result = call(aws, {})
    assert "s3:GetObject of audits/last.json" in [gap["name"] for gap in last_report(aws)["gaps"]]
    assert result["blocked"]


def test_new_critical_findings_are_told_once(call, monkeypatch):
    monkeypatch.setenv("NOTIFICATION_TOPIC_ARN", TOPIC)
    aws = TellingAws(ADMIN)
    first = call(aws, {})
    call(aws, {})
    (message,) = aws.told
    assert message["TopicArn"] == TOPIC
    assert first["html_uri"] in message["Message"]


def test_nobody_is_told_unless_asked(call):
    aws = TellingAws(ADMIN)
    call(aws, {})
    assert aws.told == []


def test_findings_go_to_security_hub_where_that_is_asked_for(call, monkeypatch):
    monkeypatch.setenv("SECURITY_HUB", "true")
    aws = TellingAws(ADMIN)
    call(aws, {})
    ((finding,),) = aws.told
    assert finding["Resources"][0]["Id"] == ADMIN["Arn"]


def test_who_cannot_be_told_does_not_stop_the_verdict(call, monkeypatch, caplog):
    monkeypatch.setenv("NOTIFICATION_TOPIC_ARN", TOPIC)
    monkeypatch.setenv("SECURITY_HUB", "true")
    assert call(FakeAws(ADMIN), {})["blocked"]
    assert "the new critical findings could not be told" in caplog.messages
    assert "the findings could not be sent to Security Hub" in caplog.messages


def test_a_packaged_suppression_counts(call, monkeypatch, caplog):
    for expires, blocked in (("2999-01-01", False), ("2026-01-01", True)):
        answered = suppression("administrator-access", ADMIN["Arn"], expires)
        monkeypatch.setattr(handler_module, "read_suppressions", lambda answered=answered: [answered])
        assert call(FakeAws(ADMIN), {})["blocked"] is blocked
        assert ("an expired suppression counts again" in caplog.messages) is blocked
