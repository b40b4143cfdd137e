"""How the services act as a role: boto3 clients of this very cloud, and environments of processes."""

import os
import threading
from collections.abc import Mapping
from typing import Any, Protocol

import boto3
from botocore.config import Config

from local_cloud.botocore_sessions import new_session
from local_cloud.iam.identity import credentials_for

_SESSION_NAME = "SageMaker"
_CONFIG = Config(connect_timeout=5, retries={"mode": "standard", "max_attempts": 3})

# What a process may inherit from the server: how to run, never who the user is.
_INHERITED = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "OMP_NUM_THREADS",
)

# boto3 makes clients safely in one thread at a time only.
_lock = threading.Lock()
_clients: dict[tuple[str, str, str], Any] = {}


class ClientFactory(Protocol):
    """Makes a boto3 client for `service` that acts as `role_arn`."""

    def __call__(self, service: str, role_arn: str, region: str) -> Any: ...


def client_for_role(service: str, role_arn: str, region: str) -> Any:
    """A boto3 client of `service` with the credentials of `role_arn`. Clients are shared by threads."""
    with _lock:
        key = (service, role_arn, region)
        if key not in _clients:
            _clients[key] = _new_client(service, role_arn, region)
        return _clients[key]


def _new_client(service: str, role_arn: str, region: str) -> Any:
    credentials = credentials_for(role_arn, _SESSION_NAME)
    return boto3.Session(botocore_session=new_session()).client(
        service,  # type: ignore[call-overload]  # the name is only known at run time
        region_name=region,
        endpoint_url=credentials["AWS_ENDPOINT_URL"],
        aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=credentials.get("AWS_SESSION_TOKEN"),
        config=_CONFIG,
    )


def process_environment(
    role_arn: str, region: str, extra: Mapping[str, str], *, isolated: bool = False
) -> dict[str, str]:
    """The environment of a process that acts as `role_arn`: no secret of the server is in it.

    An `isolated` one gets no credentials and does not learn where this cloud is:
    https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    where = {"AWS_DEFAULT_REGION": region, "AWS_REGION": region}
    keys = {} if isolated else credentials_for(role_arn, _SESSION_NAME)
    return {**inherited, **extra, **keys, **where}
