"""Builds, uploads what changed, and brings the stack to what the template says."""

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from contracts.training_job import Architecture
from contracts.workflow import live_pointer_name
from deploy_scripts import local_target
from deploy_scripts.aws import Aws
from deploy_scripts.build import Build, build
from deploy_scripts.cloudformation.artifacts_bucket import ArtifactsBucket, bucket_exists
from deploy_scripts.cloudformation.data_bucket import restore_drop_events
from deploy_scripts.cloudformation.drift import check_drift
from deploy_scripts.cloudformation.function_versions import publish_every_change
from deploy_scripts.cloudformation.sam_template import (
    defaults,
    name_retained,
    read_template,
    replace_local_files,
)
from deploy_scripts.cloudformation.stack import (
    Accept,
    deploy_stack,
    pause_s,
    read_outputs,
    read_parameters,
    read_template_of,
)
from deploy_scripts.container_images.provide import BuildChoices, ImageBuilder, provide_images
from deploy_scripts.costs.component import DatedPrices
from deploy_scripts.costs.month import idle_cost_sentence
from deploy_scripts.endpoint_type import check_endpoint
from deploy_scripts.errors import CliError
from deploy_scripts.file_lock import one_at_a_time
from deploy_scripts.operations.audits import check_suppressions
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.function_calls import call_function
from deploy_scripts.operations.releases import find_parameter, read_live
from deploy_scripts.packaging.dependencies import Runtime
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from deploy_scripts.parameters import MADE_BY_DEPLOYMENT, check_parameters, resolve_parameters
from deploy_scripts.partition import in_partition
from deploy_scripts.project import STATE_MACHINE, TEMPLATE, work_folder
from deploy_scripts.review.review import Review, Version, review


@dataclass(frozen=True)
class DeployChoices:
    """What a person may choose. `parameters` are the template's own, by name; `suppressions` the audit's.

    `accept` is asked before the stack changes.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    weights: dict[str, Path] = field(default_factory=dict)
    architecture: Architecture = "x86_64"
    image_builder: ImageBuilder = "codebuild"
    suppressions: Path | None = None
    accept: Callable[[Review], bool] | None = None


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
    check_parameters(choices.parameters, template)
    given = resolve_parameters(aws, choices.parameters, template, deployed=read_parameters(aws))
    planned = {**defaults(template), **given}
    serving_architecture = check_endpoint(planned)
    runtime = Runtime.of_this_machine() if aws.is_local else Runtime.of_lambda(choices.architecture)
    built = build(runtime, say=say, suppressions=choices.suppressions)
    bucket = ArtifactsBucket(aws)
    bucket.ensure(planned["KmsKeyArn"])
    for backbone, file in {SHIPPED_BACKBONE: shipped_weights(), **choices.weights}.items():
        bucket.upload_weights(backbone, file)
    building = BuildChoices(choices.image_builder, serving_architecture)
    images = provide_images(aws, given, building, bucket=bucket, say=say)
    parameters = {
        "ArtifactsBucket": bucket.name,
        "TrainingCodeKey": bucket.upload(built.training_code, folder="training"),
        "Ec2BootKey": bucket.upload(built.ec2_boot, folder="training"),
        "Architecture": choices.architecture,
        **given,
        **images,
    }
    parameters["IdleCost"] = idle_cost_sentence(parameters, aws.region)
    retained = name_retained(template, aws.pseudo_parameters)
    template_key = _upload_template(aws, bucket, template, built, parameters)
    say(f"Uploaded {len(bucket.uploaded)} changed files to {bucket.name}")
    left = any(bucket_exists(aws, name) for name in retained["AWS::S3::Bucket"])
    pointer = find_parameter(aws, live_pointer_name(aws.stack))
    accept = None
    if choices.accept:
        after = Version(template, _chosen(planned))
        accept = _reviewer(choices.accept, _deployed_version(aws), after, DatedPrices(aws.region))
    url = bucket.url(template_key)
    if not deploy_stack(aws, url, parameters, take_up_existing=left, accept=accept, say=say):
        say("The stack is up to date")
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
    check_parameters(choices.parameters, template)
    try:
        deployed = read_parameters(aws)
    except (ClientError, BotoCoreError):
        # Preflight's own checks say why AWS does not answer.
        deployed = {}
    given = resolve_parameters(aws, choices.parameters, template, deployed=deployed)
    planned = {**defaults(template), **given}
    check_endpoint(planned)
    return planned


def _deployed_version(aws: Aws) -> Version | None:
    template = read_template_of(aws)
    return Version(template, _chosen(read_parameters(aws))) if template else None


def _chosen(parameters: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name not in MADE_BY_DEPLOYMENT}


def _reviewer(
    ask: Callable[[Review], bool], before: Version | None, after: Version, prices: DatedPrices
) -> Accept:
    def accept(changes: list[Mapping[str, Any]], is_new: bool) -> bool:
        return ask(review(None if is_new else before, after, changes, prices))

    return accept


def _set_concurrency(deployment: Deployment, say: Callable[[str], None], warn: Callable[[str], None]) -> None:
    """A new version behind the alias, or a new parameter, asks for it anew; each release does it itself."""
    function, what = "SetConcurrencyFunctionName", "Setting the concurrency"
    live = read_live(deployment)
    wanted = {"paused": live is None or live.paused_at is not None}
    while True:
        answer = call_function(deployment, function, wanted, what=what, log="set_concurrency")
        if answer["ready"]:
            break
        say("Waiting for provisioned concurrency")
        time.sleep(pause_s(deployment.aws))
    if answer["note"]:
        warn(answer["note"])


def _keep_live(aws: Aws, pointer: str | None) -> None:
    """The live pointer was a resource of the stack once: the update that takes it out deletes it."""
    name = live_pointer_name(aws.stack)
    if pointer is not None and find_parameter(aws, name) is None:
        aws.ssm.put_parameter(Name=name, Value=pointer, Type="String")


def _upload_template(
    aws: Aws, bucket: ArtifactsBucket, template: dict[str, Any], built: Build, parameters: dict[str, str]
) -> str:
    """The template with every local file uploaded and named by its key."""
    with tempfile.TemporaryDirectory() as folder:
        machine = Path(folder) / STATE_MACHINE.name
        machine.write_text(in_partition(STATE_MACHINE.read_text("utf-8"), aws.partition), "utf-8")

        def upload(local_path: str) -> dict[str, str]:
            name = Path(local_path).name
            if name == STATE_MACHINE.name:
                key = bucket.upload(machine, folder="state_machines")
            else:
                key = bucket.upload(_zip_of(built, name), folder="functions")
            return {"Bucket": bucket.name, "Key": key}

        replace_local_files(template, upload)
        publish_every_change(template, parameters)
        file = Path(folder) / "template.json"
        file.write_text(json.dumps(template, separators=(",", ":")))
        return bucket.upload(file, folder="templates")


def _zip_of(built: Build, file_name: str) -> Path:
    zips = {path.name: path for path in built.functions.values()}
    if file_name not in zips:
        raise CliError(
            f"The template names {file_name}, which no folder of functions/ builds.",
            f"There are: {', '.join(sorted(zips))}.",
        )
    return zips[file_name]
