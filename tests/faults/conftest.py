"""The real workflow on the local cloud, with small functions and programs whose answers a test decides."""

import functools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_cloud import control
from local_cloud.control import Cloud
from tests.faults.support.stage_programs import SERVE, TRAIN
from tests.faults.support.workflow_stage import SharedFunctions, Stage

EC2_IMAGE = "ami-0123456789abcdef0"


@contextmanager
def cloud_of_small_programs(folder: Path, quotas: str | None = None) -> Iterator[Callable[..., Any]]:
    """boto3 clients of a cloud whose containers are the small programs; one a service."""
    cloud = control.start(folder / "state", port=0, containers=small_programs(folder), quotas=quotas)
    yield clients_of(cloud)
    control.stop(folder / "state")


def small_programs(folder: Path) -> Path:
    """The file that says which small programs stand for which images."""
    serve, train = folder / "serve.py", folder / "train.py"
    serve.write_text(SERVE)
    train.write_text(TRAIN)
    table = {
        "containers": [
            {"image": "tiny-training", "train": [sys.executable, str(train)]},
            {"image": "tiny-serving", "serve": [sys.executable, str(serve)]},
            {"image": "dropserve-train", "train": [str(Path(sys.executable).with_name("train"))]},
            {"image": "dropserve-serve", "serve": [sys.executable, str(serve)]},
            {"image": "broken-serving", "serve": [sys.executable, str(serve), "broken"]},
            {"image": "hanging-serving", "serve": [sys.executable, str(serve), "hanging"]},
        ],
        "machine_images": [{"image": EC2_IMAGE, "path": [str(Path(sys.executable).parent)]}],
    }
    containers = folder / "containers.json"
    containers.write_text(json.dumps(table))
    return containers


def clients_of(cloud: Cloud) -> Callable[..., Any]:
    """The root's boto3 clients, one a service."""

    @functools.cache
    def make(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # the name is a variable
            endpoint_url=cloud.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=cloud.root_key.access_key_id,
            aws_secret_access_key=cloud.root_key.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}),
        )

    return make


@contextmanager
def stage_on(client: Callable[..., Any], functions: SharedFunctions) -> Iterator[Stage]:
    """A stage whose endpoints go with it: their processes would stay as long as the cloud."""
    stage = Stage(client, functions)
    yield stage
    sagemaker = client("sagemaker")
    for endpoint in stage.standing()["endpoint"]:
        sagemaker.delete_endpoint(EndpointName=endpoint)
    stage.bench.close()


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    with cloud_of_small_programs(tmp_path_factory.mktemp("faults")) as make:
        yield make


@pytest.fixture(scope="session")
def functions(
    client: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedFunctions]:
    shared = SharedFunctions(client, tmp_path_factory.mktemp("answers"))
    yield shared
    shared.bench.close()


@pytest.fixture
def stage(client: Callable[..., Any], functions: SharedFunctions) -> Iterator[Stage]:
    with stage_on(client, functions) as stage:
        yield stage
