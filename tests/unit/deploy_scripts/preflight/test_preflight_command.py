"""The run of all checks, and the two commands that run it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from typer.testing import CliRunner

from deploy_scripts import cli
from deploy_scripts.commands.checks import preflight as preflight_command
from deploy_scripts.commands.deployment import deploy as deploy_command
from deploy_scripts.errors import CliError
from deploy_scripts.preflight import checks, run
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from deploy_scripts.preflight.run import Step, run_preflight
from deploy_scripts.project import ROOT
from deploy_scripts.stack_deployment import DeployChoices, planned_parameters

OK = Finding("one", "ok", "all is well")
WARN = Finding("two", "warn", "half is well", "Look.", "aws sts get-caller-identity", "https://aws.example")
FAIL = Finding("three", "fail", "nothing is well", "Do it.", "aws s3 ls")


def says(*findings: Finding) -> Any:
    def check(intent: Intent) -> Iterator[Finding]:
        yield from findings

    return check


def checked(account: Any, monkeypatch: pytest.MonkeyPatch, *steps: Step) -> list[Finding]:
    monkeypatch.setattr(run, "STEPS", steps)
    account.refuse("cloudformation", "describe_stacks", "ValidationError", "no such stack")
    parameters = planned_parameters(account.aws, DeployChoices())
    return run_preflight(account.aws, parameters, image_builder="codebuild", say=lambda _: None)


@pytest.mark.parametrize("code", ["AccessDeniedException", "TooManyRequestsException", "ThrottlingException"])
def test_what_aws_refuses_to_tell_is_a_warning_and_never_ok(
    account: Any, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    account.refuse("service_quotas", "list_service_quotas", code, "not now")
    account.refuse("service_quotas", "list_service_quotas", code, "not now")
    steps = [step for step in run.STEPS if step.name in {"endpoint instances", "vCPUs of EC2"}]
    found = checked(account, monkeypatch, *steps)
    assert [(finding.check, finding.status) for finding in found] == [(step.name, "warn") for step in steps]
    assert all(
        finding.found.startswith(f"Not known: AWS refused ListServiceQuotas: {code}") for finding in found
    )


def test_a_service_that_does_not_answer_is_a_warning(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(intent: Intent) -> Iterator[Finding]:
        yield OK
        raise ConnectTimeoutError(endpoint_url="https://aws.example")

    found = checked(account, monkeypatch, Step("one", check), Step("three", says(FAIL)))
    assert [finding.status for finding in found] == ["ok", "warn", "fail"]


def test_nothing_is_asked_with_keys_that_do_not_hold(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (Step("three", says(FAIL), is_needed=True), Step("one", says(OK)))
    assert checked(account, monkeypatch, *steps) == [FAIL]
    assert checked(account, monkeypatch, *reversed(steps)) == [OK, FAIL]


def test_the_local_cloud_is_not_asked_what_it_cannot_answer(
    stubbed: Any, account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubbed.aws.account_id = "000000000000"
    steps = (Step("one", says(OK)), Step("three", says(FAIL), on_local=False))
    assert checked(stubbed, monkeypatch, *steps) == [OK]
    assert checked(account, monkeypatch, *steps) == [OK, FAIL]


@pytest.fixture
def invoke(account: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on AWS: the checks find what is given, and deploying only says that it was begun."""

    def call(*findings: Finding, command: str = "preflight", options: tuple[str, ...] = ()) -> Any:
        for module in (preflight_command, deploy_command):
            monkeypatch.setattr(module, "connect", lambda target: account.aws)
        account.refuse("cloudformation", "describe_stacks", "ValidationError", "no such stack")
        monkeypatch.setattr(run, "STEPS", (Step("all", says(*findings)),))
        monkeypatch.setattr(deploy_command, "deploy_stack", lambda *_, **__: {"BucketName": "deployed"})
        return CliRunner().invoke(cli.make_app(), [command, "--target", "aws", *options])

    return call


def test_a_line_a_finding_with_what_to_do_below_it(invoke: Any) -> None:
    lines = invoke(OK, WARN, FAIL).stdout.splitlines()
    assert lines == [
        "✓ one: all is well",
        "! two: half is well",
        "    Look.",
        "    aws sts get-caller-identity",
        "    https://aws.example",
        "✗ three: nothing is well",
        "    Do it.",
        "    aws s3 ls",
    ]


def test_names_from_aws_cannot_move_the_cursor(invoke: Any) -> None:
    assert "\x1b" not in invoke(Finding("one", "warn", "x\x1b[2Jy", "a\x1b[1Ab")).stdout


@pytest.mark.parametrize(
    ("findings", "fails"), [((OK,), False), ((OK, WARN), False), ((OK, WARN, FAIL), True)]
)
def test_only_a_failure_fails(invoke: Any, findings: tuple[Finding, ...], fails: bool) -> None:
    result = invoke(*findings)
    assert isinstance(result.exception, CliError) is fails
    if fails:
        assert result.exception.message == "Preflight failed: three."


def test_json_has_every_finding_and_the_counts(invoke: Any) -> None:
    document = json.loads(invoke(OK, WARN, FAIL, options=("--json",)).stdout)
    assert document["counts"] == {"ok": 1, "warn": 1, "fail": 1}
    assert document["findings"][1] == {
        "check": "two",
        "status": "warn",
        "found": "half is well",
        "advice": "Look.",
        "command": "aws sts get-caller-identity",
        "link": "https://aws.example",
    }


@pytest.mark.parametrize(
    ("findings", "options", "deploys"),
    [
        ((WARN,), (), True),
        ((FAIL,), (), False),
        ((FAIL,), ("--skip-preflight",), True),
    ],
)
def test_a_failure_stops_a_deployment_before_anything_is_made(
    invoke: Any, findings: tuple[Finding, ...], options: tuple[str, ...], deploys: bool
) -> None:
    result = invoke(*findings, command="deploy", options=options)
    assert ("The stack dropserve is deployed" in result.stdout) is deploys
    assert (result.exception is None) is deploys


def test_a_refused_deployment_prints_its_findings_as_json(invoke: Any) -> None:
    refused = invoke(FAIL, command="deploy", options=("--json",))
    assert json.loads(refused.stdout)["findings"][0]["check"] == "three"
    deployed = invoke(WARN, command="deploy", options=("--json",))
    assert json.loads(deployed.stdout) == {"stack": "dropserve", "outputs": {"BucketName": "deployed"}}


def test_parameters_that_the_template_has_not_are_refused_as_deploy_does(invoke: Any) -> None:
    result = invoke(OK, options=("--parameter", "Colour=red"))
    assert result.exception.message == "The template has no parameter Colour."


def test_every_check_is_run_and_every_line_is_in_the_documentation() -> None:
    folder = ROOT / "deploy_scripts" / "preflight" / "checks"
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert {step.check.__module__.rpartition(".")[2] for step in run.STEPS} == modules
    names = {
        value
        for module in modules
        for name, value in vars(getattr(checks, module)).items()
        if name.endswith("NAME") and not name.startswith("_")
    }
    page = (ROOT / "docs" / "first-deployment.md").read_text()
    lines = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)
    assert names == {name for line in lines[1:] for name in line.split(", ")}
