"""What a plan says of the network reaches SageMaker, and nothing is said where there is no VPC."""

from typing import Any

import pytest

pytestmark = pytest.mark.cloud


@pytest.fixture
def vpc(stage: Any) -> dict[str, list[str]]:
    """VpcConfig of the default VPC."""
    ec2 = stage.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])
    group = groups["SecurityGroups"][0]["GroupId"]
    return {"Subnets": [subnet["SubnetId"]], "SecurityGroupIds": [group]}


def network_of(stage: Any, release: str) -> list[tuple[Any, bool]]:
    """VpcConfig and isolation: of the training job, then of the model."""
    sagemaker = stage.client("sagemaker")
    (job,) = stage.training_jobs()
    described = (
        sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"]),
        sagemaker.describe_model(ModelName=release),
    )
    return [(each.get("VpcConfig"), each["EnableNetworkIsolation"]) for each in described]


def test_training_and_model_get_the_plans_vpc(stage: Any, vpc: dict[str, list[str]]) -> None:
    stage.change("PlanTrainingFunction", vpc_config=vpc, network_isolation=True)
    run = stage.run()
    assert run.item["status"] == "live"
    assert network_of(stage, run.item["release"]) == [(vpc, True), (vpc, True)]


def test_without_a_vpc_none_is_named_and_the_model_is_isolated_all_the_same(stage: Any) -> None:
    run = stage.run()
    assert run.item["status"] == "live"
    assert network_of(stage, run.item["release"]) == [(None, False), (None, True)]


def test_a_serverless_endpoint_stays_outside(stage: Any, vpc: dict[str, list[str]]) -> None:
    stage.serve_without_instances()
    stage.change("PlanTrainingFunction", vpc_config=vpc, network_isolation=True)
    run = stage.run()
    assert run.item["status"] == "live"
    assert network_of(stage, run.item["release"]) == [(vpc, True), (None, False)]
