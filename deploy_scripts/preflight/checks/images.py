"""Container images: those that are named are there, the others are built already or can be."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from botocore.exceptions import ClientError

from contracts.training_job import Architecture
from deploy_scripts.container_images.addresses import repository_arn
from deploy_scripts.container_images.aws_images import GPU_TRAINING_IMAGE, aws_image
from deploy_scripts.container_images.codebuild import OTHER_WAYS
from deploy_scripts.container_images.provide import GPU_PARAMETER, PARAMETERS, TRAINING_ARCHITECTURE
from deploy_scripts.container_images.registry import Image, Registry
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.packaging.image_context import write_image_context
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "container image"
# https://docs.aws.amazon.com/general/latest/gr/codebuild.html
_BUILDS = "Concurrently running builds for {}/Small environment"
_PLATFORMS: dict[Architecture, str] = {"x86_64": "Linux", "arm64": "ARM"}
_ADDRESS = re.compile(r"(?P<account>\d{12})\.[^/]+/(?P<repository>[^:@]+)(?P<version>[:@].+)")


def check(intent: Intent) -> Iterator[Finding]:
    """The same images that a deployment would provide."""
    try:
        named = {name: intent.parameters.get(name) for name in (*PARAMETERS.values(), GPU_PARAMETER)}
        named[GPU_PARAMETER] = named[GPU_PARAMETER] or aws_image(GPU_TRAINING_IMAGE, region=intent.aws.region)
        for uri in filter(None, named.values()):
            repository_arn(uri, region=intent.aws.region)
    except CliError as error:
        yield Finding(NAME, "fail", error.message, error.advice)
        return
    for uri in sorted(set(filter(None, named.values()))):
        yield _named_image(intent, uri)
    missing = []
    for image in _own_images(intent, [target for target, name in PARAMETERS.items() if not named[name]]):
        if _is_built(intent, image):
            yield Finding(NAME, "ok", f"{image.repository(intent.aws.stack)}:{image.tag} is built")
        else:
            missing.append(image)
    if missing:
        yield from _can_be_built(intent, missing)


def _named_image(intent: Intent, uri: str) -> Finding:
    match = _ADDRESS.fullmatch(uri)
    if match is None or match["account"] != intent.aws.account_id:
        return Finding(NAME, "ok", f"{uri} is another account's, whose registry is not asked")
    version = match["version"]
    what = {"imageTag": version[1:]} if version[0] == ":" else {"imageDigest": version[1:]}
    try:
        intent.aws.ecr.describe_images(
            repositoryName=match["repository"],
            imageIds=[what],  # type: ignore[list-item]  # a tag or a digest
        )
    except ClientError as error:
        if not is_error(error, "ImageNotFoundException", "RepositoryNotFoundException"):
            raise
        return Finding(NAME, "fail", f"{uri} is not there.", "Push it, or leave its parameter out.")
    return Finding(NAME, "ok", f"{uri} is there")


def _own_images(intent: Intent, targets: list[str]) -> list[Image]:
    if not targets:
        return []
    with tempfile.TemporaryDirectory() as folder:
        content = write_image_context(Path(folder) / "context")
    architectures = {"serve": intent.serving_architecture, "train": TRAINING_ARCHITECTURE}
    return [Image(target, architectures[target], content) for target in targets]


def _is_built(intent: Intent, image: Image) -> bool:
    try:
        return Registry(intent.aws).find(image) is not None
    except ClientError as error:
        # Before the first deployment there is no repository.
        if not is_error(error, "RepositoryNotFoundException"):
            raise
        return False


def _can_be_built(intent: Intent, missing: list[Image]) -> Iterator[Finding]:
    if intent.image_builder == "codebuild":
        for architecture in sorted({image.architecture for image in missing}):
            yield _codebuild(intent, architecture)
    elif shutil.which(intent.image_builder):
        yield Finding(NAME, "ok", f"{intent.image_builder} builds {_targets(missing)} here")
    else:
        found = f"{intent.image_builder}, which is to build {_targets(missing)}, is not on this machine."
        yield Finding(NAME, "fail", found, "Install it, or choose another --image-builder.")


def _targets(images: list[Image]) -> str:
    return " and ".join(image.target for image in images)


def _codebuild(intent: Intent, architecture: Architecture) -> Finding:
    """The queue takes five times as many builds as may run at once, so a quota of 0 takes none:
    https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html
    """
    name = _BUILDS.format(_PLATFORMS[architecture])
    quota = intent.quotas.of("codebuild").get(name)
    if quota is not None and quota.value < 1:
        return Finding(
            NAME,
            "fail",
            f"'{name}' is {quota.value:g}: CodeBuild answers \"Cannot have more than 0 builds in queue\".",
            f"Ask for it, or AWS Support. {OTHER_WAYS}",
            **intent.quotas.how_to_ask(quota, 1),
        )
    has = f"'{name}' is {quota.value:g}" if quota else f"Service Quotas lists no quota '{name}'"
    if quota and intent.aws.codebuild.list_builds().get("ids"):
        return Finding(NAME, "ok", f"CodeBuild builds for {architecture}: {has}")
    # Accounts were refused whose quota was 10.
    found = f"{has}, and no build has run in this account: CodeBuild may refuse a new account all the same."
    return Finding(
        NAME, "warn", found, f'If it says "Cannot have more than 0 builds": AWS Support, or: {OTHER_WAYS}'
    )
