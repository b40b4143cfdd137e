"""Builds, uploads what changed, and brings the stack to what the template says."""

import json
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.training_job import Architecture
from deploy_scripts import local_target
from deploy_scripts.aws import Aws
from deploy_scripts.build import Build, build
from deploy_scripts.cloudformation.artifacts_bucket import ArtifactsBucket, bucket_exists
from deploy_scripts.cloudformation.data_bucket import restore_drop_events
from deploy_scripts.cloudformation.drift import check_drift
from deploy_scripts.cloudformation.function_versions import publish_every_change
from deploy_scripts.cloudformation.sam_template import name_retained, read_template, replace_local_files
from deploy_scripts.cloudformation.stack import deploy_stack, read_outputs
from deploy_scripts.container_images.provide import BuildChoices, ImageBuilder, provide_images
from deploy_scripts.endpoint_type import ENDPOINT_TYPE, check_endpoint_type
from deploy_scripts.errors import CliError
from deploy_scripts.file_lock import one_at_a_time
from deploy_scripts.operations.audits import check_suppressions
from deploy_scripts.packaging.dependencies import Runtime
from deploy_scripts.packaging.weights import SHIPPED_BACKBONE, shipped_weights
from deploy_scripts.project import STATE_MACHINE, TEMPLATE, work_folder
from functions.common.errors import SettingsError
from functions.inference.fetching.allowed_hosts import parse_hosts

# A local cloud answers at once; its photos may come from this machine, whose processor serves.
LOCAL_PARAMETERS = {
    "EndpointInstanceType": "ml.m6g.large" if platform.machine() in {"arm64", "aarch64"} else "ml.m5.large",
    "PythonRuntime": f"python{sys.version_info.major}.{sys.version_info.minor}",
    "PollSeconds": "1",
    "DrainSeconds": "2",
    "QuietSeconds": "5",
    "PointerCacheSeconds": "1",
    "AllowedPrivateHosts": "127.0.0.1,localhost",
}


# Lists of hosts: an entry that matches nothing would allow or deny nothing, without a word.
HOST_PARAMETERS = {"AllowedHosts", "DeniedHosts", "AllowedPrivateHosts"}


@dataclass(frozen=True)
class DeployChoices:
    """What a person may choose. `parameters` are the template's own, by name; `suppressions` the audit's."""

    parameters: dict[str, str] = field(default_factory=dict)
    weights: dict[str, Path] = field(default_factory=dict)
    architecture: Architecture = "x86_64"
    image_builder: ImageBuilder = "codebuild"
    suppressions: Path | None = None


def deploy(
    aws: Aws, choices: DeployChoices, *, say: Callable[[str], None], warn: Callable[[str], None]
) -> dict[str, str]:
    """Deploy, and give the stack's outputs; `warn` is told what a person should know afterwards.

    Raises CliError with the cause when a step fails.
    """
    with one_at_a_time(work_folder() / "deploy.lock", say=say):
        outputs = _deploy(aws, choices, say)
    restore_drop_events(aws.s3, outputs["BucketName"], say=warn)
    if aws.is_local:
        # AWS takes a minute for it, and has no half of a cloud after a power cut.
        check_drift(aws.cloudformation, aws.stack, warn=warn)
        local_target.wait_until_saved()
    return outputs


def _deploy(aws: Aws, choices: DeployChoices, say: Callable[[str], None]) -> dict[str, str]:
    template = read_template(TEMPLATE)
    if choices.suppressions:
        check_suppressions(choices.suppressions)
    given = _given_parameters(aws, choices, template)
    endpoint_type = given.get(ENDPOINT_TYPE, template["Parameters"][ENDPOINT_TYPE]["Default"])
    serving_architecture = check_endpoint_type(endpoint_type)
    runtime = Runtime.of_this_machine() if aws.is_local else Runtime.of_lambda(choices.architecture)
    built = build(runtime, say=say, suppressions=choices.suppressions)
    bucket = ArtifactsBucket(aws)
    bucket.ensure()
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
    retained = name_retained(template, aws.pseudo_parameters)
    template_key = _upload_template(bucket, template, built, parameters)
    say(f"Uploaded {len(bucket.uploaded)} changed files to {bucket.name}")
    left = any(bucket_exists(aws, name) for name in retained["AWS::S3::Bucket"])
    if not deploy_stack(aws, bucket.url(template_key), parameters, take_up_existing=left, say=say):
        say("The stack is up to date")
    return read_outputs(aws)


def planned_parameters(aws: Aws, choices: DeployChoices) -> dict[str, str]:
    """Every parameter of the template that a deployment would give a value, the defaults included.

    Raises CliError for a parameter that the template has not, or a value that it cannot have.
    """
    template = read_template(TEMPLATE)
    defaults = {
        name: str(each["Default"]) for name, each in template["Parameters"].items() if "Default" in each
    }
    planned = {**defaults, **_given_parameters(aws, choices, template)}
    check_endpoint_type(planned[ENDPOINT_TYPE])
    return planned


def _given_parameters(aws: Aws, choices: DeployChoices, template: dict[str, Any]) -> dict[str, str]:
    _check_parameters(choices.parameters, known=set(template["Parameters"]))
    return {**(_local_parameters(aws) if aws.is_local else {}), **choices.parameters}


def parse_parameters(options: list[str]) -> dict[str, str]:
    """`["MaxInstances=3"]` by name. Raises CliError naming the option that is wrong."""
    parameters = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not separator or not name:
            raise CliError(f"--parameter {option} is not understood.", "Write --parameter MaxInstances=3.")
        parameters[name] = value
    return parameters


def _local_parameters(aws: Aws) -> dict[str, str]:
    return {**LOCAL_PARAMETERS, **local_target.image_parameters(aws.account_id, aws.region)}


def _check_parameters(parameters: dict[str, str], *, known: set[str]) -> None:
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise CliError(
            f"The template has no parameter {', '.join(unknown)}.", f"It has: {', '.join(sorted(known))}."
        )
    for name in sorted(HOST_PARAMETERS & set(parameters)):
        try:
            parse_hosts(parameters[name])
        except SettingsError as error:
            raise CliError(
                f"The parameter {name} is malformed: {error}.",
                f'Write --parameter "{name}=example.com, *.example.org, 192.0.2.7".',
            ) from error


def _upload_template(
    bucket: ArtifactsBucket, template: dict[str, Any], built: Build, parameters: dict[str, str]
) -> str:
    """The template with every local file uploaded and named by its key."""

    def upload(local_path: str) -> dict[str, str]:
        name = Path(local_path).name
        if name == STATE_MACHINE.name:
            key = bucket.upload(STATE_MACHINE, folder="state_machines")
        else:
            key = bucket.upload(_zip_of(built, name), folder="functions")
        return {"Bucket": bucket.name, "Key": key}

    with tempfile.TemporaryDirectory() as folder:
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
