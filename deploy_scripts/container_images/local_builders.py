"""Builds images on this machine, by docker, podman or buildah, and pushes them to ECR."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from deploy_scripts.container_images.registry import Image, Registry
from deploy_scripts.errors import CliError

if TYPE_CHECKING:
    from deploy_scripts.aws import Aws

LocalBuilder = Literal["docker", "podman", "buildah"]
_PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
_LOG_LINES = 20


def build_here(
    aws: Aws, images: Sequence[Image], *, builder: LocalBuilder, context: Path, say: Callable[[str], None]
) -> None:
    """Build and push each image. Raises CliError when the builder is missing, or with its last lines."""
    program = shutil.which(builder)
    if not program:
        raise CliError(f"{builder} is not on this machine.", "Install it, or choose another --image-builder.")
    registry = Registry(aws)
    token = aws.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    # By stdin: every process of this machine can read arguments.
    _run(program, "login", "--username", user, "--password-stdin", registry.host, stdin=password)
    try:
        for image in images:
            say(f"{builder} builds and pushes {image.target} for {image.architecture}")
            for command in _commands(builder, image, registry.tagged_uri(image), context):
                _run(program, *command)
    finally:
        _run(program, "logout", registry.host)


def _commands(builder: LocalBuilder, image: Image, uri: str, context: Path) -> list[list[str]]:
    """The steps that leave an image with Docker's manifest in ECR: SageMaker takes no other."""
    what = ["--platform", _PLATFORMS[image.architecture], "--target", image.target]
    if builder == "docker":
        # Without attestations, which make an index of images; `type=image` pushes what it builds.
        output = f"type=image,name={uri},push=true,oci-mediatypes=false"
        options = ["--provenance=false", "--sbom=false", "--output", output]
        return [["buildx", "build", *what, *options, str(context)]]
    return [
        ["build", "--format", "docker", *what, "--tag", uri, str(context)],
        ["push", "--format", "v2s2", uri],
    ]


def _run(*command: str, stdin: str = "") -> None:
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = (result.stdout + result.stderr).splitlines()[-_LOG_LINES:]
        raise CliError(
            f"{Path(command[0]).name} {command[1]} ended with exit status {result.returncode}:",
            "Correct what it names, or choose another --image-builder.",
            lines,
        )
