"""`dropserve audit`: of a saved copy of the account without any account, and by the deployed function."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.response import StreamingBody
from typer.testing import CliRunner

from deploy_scripts import cli
from deploy_scripts.commands.checks import audit as audit_command
from deploy_scripts.errors import CliError
from functions.common.documents import check_document

ADMIN = "arn:aws:iam::123456789012:role/admin"
FIELDS = {"check", "category", "severity", "resource", "title", "reason", "remediation"}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """What `aws iam get-account-authorization-details` writes, of one role that may do everything."""
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
    role = {
        "Path": "/",
        "RoleName": "admin",
        "Arn": ADMIN,
        "CreateDate": "2026-11-20T08:00:00+00:00",
        "AssumeRolePolicyDocument": trust,
        "RolePolicyList": [{"PolicyName": "all", "PolicyDocument": everything}],
        "AttachedManagedPolicies": [],
        "RoleLastUsed": {},
    }
    document = {"RoleDetailList": [role], "UserDetailList": [], "GroupDetailList": [], "Policies": []}
    file = tmp_path / "details.json"
    file.write_text(json.dumps(document))
    return file


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(target: Any) -> None:
        raise AssertionError("an audit of a file asked for the account")

    monkeypatch.setattr(audit_command, "open_deployment", refuse)


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(cli.make_app(), ["audit", *map(str, arguments)])


@pytest.mark.usefixtures("no_account")
def test_a_saved_account_is_audited_as_json(saved: Path) -> None:
    result = invoke("--file", saved, "--json")

    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    check_document("audit", report)
    (finding,) = report["findings"]
    assert set(finding) >= FIELDS
    assert (finding["check"], finding["severity"]) == ("administrator-access", "critical")
    assert finding["resource"] == ADMIN


@pytest.mark.usefixtures("no_account")
def test_the_other_forms_of_a_report(saved: Path, tmp_path: Path) -> None:
    page = tmp_path / "audit.html"
    sarif = json.loads(invoke("--file", saved, "--sarif", "--html", page).stdout)
    asff = json.loads(invoke("--file", saved, "--asff", "--region", "eu-west-1").stdout)
    person = invoke("--file", saved).stdout

    (result,) = sarif["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "details.json"
    assert asff[0]["Resources"][0] == {
        "Type": "AwsIamRole",
        "Id": ADMIN,
        "Partition": "aws",
        "Region": "eu-west-1",
    }
    assert "admin" in page.read_text()
    assert ADMIN in person and "Audit: 1 critical" in person


@pytest.mark.usefixtures("no_account")
def test_the_stacks_own_roles_are_marked(saved: Path) -> None:
    saved.write_text(saved.read_text().replace('"Path": "/"', '"Path": "/shop/"'))

    report = json.loads(invoke("--file", saved, "--stack", "shop", "--json").stdout)

    assert report["findings"][0]["pipeline_role"]
    assert report["gate"]["blocked"]


@pytest.mark.usefixtures("no_account")
def test_suppressions_answer_until_they_expire(saved: Path, tmp_path: Path) -> None:
    def counted(expires: str) -> Any:
        entry = {"check": "administrator-access", "resource": ADMIN, "reason": "A trial.", "owner": "ops"}
        file = tmp_path / "suppressions.json"
        file.write_text(json.dumps({"suppressions": [{**entry, "expires": expires}]}))
        return invoke("--file", saved, "--suppressions", file)

    assert "Audit: 0 critical" in counted("2999-01-01").stdout
    again = counted("2020-01-01").stdout
    assert "Audit: 1 critical" in again
    assert "Expired on 2020-01-01, counts again: administrator-access" in again


@pytest.mark.usefixtures("no_account")
def test_what_does_not_fit_is_refused(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}")
    for arguments, message in (
        (["--file", other], "no list RoleDetailList"),
        (["--file", tmp_path / "absent.json"], "absent.json"),
        (["--file", saved, "--suppressions", other], "suppressions"),
        (["--suppressions", other], "--suppressions goes with --file"),
        (["--file", saved, "--json", "--asff"], "exclude each other"),
    ):
        result = invoke(*arguments)
        assert isinstance(result.exception, CliError), arguments
        assert message in result.exception.message


def test_the_deployed_function_is_asked_without_a_file(
    stubbed: Any, monkeypatch: pytest.MonkeyPatch, saved: Path
) -> None:
    report = json.loads(invoke("--file", saved, "--json").stdout)
    monkeypatch.setattr(audit_command, "open_deployment", lambda _: stubbed.deployment)
    answer = {
        "blocked": False,
        "reason": "fine",
        "counts": report["counts"],
        "report_uri": "s3://dropserve-data/audits/x/audit.json",
        "html_uri": "s3://dropserve-data/audits/x/audit.html",
    }
    for _ in range(2):
        stubbed.answer(
            "functions",
            "invoke",
            {"Payload": _stream(answer)},
            FunctionName="dropserve-iam-audit",
            Payload=b"{}",
        )
        stubbed.answer("s3", "get_object", {"Body": _stream(report)})

    assert json.loads(invoke("--json").stdout) == report
    assert "Report: s3://dropserve-data/audits/x/audit.html" in invoke().stdout


def _stream(document: Any) -> StreamingBody:
    body = json.dumps(document).encode()
    return StreamingBody(io.BytesIO(body), len(body))
