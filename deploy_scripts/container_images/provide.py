"""The template's parameters that name images: given by the person, or built by dropserve where they lack.

The repositories and the build project are a stack of their own, deployed first. The images are built before
the pipeline's stack changes, so that a failed build leaves what stands unchanged, and one change set brings
the new images with the functions that expect them.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contracts.training_job import Architecture
from deploy_scripts.aws import IMAGES_SUFFIX, Aws
from deploy_scripts.cloudformation.artifacts_bucket import ArtifactsBucket
from deploy_scripts.cloudformation.stack import deploy_stack
from deploy_scripts.container_images.addresses import repository_arn
from deploy_scripts.container_images.aws_images import GPU_TRAINING_IMAGE, aws_image
from deploy_scripts.container_images.codebuild import build_by_codebuild
from deploy_scripts.container_images.local_builders import build_here
from deploy_scripts.container_images.registry import Image, Registry
from deploy_scripts.errors import CliError
from deploy_scripts.packaging.archives import files_below, make_zip
from deploy_scripts.packaging.image_context import write_image_context
from deploy_scripts.project import IMAGES_TEMPLATE

ImageBuilder = Literal["codebuild", "docker", "podman", "buildah"]
Say = Callable[[str], None]
# Target of the Dockerfile -> the parameter that names its image.
PARAMETERS = {"serve": "ServingImageUri", "train": "TrainingImageUri"}
GPU_PARAMETER = "GpuTrainingImageUri"
# Every instance type that a plan may choose for training.
TRAINING_ARCHITECTURE: Architecture = "x86_64"


@dataclass(frozen=True)
class BuildChoices:
    """What builds, and the endpoint's processor."""

    builder: ImageBuilder
    serving_architecture: Architecture


@dataclass(frozen=True)
class PlannedImages:
    """`parameters` as provide_images gives them, but by tag what is not built yet; `to_build` names that."""

    parameters: dict[str, str]
    to_build: tuple[str, ...]


def plan_images(aws: Aws, given: Mapping[str, str], choices: BuildChoices) -> PlannedImages:
    """What provide_images would have to build; nothing is changed.

    Raises CliError for an image that SageMaker would refuse.
    """
    uris, repositories = _given_uris(aws, given)
    wanted = _wanted(uris, choices)
    to_build = []
    if wanted:
        registry = Registry(aws)
        with tempfile.TemporaryDirectory() as folder:
            content = write_image_context(Path(folder) / "context")
        for target, architecture in wanted.items():
            image = Image(target, architecture, content)
            found = registry.find(image)
            uris[PARAMETERS[target]] = found or registry.tagged_uri(image)
            if not found:
                to_build.append(f"{target} for {architecture}, by {choices.builder}")
    return PlannedImages(_as_parameters(uris, repositories), tuple(to_build))


def provide_images(
    aws: Aws, given: Mapping[str, str], choices: BuildChoices, *, bucket: ArtifactsBucket, say: Say
) -> dict[str, str]:
    """The address of each image, and the repositories that SageMaker may pull from.

    `given` are the person's parameters. Raises CliError when an image cannot be had.
    """
    uris, repositories = _given_uris(aws, given)
    wanted = _wanted(uris, choices)
    if wanted:
        deploy_images_stack(aws, bucket, choices.builder, say, key=given.get("KmsKeyArn", ""))
        built = _build_missing(aws, bucket, wanted, choices.builder, say)
        uris |= {PARAMETERS[target]: uri for target, uri in built.items()}
    return _as_parameters(uris, repositories)


def _given_uris(aws: Aws, given: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """Parameter -> address of what need not be built, and the repositories to pull from."""
    uris = {name: given[name] for name in (*PARAMETERS.values(), GPU_PARAMETER) if given.get(name)}
    # Before anything is built for them.
    if GPU_PARAMETER not in uris:
        uris[GPU_PARAMETER] = aws_image(GPU_TRAINING_IMAGE, region=aws.region)
    return uris, {repository_arn(uri, region=aws.region) for uri in uris.values()} | _own_repositories(aws)


def _wanted(uris: Mapping[str, str], choices: BuildChoices) -> dict[str, Architecture]:
    """Target -> processor of what nobody names."""
    architectures = {"serve": choices.serving_architecture, "train": TRAINING_ARCHITECTURE}
    return {target: architectures[target] for target, name in PARAMETERS.items() if name not in uris}


def _as_parameters(uris: Mapping[str, str], repositories: set[str]) -> dict[str, str]:
    return {**uris, "ImageRepositoryArns": ",".join(sorted(repositories))}


def _own_repositories(aws: Aws) -> set[str]:
    """Also where all images come from elsewhere now: what serves may be of before."""
    registry = Registry(aws)
    images = [Image(target, TRAINING_ARCHITECTURE, "any") for target in PARAMETERS]
    return {repository_arn(registry.tagged_uri(image), region=aws.region) for image in images}


def _build_missing(
    aws: Aws, bucket: ArtifactsBucket, wanted: Mapping[str, Architecture], builder: ImageBuilder, say: Say
) -> dict[str, str]:
    """Target -> address by digest."""
    registry = Registry(aws)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "context"
        content = write_image_context(context)
        images = [Image(target, architecture, content) for target, architecture in wanted.items()]
        missing = [image for image in images if registry.find(image) is None]
        if not missing:
            say("The container images are up to date")
        elif builder == "codebuild":
            archive = make_zip(files_below(context), Path(folder) / "context.zip")
            uri = f"s3://{bucket.name}/{bucket.upload(archive, folder='images')}"
            build_by_codebuild(aws, missing, context_uri=uri, say=say)
        else:
            build_here(aws, missing, builder=builder, context=context, say=say)
    return {image.target: _built(registry, image) for image in images}


def _built(registry: Registry, image: Image) -> str:
    uri = registry.find(image)
    if uri is None:
        raise CliError(
            f"The build ended well, but {registry.tagged_uri(image)} is not there.",
            "Deploy again; if it happens again, use another --image-builder.",
        )
    return uri


def deploy_images_stack(
    aws: Aws, bucket: ArtifactsBucket, builder: ImageBuilder, say: Say, *, key: str = ""
) -> None:
    """The repositories, and what CodeBuild needs unless this machine builds; `key` is that of `bucket`."""
    template = bucket.upload(IMAGES_TEMPLATE, folder="templates")
    parameters = {
        "Deployment": aws.stack,
        "ArtifactsBucket": bucket.name,
        "ImageBuilder": "codebuild" if builder == "codebuild" else "other",
        "KmsKeyArn": key,
    }
    deploy_stack(aws.beside(IMAGES_SUFFIX), bucket.url(template), parameters, say=say)
