"""The function as Lambda calls it, with the account and S3 in memory."""

import json
import re
from dataclasses import dataclass

import pytest
from account_documents import allow, details, role

from functions.common.errors import SettingsError
from functions.common.observability import metrics
from functions.iam_audit import handler as handler_module
from functions.iam_audit.settings import load_settings

RUN_ID = "0123456789abcdef0123456789abcdef"


@dataclass
class Context:
    function_name: str = "dropserve-iam-audit"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:dropserve-iam-audit"
    aws_request_id: str = "request"


class Pages:
    def __init__(self, *pages):
        self.pages = pages

    def paginate(self, **_):
        return iter(self.pages)


class FakeAws:
    """IAM, Lambda, SageMaker and S3 in one: what the handler asks of each."""

    class meta:  # noqa: N801 - botocore's own name
        region_name = "us-east-1"

    def __init__(self, *roles):
        self.roles, self.objects = roles, {}

    def get_paginator(self, operation):
        return Pages(
            {
                "get_account_authorization_details": details(*self.roles),
                "list_functions": {"Functions": []},
                "list_models": {"Models": []},
            }[operation]
        )

    def put_object(self, *, Bucket, Key, Body, ContentType):  # noqa: N803 - boto3's own names
        self.objects[f"s3://{Bucket}/{Key}"] = (ContentType, Body.decode())


@pytest.fixture
def call(monkeypatch):
    monkeypatch.setenv("DATA_BUCKET", "data")
    monkeypatch.setenv("PIPELINE_ROLE_PATH", "/dropserve/")
    # Powertools reads the namespace once, when it is imported.
    monkeypatch.setattr(metrics.provider, "namespace", "dropserve")

    def call(aws, event):
        monkeypatch.setattr(handler_module, "client", lambda _: aws)
        return handler_module.handler(event, Context())

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
    ],
)
def test_a_wrong_setting_is_refused_by_name(name, value):
    environment = {"DATA_BUCKET": "data", "PIPELINE_ROLE_PATH": "/dropserve/", name: value}
    with pytest.raises(SettingsError, match=name):
        load_settings(environment)


def test_settings_have_defaults():
    settings = load_settings({"DATA_BUCKET": "data", "PIPELINE_ROLE_PATH": "/dropserve/"})
    assert (settings.inactive_days, settings.gate_severity) == (90, "critical")
