"""Builds, uploads what changed, and brings the stack to what the template says."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from contracts.training_job import Architecture
from contracts.workflow import live_pointer_name
from deploy_scripts import local_target
from deploy_scripts.aws import Aws
from deploy_scripts.cloudformation.artifacts_bucket import ArtifactsBucket
from deploy_scripts.cloudformation.budget import leave_out_unwanted
from deploy_scripts.cloudformation.data_bucket import restore_drop_events
from deploy_scripts.cloudformation.drift import check_drift
from deploy_scripts.cloudformation.sam_template import defaults, read_template
from deploy_scripts.cloudformation.stack import (
    Accept,
    pause_s,
    read_outputs,
    read_parameters,
    read_template_of,
)
from deploy_scripts.cloudformation.stack_change import StackChange
from deploy_scripts.container_images.provide import BuildChoices, ImageBuilder, plan_images, provide_images
from deploy_scripts.costs.component import DatedPrices
from deploy_scripts.errors import CliError
from deploy_scripts.file_lock import one_at_a_time
from deploy_scripts.operations.audits import check_suppressions
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.function_calls import call_function
from deploy_scripts.operations.releases.live import find_parameter, read_live
from deploy_scripts.packaging.build import build
from deploy_scripts.packaging.dependencies import Runtime
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from deploy_scripts.project import TEMPLATE, work_folder
from deploy_scripts.review.review import Review, Version, review
from deploy_scripts.settings.endpoint_type import check_endpoint
from deploy_scripts.settings.parameters import MADE_BY_DEPLOYMENT, check_parameters, resolve_parameters
from deploy_scripts.settings.stage import Stage

# AWS prepares for a minute or two, and then starts thousands of environments a minute:
# https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
CONCURRENCY_LIMIT_S = 1800.0


@dataclass(frozen=True)
class DeployChoices:
    """What a person may choose. `parameters` are the template's own, by name; `suppressions` the audit's.

    `accept` is asked before the stack changes. `sources`: where those parameters stand that no option gave.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    weights: dict[str, Path] = field(default_factory=dict)
    architecture: Architecture = "x86_64"
    image_builder: ImageBuilder = "codebuild"
    suppressions: Path | None = None
    accept: Callable[[Review], bool] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


def choices_of(  # noqa: PLR0913 - by name
    stage: Stage,
    *,
    parameters: Mapping[str, str] | None = None,
    weights: Mapping[str, Path] | None = None,
    architecture: Architecture | None = None,
    image_builder: ImageBuilder | None = None,
    suppressions: Path | None = None,
    accept: Callable[[Review], bool] | None = None,
) -> DeployChoices:
    """What options give, else what the stage's file has, else what is usual."""
    usual, given = DeployChoices(), parameters or {}
    return DeployChoices(
        {**stage.parameters, **given},
        {**stage.weights, **(weights or {})},
        architecture or stage.architecture or usual.architecture,
        image_builder or stage.image_builder or usual.image_builder,
        suppressions or stage.suppressions,
        accept,
        {name: source for name, source in stage.sources.items() if name not in given},
    )


def deploy(
    aws: Aws, choices: DeployChoices, *, say: Callable[[str], None], warn: Callable[[str], None]
) -> dict[str, str]:
    """Deploy, and give the stack's outputs; `warn` is told what a person should know afterwards.

    Raises CliError with the cause when a step fails, and NothingChangedError where the review was declined.
    """
    with one_at_a_time(work_folder() / "deploy.lock", say=say):
        outputs = _deploy(aws, choices, say, warn)
    restore_drop_events(aws.s3, outputs["BucketName"], say=warn)
    if aws.is_local:
        # AWS takes a minute for it, and has no half of a cloud after a power cut.
        check_drift(aws.cloudformation, aws.stack, warn=warn)
        local_target.wait_until_saved()
    return outputs


def _deploy(
    aws: Aws, choices: DeployChoices, say: Callable[[str], None], warn: Callable[[str], None]
) -> dict[str, str]:
    template = read_template(TEMPLATE)
    if choices.suppressions:
        check_suppressions(choices.suppressions)
    check_parameters(choices.parameters, template, choices.sources)
    deployed = read_parameters(aws)
    given = resolve_parameters(aws, choices.parameters, template, deployed=deployed)
    planned = {**defaults(template), **given}
    leave_out_unwanted(template, planned)
    serving_architecture = check_endpoint(planned)
    runtime = Runtime.of_this_machine() if aws.is_local else Runtime.of_lambda(choices.architecture)
    built = build(runtime, say=say, suppressions=choices.suppressions)
    bucket = ArtifactsBucket(aws)
    bucket.ensure(planned["KmsKeyArn"])
    for backbone, file in {SHIPPED_BACKBONE: shipped_weights(), **choices.weights}.items():
        bucket.upload_weights(backbone, file)
    parameters = {
        "ArtifactsBucket": bucket.name,
        "TrainingCodeKey": bucket.upload(built.training_code, folder="training"),
        "Ec2BootKey": bucket.upload(built.ec2_boot, folder="training"),
        "Architecture": choices.architecture,
        **given,
    }
    pointer = find_parameter(aws, live_pointer_name(aws.stack))
    change = StackChange(aws, template, parameters, built, bucket)
    building = BuildChoices(choices.image_builder, serving_architecture)
    images = plan_images(aws, given, building)
    accept = None
    if choices.accept:
        after = Version(template, _chosen(planned), choices.sources)
        before = _deployed_version(aws, deployed)
        accept = _reviewer(choices.accept, before, after, images.to_build, aws.region)
    if images.to_build:
        if accept:
            # Images take minutes and cost money: they are built once somebody has agreed.
            change.ask(images.parameters, accept, say)
        built_images = provide_images(aws, given, building, bucket=bucket, say=say)
        change.apply(built_images, None, say)
    else:
        change.apply(images.parameters, accept, say)
    _keep_live(aws, pointer)
    outputs = read_outputs(aws)
    if pointer is not None:
        _set_concurrency(Deployment(aws, outputs), say, warn)
    return outputs


def planned_parameters(aws: Aws, choices: DeployChoices) -> dict[str, str]:
    """Every parameter of the template that a deployment would give a value, the defaults included.

    Raises CliError for a parameter that the template has not, or a value that it cannot have.
    """
    template = read_template(TEMPLATE)
    check_parameters(choices.parameters, template, choices.sources)
    try:
        deployed = read_parameters(aws)
    except (ClientError, BotoCoreError):
        # Preflight's own checks say why AWS does not answer.
        deployed = {}
    given = resolve_parameters(aws, choices.parameters, template, deployed=deployed)
    planned = {**defaults(template), **given}
    check_endpoint(planned)
    return planned


def _deployed_version(aws: Aws, parameters: dict[str, str]) -> Version | None:
    """`parameters` are the stack's own; None where there is no stack yet."""
    template = read_template_of(aws)
    return Version(template, _chosen(parameters)) if template else None


def _chosen(parameters: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name not in MADE_BY_DEPLOYMENT}


def _reviewer(
    ask: Callable[[Review], bool],
    before: Version | None,
    after: Version,
    images_to_build: Sequence[str],
    region: str,
) -> Accept:
    def accept(changes: list[Mapping[str, Any]], is_new: bool) -> bool:
        known = None if is_new else before
        return ask(review(known, after, changes, DatedPrices(region), images_to_build=images_to_build))

    return accept


def _set_concurrency(deployment: Deployment, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
    """A new version behind the alias, or a new parameter, asks for it anew; each release does it itself.

    Raises CliError when the environments are not there after CONCURRENCY_LIMIT_S.
    """
    function, what = "SetConcurrencyFunctionName", "Setting the concurrency"
    live = read_live(deployment)
    wanted = {"paused": live is None or live.paused_at is not None}
    deadline = time.monotonic() + CONCURRENCY_LIMIT_S
    while True:
        answer = call_function(deployment, function, wanted, what=what, log="set_concurrency")
        if answer["ready"]:
            break
        if time.monotonic() > deadline:
            raise CliError(
                f"The stack {deployment.aws.stack} is deployed, but its provisioned concurrency is not there "
                f"after {CONCURRENCY_LIMIT_S / 60:.0f} minutes; callers are answered, some by a cold start.",
                "Look at `dropserve logs set_concurrency`, then deploy again: it goes on from there.",
            )
        say("Waiting for provisioned concurrency")
        time.sleep(pause_s(deployment.aws))
    if answer["note"]:
        warn(answer["note"])


def _keep_live(aws: Aws, pointer: str | None) -> None:
    """The live pointer was a resource of the stack once: the update that takes it out deletes it."""
    name = live_pointer_name(aws.stack)
    if pointer is not None and find_parameter(aws, name) is None:
        aws.ssm.put_parameter(Name=name, Value=pointer, Type="String")
