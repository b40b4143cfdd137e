"""The AWS clients of the request path: their limits are far shorter than the common ones."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_ssm import SSMClient

CONNECT_TIMEOUT_S = 1


@cache
def runtime_client(read_timeout_s: int) -> "SageMakerRuntimeClient":
    """A client that never retries by itself: endpoint.py does, and knows how much time is left."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S, read_timeout=read_timeout_s, retries={"total_max_attempts": 1}
    )
    return boto3.client("sagemaker-runtime", config=config)


@cache
def pointer_client() -> "SSMClient":
    """A client that gives up soon: the last known pointer is then a good answer."""
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return boto3.client("ssm", config=config)
