"""A really started cloud, shared by every test that asks for it; and how long hypothesis looks."""

import functools
import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local_cloud import control
from local_cloud.control import Cloud
from tests.support import fuzzing
from tests.support.scheduling import Scheduling, slowest_first

# Read as torch is loaded: threads that wait for each other sleep, where other tests want the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Read as Powertools is loaded; a deployed function gets it from the template.
os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "dropserve")

# What the tests' own programs stand for.
CONTAINERS = {
    "containers": [
        {"image": "dropserve-train", "train": [str(Path(sys.executable).with_name("train"))]},
    ],
    "machine_images": [{"image": "pytorch-ami", "path": [str(Path(sys.executable).parent)]}],
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        fuzzing.OPTION,
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="repeat each test of hypothesis for so long, with random examples",
    )


def pytest_configure(config: pytest.Config) -> None:
    fuzzing.choose_profile(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slowest_first(items)


def pytest_collection_finish() -> None:
    """What every import left stays to the end: the collector need not look at a million objects again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    return fuzzing.repeat(pyfuncitem)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud on a free port, with an empty state folder of its own."""
    folder = tmp_path_factory.mktemp("cloud")
    containers = folder / "containers.json"
    containers.write_text(json.dumps(CONTAINERS))
    yield control.start(folder / "state", port=0, containers=containers)
    control.stop(folder / "state")


@pytest.fixture(scope="session")
def cloud_client(cloud: Cloud) -> Callable[..., Any]:
    """Gives boto3 clients of the cloud: `cloud_client("s3")`; the caller is the account's root."""

    @functools.cache
    def client(service: str, of: Cloud = cloud, config: Config | None = None) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # the name is a variable
            endpoint_url=of.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=of.root_key.access_key_id,
            aws_secret_access_key=of.root_key.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=120).merge(config or Config()),
        )

    return client
