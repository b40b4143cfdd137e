"""Builds images by the CodeBuild project of images_template.yaml, and follows the build."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy_scripts.container_images.registry import Image, Registry
from deploy_scripts.errors import CliError, is_error

if TYPE_CHECKING:
    from mypy_boto3_codebuild.type_defs import BuildTypeDef

    from deploy_scripts.aws import Aws

# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html
ENVIRONMENTS = {
    "x86_64": ("LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:5.0"),
    "arm64": ("ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:3.0"),
}
OTHER_WAYS = (
    "Build on this machine: --image-builder docker (or podman, buildah); or name images that were built "
    "elsewhere: --parameter ServingImageUri=... --parameter TrainingImageUri=..."
)
_POLL_S = 5.0
_LOG_LINES = 20


def build_by_codebuild(
    aws: Aws, images: Sequence[Image], *, context_uri: str, say: Callable[[str], None]
) -> None:
    """Build and push; one build for each processor, since a new account may run one at a time.

    Raises CliError when CodeBuild refuses, or with the end of the log when a build fails.
    """
    by_architecture = sorted(images, key=lambda image: image.architecture)
    for _, group in groupby(by_architecture, key=lambda image: image.architecture):
        wanted = list(group)
        build_id = _start(aws, wanted, context_uri)
        build = _follow(aws, build_id, " and ".join(image.target for image in wanted), say)
        if build["buildStatus"] != "SUCCEEDED":
            raise _failure(aws, build)


def _start(aws: Aws, images: Sequence[Image], context_uri: str) -> str:
    environment_type, image = ENVIRONMENTS[images[0].architecture]
    variables = {
        "CONTEXT_URI": context_uri,
        "REGISTRY": Registry(aws).host,
        "DEPLOYMENT": aws.stack,
        "TARGETS": " ".join(each.target for each in images),
        "TAG": images[0].tag,
    }
    try:
        answer = aws.codebuild.start_build(
            projectName=f"{aws.stack}-images",
            environmentTypeOverride=environment_type,  # type: ignore[arg-type]  # one of its literals
            imageOverride=image,
            environmentVariablesOverride=[
                {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()
            ],
        )
    except ClientError as error:
        if not is_error(error, "AccountLimitExceededException"):
            raise
        raise CliError(
            f"CodeBuild takes no build in this account: {error.response['Error'].get('Message', '')}.",
            f"A new account's quota is 0 until AWS Support has raised it. {OTHER_WAYS}",
        ) from error
    return answer["build"]["id"]


def _follow(aws: Aws, build_id: str, what: str, say: Callable[[str], None]) -> BuildTypeDef:
    """The build, once it has ended."""
    while True:
        build = aws.codebuild.batch_get_builds(ids=[build_id])["builds"][0]
        elapsed_s = (datetime.now(UTC) - build["startTime"]).total_seconds() if "startTime" in build else 0
        say(f"CodeBuild builds {what}: {build.get('currentPhase', 'SUBMITTED')}, {elapsed_s:.0f} s")
        if build["buildStatus"] != "IN_PROGRESS":
            return build
        time.sleep(_POLL_S)


def _failure(aws: Aws, build: BuildTypeDef) -> CliError:
    """What failed, as CodeBuild's phases have it, and the end of the log."""
    details = []
    for phase in build.get("phases", []):
        if phase.get("phaseStatus", "SUCCEEDED") != "SUCCEEDED":
            messages = [context.get("message", "") for context in phase.get("contexts", [])]
            details.append(" ".join([f"{phase.get('phaseType')} {phase['phaseStatus']}:", *messages]))
    logs = build.get("logs", {})
    if "groupName" in logs and "streamName" in logs:
        events = aws.logs.get_log_events(
            logGroupName=logs["groupName"], logStreamName=logs["streamName"], limit=_LOG_LINES
        )["events"]
        details += [event.get("message", "").rstrip() for event in events]
    return CliError(
        f"The build {build['id']} ended {build['buildStatus']}.",
        f"Its log: {logs.get('deepLink', 'none was written')}. {OTHER_WAYS}",
        details,
    )
