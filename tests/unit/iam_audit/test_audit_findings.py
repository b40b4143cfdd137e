"""What a finding says: severity by reach, conditions, ready snippets; and the command line."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from functions.iam_audit.checks import ALL_CHECKS
from functions.iam_audit.policy.policies import parse_policy
from functions.iam_audit.settings import SEVERITIES
from tests.unit.iam_audit.account_documents import (
    ACCOUNT,
    LAMBDA_TRUST,
    SETTINGS,
    account,
    allow,
    details,
    findings,
    found,
    managed_policy,
    role,
)

ANYBODY = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
PARTNER = {**ANYBODY, "Principal": {"AWS": "999999999999"}}
DELETED = {**ANYBODY, "Principal": {"AWS": "AROAEXAMPLEOFADELETED"}}
OLD = "2020-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("trust", "more", "severity", "reach"),
    [
        (LAMBDA_TRUST, {}, "high", "Services only: lambda.amazonaws.com; never used"),
        (ANYBODY, {}, "critical", "Anybody may take the role"),
        (PARTNER, {}, "critical", "Account 999999999999 may take the role without an external ID"),
        (DELETED, {}, "medium", "Nobody may take the role"),
        (LAMBDA_TRUST, {"created": OLD}, "medium", "never used in"),
        (LAMBDA_TRUST, {"created": OLD, "used": "2026-11-20T00:00:00+00:00"}, "high", "last used 2 days ago"),
        (LAMBDA_TRUST, {"created": OLD, "path": "/dropserve/"}, "high", "never used in"),
    ],
    ids=[
        "a service",
        "anybody",
        "a partner",
        "nobody",
        "a service, idle",
        "a service, busy",
        "the pipeline's, idle",
    ],
)
def test_severity_takes_into_account_who_can_take_the_role(trust, more, severity, reach):
    wide = account(role("wide", allow("ec2messages:*"), trust=[trust], **more))
    (finding,) = found("service-wildcard", wide)
    assert finding["severity"] == severity
    assert reach in finding["reach"]


def test_a_condition_on_where_from_makes_an_escalation_milder_and_is_told():
    office = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    (finding,) = found("writes-permissions", account(role("r", allow("iam:PutRolePolicy", Condition=office))))
    assert finding["severity"] == "high"
    assert finding["conditions_considered"] == [
        "IpAddress aws:SourceIp = 192.0.2.0/24: limits where from or how the caller calls, not what it may do"
    ]


def test_a_condition_that_limits_nothing_is_told_as_such():
    tls = {"Bool": {"aws:SecureTransport": "true"}}
    (finding,) = found("data-exposure", account(role("r", allow("s3:GetObject", Condition=tls))))
    assert finding["conditions_considered"] == ["Bool aws:SecureTransport = true: no real limit"]
    (finding,) = found("data-exposure", account(role("r", allow("s3:GetObject"))))
    assert finding["conditions_considered"] == []


def test_a_boundary_that_allows_it_is_told():
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/limit"
    policies = [managed_policy("limit", allow("s3:*"))]
    bounded = account(role("r", allow("s3:GetObject"), boundary=boundary), policies=policies)
    (finding,) = found("data-exposure", bounded)
    assert f"The permissions boundary {boundary} allows it." in finding["reason"]


def test_an_unreadable_boundary_hides_nothing_and_is_a_gap():
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    bounded = account(role("r", allow("s3:GetObject"), boundary=boundary))
    (finding,) = found("data-exposure", bounded)
    assert "could not be read" in finding["reason"]
    assert [gap.name for gap in bounded.gaps] == [boundary]


def test_one_finding_tells_of_all_policies_at_fault():
    policies = [managed_policy("team", allow("sqs:DeleteQueue"))]
    attached = [{"PolicyName": "team", "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/team"}]
    both = account(role("r", allow("dynamodb:DeleteTable"), attached=attached), policies=policies)
    (finding,) = found("needless-wildcard-resource", both)
    assert "Policy inline allows dynamodb:DeleteTable" in finding["reason"]
    assert "Policy team allows sqs:DeleteQueue" in finding["reason"]


def test_policies_that_aws_wrote_are_a_step_milder():
    policies = [managed_policy("AmazonX", allow("sqs:DeleteQueue"), owner="aws")]
    attached = [{"PolicyName": "AmazonX", "PolicyArn": "arn:aws:iam::aws:policy/AmazonX"}]
    (finding,) = found("needless-wildcard-resource", account(role("r", attached=attached), policies=policies))
    assert finding["severity"] == "low"


@pytest.mark.parametrize(
    ("check", "statement", "corrected"),
    [
        ("writes-permissions", allow("iam:PutRolePolicy"), True),
        ("reaches-running-compute", allow("ssm:StartSession"), True),
        ("launches-under-any-role", allow(["iam:PassRole", "sagemaker:CreateTrainingJob"]), True),
        ("pass-any-role", allow("iam:PassRole"), False),
        ("data-exposure", allow("s3:GetObject"), False),
        ("needless-wildcard-resource", allow("sqs:DeleteQueue"), False),
        ("assume-any-role", allow("sts:AssumeRole"), False),
    ],
)
def test_the_snippet_corrects_what_was_found(check, statement, corrected):
    """A Deny is added as it is; an Allow takes the place of the statement at fault."""
    (finding,) = found(check, account(role("r", statement)))
    snippet = finding["policy_snippet"]
    assert (snippet["Effect"] == "Deny") is corrected
    assert parse_policy({"Statement": json.loads(json.dumps(snippet))})
    statements = [statement, snippet] if corrected else [snippet]
    assert found(check, account(role("r", *statements))) == []


def test_passing_a_role_is_narrowed_to_the_services_that_are_called():
    (finding,) = found(
        "pass-any-role", account(role("r", allow(["iam:PassRole", "sagemaker:CreateTrainingJob"])))
    )
    condition = {"StringEquals": {"iam:PassedToService": ["sagemaker.amazonaws.com"]}}
    assert finding["policy_snippet"]["Condition"] == condition


def test_a_trust_snippet_keeps_the_conditions_that_are_there():
    trust = {**PARTNER, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    partner = account(role("r", trust=[trust]))
    (finding,) = found("cross-account-trust", partner)
    snippet = finding["policy_snippet"]
    assert snippet["Condition"]["Bool"] == {"aws:MultiFactorAuthPresent": ["true"]}
    assert found("cross-account-trust", account(role("r", trust=[snippet]))) == []


@pytest.mark.parametrize(
    ("action", "service"),
    [
        ("lambda:UpdateFunctionCode", "lambda.amazonaws.com"),
        ("apprunner:UpdateService", "tasks.apprunner.amazonaws.com"),
        ("glue:UpdateDevEndpoint", "glue.amazonaws.com"),
    ],
)
def test_code_and_machines_of_an_administrator_are_critical(action, service):
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    strong = role("strong", allow("*"), trust=[trust])
    weak = role("weak", allow(action))
    (finding,) = found("changes-privileged-code", account(strong, weak))
    assert finding["severity"] == "critical"
    (finding,) = found("changes-privileged-code", account(weak))
    assert finding["severity"] == "high"


def test_only_roles_of_the_pipeline_are_marked():
    ours, theirs = role("ours", allow("s3:*"), path="/dropserve/"), role("theirs", allow("s3:*"))
    marked = {each["resource"]: each["pipeline_role"] for each in findings(account(ours, theirs))}
    assert marked == {ours["Arn"]: True, theirs["Arn"]: False}


def test_every_check_says_what_why_and_what_to_do():
    ids = [check.id for check in ALL_CHECKS]
    assert len(ids) == len(set(ids))
    for check in ALL_CHECKS:
        assert check.severity in SEVERITIES
        assert check.title and check.risk.endswith(".") and check.remediation.endswith(".")
        assert check.references and all(url.startswith("https://") for url in check.references)


def test_findings_of_users_are_told_at_their_group():
    from tests.unit.iam_audit.account_documents import group, user

    groups = [group("staff", allow("iam:PutRolePolicy"))]
    people = [user(name, groups=["staff"]) for name in ("kim", "lee")]
    (finding,) = found("writes-permissions", account(users=people, groups=groups))
    assert finding["resource"].endswith(":group/staff")


def test_the_days_of_idleness_that_make_a_finding_milder_are_a_setting():
    idle = account(role("wide", allow("ec2messages:*"), created="2026-11-01T00:00:00+00:00"))
    assert found("service-wildcard", idle)[0]["severity"] == "high"
    assert found("service-wildcard", idle, replace(SETTINGS, inactive_days=14))[0]["severity"] == "medium"


def run(*arguments):
    command = [sys.executable, "-m", "functions.iam_audit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_saved_document_is_audited_from_the_command_line(tmp_path):
    saved = tmp_path / "details.json"
    saved.write_text(json.dumps(details(role("wide", allow("*")))))
    done = run(saved, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["counts"]["critical"], report["api_calls"]) == (0, 1, 0)
    assert "service control policies" in {gap["name"] for gap in report["gaps"]}
    assert "administrator-access" in run(saved).stdout


def test_a_file_that_cannot_be_audited_is_said_in_a_sentence(tmp_path):
    done = run(tmp_path / "missing.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "could not be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_heavy_is_loaded_for_a_saved_document():
    """The programs' start is most of the time of a small account."""
    program = "import sys, functions.iam_audit.reading.saved; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"boto3", "botocore", "aws_lambda_powertools", "fastjsonschema", "yaml", "asyncio"}
    assert not heavy & set(loaded.stdout.split())
