"""Addresses of images in ECR, and what IAM calls their repositories."""

import re

from deploy_scripts.errors import CliError
from deploy_scripts.partition import partition_of

_ADDRESS = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z0-9.-]+?)"
    r"/(?P<repository>[a-z0-9][a-z0-9._/-]*)(?::[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64})"
)


def registry_of(account_id: str, region: str) -> str:
    """The host of an account's registry in a region."""
    return f"{account_id}.dkr.ecr.{region}.{partition_of(region).dns_suffix}"


def repository_arn(image_uri: str, *, region: str) -> str:
    """The ARN of the repository that the image lies in.

    Raises CliError for what is no address in ECR of this region: SageMaker takes images from nowhere else.
    """
    match, partition = _ADDRESS.fullmatch(image_uri), partition_of(region)
    if not match or match["region"] != region or match["suffix"] != partition.dns_suffix:
        raise CliError(
            f"{image_uri!r} is no image in ECR in {region}, with a tag or a digest.",
            f"SageMaker takes {registry_of('ACCOUNT', region)}/NAME@sha256:... or NAME:TAG.",
        )
    return f"arn:{partition.name}:ecr:{region}:{match['account']}:repository/{match['repository']}"
