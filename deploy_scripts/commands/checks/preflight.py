"""`dropserve preflight`: what would stop a deployment or its first run, told before anything is made."""

from typing import Annotated, Any

import typer

from deploy_scripts.aws import Target, connect
from deploy_scripts.container_images.provide import ImageBuilder
from deploy_scripts.errors import CliError
from deploy_scripts.options import JsonOption, with_stage
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.run import run_preflight
from deploy_scripts.screen import Screen
from deploy_scripts.settings.parameters import parse_parameters
from deploy_scripts.settings.stage import Stage
from deploy_scripts.stack_deployment import DeployChoices, choices_of, planned_parameters

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "bold red")}


@with_stage
def preflight(
    stage: Stage,
    parameter: Annotated[
        list[str] | None, typer.Option(help="As for `dropserve deploy`: MaxInstances=3. May be repeated.")
    ] = None,
    image_builder: Annotated[
        ImageBuilder | None, typer.Option(help="What is to build container images (default codebuild).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the account: credentials, region, permissions, quotas, images, names. Changes nothing.

    Fails when a deployment, or a release, would fail.
    """
    screen = Screen(as_json=as_json)
    choices = choices_of(stage, parameters=parse_parameters(parameter or []), image_builder=image_builder)
    findings = check_account(stage.target, choices, screen)
    if as_json:
        screen.put_json(preflight_document(stage.target, findings))
    refuse_failures(findings)


def check_account(target: Target, choices: DeployChoices, screen: Screen) -> list[Finding]:
    """Run every check and show what it found."""
    aws = connect(target)
    parameters = planned_parameters(aws, choices)
    with screen.moving("Checking the account") as say:
        findings = run_preflight(aws, parameters, image_builder=choices.image_builder, say=say)
    for finding in findings:
        show(screen, finding)
    return findings


def show(screen: Screen, finding: Finding) -> None:
    """A line, and below it what to do, the command and the page; a line each, to be copied."""
    screen.mark(*_MARKS[finding.status], f"{finding.check}: {finding.found}")
    if finding.status != "ok":
        for line in filter(None, (finding.advice, finding.command, finding.link)):
            screen.say(f"    {line}")


def refuse_failures(findings: list[Finding]) -> None:
    """Raises CliError when a check failed."""
    failed = [finding.check for finding in findings if finding.status == "fail"]
    if failed:
        raise CliError(
            f"Preflight failed: {', '.join(dict.fromkeys(failed))}.",
            "Do what is said above. `dropserve deploy --skip-preflight` deploys all the same.",
        )


def preflight_document(target: Target, findings: list[Finding]) -> dict[str, Any]:
    """What `preflight --json` prints."""
    return {
        "target": target.name,
        "stack": target.stack,
        "counts": {status: sum(each.status == status for each in findings) for status in _MARKS},
        "findings": [finding.document() for finding in findings],
    }
