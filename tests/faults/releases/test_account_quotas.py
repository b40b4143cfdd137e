"""Runs in an account whose quotas have no room, for a training or for as many instances as serve now."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local_cloud.services.service_quotas.catalogue import NEW_ACCOUNT, find_quota
from tests.faults.conftest import cloud_of_small_programs, stage_on
from tests.faults.support.workflow_stage import SharedFunctions, Stage, only

pytestmark = pytest.mark.cloud

# A new account may have two of it for endpoints, and trains nowhere.
TYPE = "ml.m6g.large"


@pytest.fixture(scope="module")
def new_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Clients of a cloud whose account is new, but for one training and three endpoint instances."""
    with cloud_of_small_programs(tmp_path_factory.mktemp("new-account"), NEW_ACCOUNT) as client:
        raise_quota(client, "ml.m5.large for training job usage", 1)
        raise_quota(client, f"{TYPE} for endpoint usage", 3)
        yield client


def raise_quota(client: Callable[..., Any], name: str, value: float) -> None:
    code = find_quota("sagemaker", name).code
    client("service-quotas").request_service_quota_increase(
        ServiceCode="sagemaker", QuotaCode=code, DesiredValue=value
    )


@pytest.fixture
def small_stage(new_account: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage whose first release serves on two of the three instances."""
    functions = SharedFunctions(new_account, tmp_path_factory.mktemp("answers"))
    with stage_on(new_account, functions) as stage:
        stage.change("PlanTrainingFunction", endpoint_instance_type=TYPE)
        assert stage.run(MinInstances="2").item["status"] == "live"
        yield stage
    functions.bench.close()


def test_without_room_for_as_many_it_starts_with_the_minimum(small_stage: Stage) -> None:
    first = small_stage.live()["release"]
    second = small_stage.run(MinInstances="1")
    assert (second.status, second.item["status"]) == ("SUCCEEDED", "live")
    assert second.item["release"] != first
    assert small_stage.standing() == only(second.item["release"])
    assert second.states.count("Create endpoint") == 2
    endpoint = small_stage.client("sagemaker").describe_endpoint(EndpointName=second.item["release"])
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 1


def test_without_room_for_the_minimum_what_served_serves_on(small_stage: Stage) -> None:
    first = small_stage.live()["release"]
    second = small_stage.run(MinInstances="2")
    assert second.status == "FAILED"
    assert f"'{TYPE} for endpoint usage' is 3 Instances" in second.item["reason"]
    assert "with current utilization of 2 Instances and a request delta of 2" in second.item["reason"]
    assert second.states.count("Create endpoint") == 1
    assert small_stage.live()["release"] == first
    assert small_stage.standing() == only(first)


def test_a_training_waits_until_the_quota_has_room(small_stage: Stage) -> None:
    small_stage.let_training_sleep(8, stopping_condition={"MaxRuntimeInSeconds": 60})
    small_stage.change("JudgeModelFunction", promote=False, status="champion_kept", reason="not better")
    runs = [small_stage.start() for _ in range(3)]
    ended = [small_stage.ended(run) for run in runs]
    assert [each.item["status"] for each in ended] == ["champion_kept"] * 3
    sagemaker = small_stage.client("sagemaker")
    times = sorted(
        (job["TrainingStartTime"], job["TrainingEndTime"])
        for each in ended
        for job in [sagemaker.describe_training_job(TrainingJobName=f"{small_stage.name}-{each.run_id}-0")]
    )
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(times))
