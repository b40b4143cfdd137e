"""Addresses of images, and AWS's own: where they lie, and for how long they are patched."""

import importlib.util
import json
from pathlib import Path

import pytest

from deploy_scripts.aws import Target
from deploy_scripts.container_images.addresses import repository_arn
from deploy_scripts.container_images.aws_images import (
    DEFAULT_ACCOUNT,
    DEFAULT_ACCOUNT_REGIONS,
    GPU_TRAINING_IMAGE,
    OTHER_ACCOUNTS,
    aws_image,
)
from deploy_scripts.errors import CliError

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("uri", "region", "arn"),
    [
        (
            f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/dropserve/serve@{DIGEST}",
            "eu-west-1",
            "arn:aws:ecr:eu-west-1:111122223333:repository/dropserve/serve",
        ),
        (
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/train:1.2_b",
            "cn-north-1",
            "arn:aws-cn:ecr:cn-north-1:111122223333:repository/train",
        ),
        (
            "111122223333.dkr.ecr.us-gov-west-1.amazonaws.com/train:1",
            "us-gov-west-1",
            "arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/train",
        ),
    ],
)
def test_the_repository_of_an_image(uri: str, region: str, arn: str) -> None:
    assert repository_arn(uri, region=region) == arn


@pytest.mark.parametrize(
    "uri",
    [
        "python:3.13",
        "111122223333.dkr.ecr.us-east-1.amazonaws.com/train:1",  # of another region
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/train",  # which version?
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/train@sha256:12",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example/train:1",
    ],
)
def test_what_sagemaker_could_not_pull_is_refused(uri: str) -> None:
    with pytest.raises(CliError, match="is no image in ECR in eu-west-1"):
        repository_arn(uri, region="eu-west-1")


def test_the_accounts_of_awss_images_are_the_sdks() -> None:
    """From the SageMaker SDK's own table, found without importing the SDK; it has two regions more."""
    spec = importlib.util.find_spec("sagemaker")
    assert spec and spec.origin
    table = json.loads((Path(spec.origin).parent / "image_uri_config" / "pytorch.json").read_text())
    theirs = table["training"]["versions"]["2.8.0"]["registries"]
    ours = dict.fromkeys(DEFAULT_ACCOUNT_REGIONS, DEFAULT_ACCOUNT) | OTHER_ACCOUNTS
    assert set(theirs) - set(ours) == {"us-gov-east-1", "us-gov-west-1"}
    assert ours == {region: theirs[region] for region in ours}


def test_a_region_without_awss_images_is_named() -> None:
    assert aws_image(GPU_TRAINING_IMAGE, region="cn-north-1").startswith(
        "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch:2.13"
    )
    with pytest.raises(CliError, match="us-gov-west-1"):
        aws_image(GPU_TRAINING_IMAGE, region="us-gov-west-1")


def test_no_deployment_takes_the_name_of_the_stack_with_anothers_images() -> None:
    with pytest.raises(CliError, match="another deployment's images"):
        Target(stack="dropserve-images")
