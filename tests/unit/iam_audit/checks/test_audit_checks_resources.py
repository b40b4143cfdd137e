"""Roles out of use, functions, models."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cfnlint
import pytest

from functions.iam_audit.policy.policies import parse_policy
from functions.iam_audit.snapshot import Function, FunctionPolicy, Model
from tests.unit.iam_audit.account_documents import NOW, SETTINGS, account, found, role

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def function(**changes):
    plain = Function(arn=ARN, name="f", runtime="python3.12", in_vpc=True, environment={})
    return account(functions=(replace(plain, **changes),))


@pytest.mark.parametrize(
    ("created", "used", "unused"),
    [
        ("2020-01-01T00:00:00Z", None, True),
        ("2020-01-01T00:00:00Z", "2026-08-24T12:00:00+00:00", True),
        ("2020-01-01T00:00:00Z", "2026-08-25T12:00:00+00:00", False),
        ("2026-11-20T00:00:00Z", None, False),
    ],
    ids=["never used, old", "90 days ago", "89 days ago", "never used, new"],
)
def test_unused_roles(created, used, unused):
    assert bool(found("unused-role", account(role("worker", created=created, used=used)))) is unused


def test_the_days_after_which_a_role_is_unused_are_a_setting():
    idle = account(role("worker", created="2026-11-01T00:00:00Z"))
    assert found("unused-role", idle) == []
    assert len(found("unused-role", idle, replace(SETTINGS, inactive_days=14))) == 1


def test_service_linked_roles_are_left_out():
    linked = role(
        "AWSServiceRoleForX",
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        path="/aws-service-role/x/",
        created="2015-01-01T00:00:00Z",
    )
    assert account(linked).roles == ()


@pytest.mark.parametrize(
    "condition",
    [{}, {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}],
    ids=["none", "public function URL"],
)
def test_a_function_that_anybody_may_call(condition):
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "lambda:InvokeFunction",
        "Condition": condition,
    }
    (finding,) = found(
        "public-function", function(policies=(FunctionPolicy(None, parse_policy({"Statement": statement})),))
    )
    assert finding["resource"] == ARN


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": {"Service": "s3.amazonaws.com"}},
        {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
        {"Principal": "*", "Effect": "Deny"},
    ],
)
def test_a_function_with_a_named_caller_is_fine(changes):
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ARN, **changes}
    assert (
        found(
            "public-function",
            function(policies=(FunctionPolicy(None, parse_policy({"Statement": statement})),)),
        )
        == []
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter2"),
        ("GITHUB_TOKEN", "abc"),
        ("apiKey", "abcdef"),
        ("HARMLESS", "AKIAIOSFODNN7EXAMPLE"),
        ("HARMLESS", "-----BEGIN RSA PRIVATE KEY-----\nxyz"),
        ("DATABASE", "postgres://kim:hunter2@db.example.com/x"),
    ],
)
def test_secrets_in_the_environment_are_found_and_not_repeated(name, value):
    (finding,) = found("secret-in-environment", function(environment={name: value}))
    assert name in finding["reason"]
    assert value not in str(finding)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"),
        ("DB_PASSWORD", "/dropserve/db-password"),
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD_PARAMETER", "db-password"),
        ("TRAINING_CODE_KEY", "training/sourcedir-abc.tar.gz"),
        ("MAX_TOKENS", "100"),
        ("MONKEY", "banana"),
        ("URL", "https://example.com/a:b"),
    ],
)
def test_references_and_ordinary_settings_are_no_secrets(name, value):
    assert found("secret-in-environment", function(environment={name: value})) == []


def test_a_secret_does_not_show_in_the_snapshot_either():
    assert "hunter2" not in repr(function(environment={"DB_PASSWORD": "hunter2"}))


@pytest.mark.parametrize("runtime", ["python3.8", "python3.10", "nodejs20.x", "go1.x"])
def test_deprecated_runtimes_are_found(runtime):
    (finding,) = found("deprecated-runtime", function(runtime=runtime))
    assert runtime in finding["reason"]


@pytest.mark.parametrize(
    "runtime", ["python3.12", "python3.11", "nodejs24.x", "provided.al2023", None, "python9.9"]
)
def test_supported_and_unknown_runtimes_and_images_are_fine(runtime):
    assert found("deprecated-runtime", function(runtime=runtime)) == []


def test_a_runtime_is_deprecated_from_its_day_on():
    later = replace(function(runtime="python3.12"), taken_at=NOW.replace(year=2028, month=10, day=31))
    assert len(found("deprecated-runtime", later)) == 1
    assert (
        found("deprecated-runtime", replace(later, taken_at=NOW.replace(year=2028, month=10, day=30))) == []
    )


def test_functions_and_models_outside_a_vpc_are_mentioned_only():
    (finding,) = found("function-outside-vpc", function(in_vpc=False))
    assert finding["severity"] == "informational"
    assert found("function-outside-vpc", function()) == []
    model = Model(arn="arn:aws:sagemaker:us-east-1:123456789012:model/m", name="m", in_vpc=False)
    (finding,) = found("model-outside-vpc", account(models=(model,)))
    assert finding["severity"] == "informational"
    assert found("model-outside-vpc", account(models=(replace(model, in_vpc=True),))) == []


def test_every_runtime_ends_on_the_day_that_aws_names():
    reference = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/LmbdRuntimeLifecycle.json"
    for runtime, days in json.loads(reference.read_text()).items():
        if runtime != "dotnet9":  # For container images only: no function has it as its runtime.
            end = datetime.fromisoformat(days["deprecated"]).replace(tzinfo=UTC)
            (finding,) = found("deprecated-runtime", replace(function(runtime=runtime), taken_at=end))
            assert days["deprecated"] in finding["reason"]
