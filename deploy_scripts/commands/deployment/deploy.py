"""`dropserve deploy`: build, upload what changed, bring the stack up to date."""

from pathlib import Path
from typing import Annotated

import typer

from contracts.training_job import Architecture
from deploy_scripts.aws import connect
from deploy_scripts.cloudformation.stack import NothingChangedError
from deploy_scripts.commands.checks.preflight import check_account, preflight_document, refuse_failures
from deploy_scripts.container_images.provide import ImageBuilder
from deploy_scripts.options import JsonOption, with_stage
from deploy_scripts.packaging.weights import parse_weights
from deploy_scripts.review.review import Review
from deploy_scripts.screen import Screen
from deploy_scripts.settings.parameters import parse_parameters
from deploy_scripts.settings.stage import Stage
from deploy_scripts.stack_deployment import choices_of
from deploy_scripts.stack_deployment import deploy as deploy_stack


@with_stage
def deploy(  # noqa: PLR0913, PLR0917 - an argument an option
    stage: Stage,
    parameter: Annotated[
        list[str] | None, typer.Option(help="A parameter of the template: MaxInstances=3. May be repeated.")
    ] = None,
    weights: Annotated[
        list[str] | None, typer.Option(help="Pretrained weights: resnet18=/path.pth. May be repeated.")
    ] = None,
    architecture: Annotated[
        Architecture | None, typer.Option(help="Processor of the functions (default x86_64).")
    ] = None,
    image_builder: Annotated[
        ImageBuilder | None,
        typer.Option(help="What builds container images: AWS CodeBuild (default), or a program here."),
    ] = None,
    suppressions: Annotated[
        Path | None, typer.Option(help="The audit's findings that somebody answers for (JSON).")
    ] = None,
    skip_preflight: Annotated[
        bool, typer.Option("--skip-preflight", help="Deploy whatever `dropserve preflight` would say.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask (--target aws).")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the account, build, on AWS say what changes and ask, and bring the stack up to date."""
    screen = Screen(as_json=as_json)
    target = stage.target
    if stage.told:
        screen.say(stage.told)

    def accept(changes: Review) -> bool:
        for line in changes.lines():
            screen.say(line)
        if as_json and dry_run:
            screen.put_json({"stack": target.stack, "changes": changes.sections})
        return not dry_run and (yes or screen.confirm(f"Deploy {target.stack} so?"))

    choices = choices_of(
        stage,
        parameters=parse_parameters(parameter or []),
        weights=parse_weights(weights or []),
        architecture=architecture,
        image_builder=image_builder,
        suppressions=suppressions,
        # The local cloud costs nothing, and nobody else works on it.
        accept=accept if dry_run or target.name == "aws" else None,
    )
    if not skip_preflight:
        findings = check_account(target, choices, screen)
        if as_json and any(finding.status == "fail" for finding in findings):
            screen.put_json(preflight_document(target, findings))
        refuse_failures(findings)
    try:
        with screen.moving("Deploying") as say:
            outputs = deploy_stack(connect(target), choices, say=say, warn=screen.say)
    except NothingChangedError as answer:
        screen.say("Nothing was changed.")
        raise typer.Exit(0 if dry_run else 1) from answer
    screen.done(f"The stack {target.stack} is deployed")
    if as_json:
        screen.put_json({"stack": target.stack, "outputs": outputs})
