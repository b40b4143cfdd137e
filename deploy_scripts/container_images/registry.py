"""The deployment's two repositories in ECR: whether an image is there, and its address by digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from contracts.training_job import Architecture
from deploy_scripts.container_images.addresses import registry_of
from deploy_scripts.errors import CliError, is_error

if TYPE_CHECKING:
    from deploy_scripts.aws import Aws

# SageMaker refuses an image with OCI's manifest: https://github.com/aws/amazon-sagemaker-feedback/issues/180
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Image:
    """A target of the Dockerfile for a processor; `content` is the hash of what it is built from."""

    target: str
    architecture: Architecture
    content: str

    @property
    def tag(self) -> str:
        return f"{self.content}-{self.architecture}"

    def repository(self, deployment: str) -> str:
        return f"{deployment}/{self.target}"


class Registry:
    """This account's registry in this region."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self.host = registry_of(aws.account_id, aws.region)

    def tagged_uri(self, image: Image) -> str:
        """What a build pushes to."""
        return f"{self.host}/{image.repository(self._aws.stack)}:{image.tag}"

    def find(self, image: Image) -> str | None:
        """The image's address by digest, or None when it is not there.

        Raises CliError for an image that SageMaker would refuse.
        """
        repository = image.repository(self._aws.stack)
        try:
            answer = self._aws.ecr.describe_images(
                repositoryName=repository, imageIds=[{"imageTag": image.tag}]
            )
        except ClientError as error:
            if is_error(error, "ImageNotFoundException", "RepositoryNotFoundException"):
                return None
            raise
        details = answer["imageDetails"][0]
        if details.get("imageManifestMediaType") != MANIFEST:
            raise CliError(
                f"The image {repository}:{image.tag} has a manifest of the type "
                f"{details.get('imageManifestMediaType')}, which SageMaker refuses.",
                f"Delete it (aws ecr batch-delete-image --repository-name {repository} "
                f"--image-ids imageTag={image.tag}) and deploy again with another --image-builder.",
            )
        return f"{self.host}/{repository}@{details['imageDigest']}"
