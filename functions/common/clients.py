"""AWS clients, one a service and process, made when first asked for."""

from functools import cache
from typing import Any, cast

import boto3
from botocore.config import Config


@cache
def client(service_name: str) -> Any:
    """A boto3 client with bounded timeouts and retries; the region and endpoint come from the environment.

    `standard` retries add jitter and cover throttling: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    """
    # The stubs type one service a literal; here the name is a variable.
    return cast(Any, boto3).client(
        service_name,
        config=Config(connect_timeout=3, read_timeout=60, retries={"mode": "standard", "max_attempts": 4}),
    )
