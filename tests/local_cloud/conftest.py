"""The bench of the local cloud's tests, and a SageMaker of one's own with models to host."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.control import Cloud
from local_cloud.services.sagemaker.service import SageMaker
from tests.local_cloud.request_auth.auth_victim import Victim, make_victim
from tests.local_cloud.sagemaker.sagemaker_doubles import FakeAws, ServiceApi
from tests.local_cloud.sagemaker.sagemaker_hosting import aws_with_models, started_sagemaker
from tests.support.cloud_bench import Bench


@pytest.fixture(scope="session")
def bench(cloud_client: Callable[..., Any]) -> Bench:
    return Bench(cloud_client)


@pytest.fixture
def aws() -> FakeAws:
    return aws_with_models()


@pytest.fixture
def sagemaker(tmp_path: Path, aws: FakeAws) -> Iterator[SageMaker]:
    with started_sagemaker(tmp_path, aws) as service:
        yield service


@pytest.fixture
def api(sagemaker: SageMaker) -> ServiceApi:
    return ServiceApi(sagemaker)


@pytest.fixture(scope="session")
def victim(
    cloud: Cloud, cloud_client: Callable[..., Any], bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> Victim:
    return make_victim(cloud, cloud_client, bench, tmp_path_factory.mktemp("traces"))


@pytest.fixture
def nothing_happens(victim: Victim) -> Iterator[None]:
    """Nothing that the test did has left a trace."""
    before = victim.traces()
    yield
    assert victim.traces() == before
