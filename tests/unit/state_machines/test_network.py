"""What each call is told of VPC and key: its arguments, as the workflow computes them from a plan."""

from typing import Any

import pytest
from jsonata import Jsonata

from state_machines.training_pipeline import training_pipeline

STATES: dict[str, Any] = training_pipeline()["States"]
VPC = {"Subnets": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0c"]}
JOBS = ("Train on SageMaker", "Train on demand")


KEY = "arn:aws:kms:us-east-1:111122223333:key/0123abcd"


def arguments(task: str, *, key: str = "", waits: int = 0, retries: int = 0, **plan: Any) -> dict[str, Any]:
    variables = {
        "plan": {
            "plan_uri": "s3://data/plan.json",
            "stopping_condition": {"MaxRuntimeInSeconds": 60},
            "endpoint_kind": "instances",
            **plan,
        },
        "settings": {"ec2_user_data": ["#!/bin/bash"], "kms_key_arn": key},
        "run": {"id": "1"},
        "release_name": "dropserve-1",
        "training_job_try": 0,
        "capacity_waits": waits,
        "states": {"context": {"State": {"RetryCount": retries}, "Task": {"Token": "token"}}},
    }
    expression = Jsonata.jsonata(STATES[task]["Arguments"][2:-2].strip())
    for name, value in variables.items():
        expression.assign(name, value)
    given: dict[str, Any] = expression.evaluate(None)
    return given


@pytest.mark.parametrize("task", [*JOBS, "Create model"])
def test_sagemaker_is_told_of_a_vpc_where_there_is_one(task: str) -> None:
    assert arguments(task, vpc_config=VPC)["VpcConfig"] == VPC
    assert "VpcConfig" not in arguments(task)


@pytest.mark.parametrize("task", JOBS)
@pytest.mark.parametrize("isolated", [True, False])
def test_a_training_is_isolated_where_its_plan_says_so(task: str, isolated: bool) -> None:
    assert arguments(task, network_isolation=isolated)["EnableNetworkIsolation"] is isolated


def test_the_model_of_a_serverless_endpoint_has_neither() -> None:
    given = arguments("Create model", vpc_config=VPC, endpoint_kind="serverless")
    assert "VpcConfig" not in given
    assert given["EnableNetworkIsolation"] is False
    assert arguments("Create model")["EnableNetworkIsolation"] is True


def test_each_try_of_an_instance_has_a_token_of_its_own_and_the_next_subnet() -> None:
    tries = [
        arguments("Train on EC2", vpc_config=VPC, waits=waits, retries=retries)
        for waits in range(3)
        for retries in range(5)
    ]
    assert [given["SubnetId"] for given in tries] == [VPC["Subnets"][number % 2] for number in range(15)]
    assert [given["ClientToken"] for given in tries] == [f"dropserve-1-{number}" for number in range(15)]
    assert tries[0]["SecurityGroupIds"] == ["sg-0c"]
    assert not {"SubnetId", "SecurityGroupIds"} & arguments("Train on EC2").keys()


@pytest.mark.parametrize("task", JOBS)
def test_output_and_volume_of_a_training_are_under_the_key(task: str) -> None:
    given = arguments(task, key=KEY, output_uri="s3://data/runs", local_storage=False)
    assert given["OutputDataConfig"] == {"S3OutputPath": "s3://data/runs", "KmsKeyId": KEY}
    assert given["ResourceConfig"]["VolumeKmsKeyId"] == KEY
    local = arguments(task, key=KEY, local_storage=True)
    assert "VolumeKmsKeyId" not in local["ResourceConfig"]
    assert local["OutputDataConfig"]["KmsKeyId"] == KEY


@pytest.mark.parametrize(
    "task", ["Create endpoint configuration", "Create endpoint log group", "Create endpoint log group again"]
)
def test_the_endpoints_volume_and_log_are_under_the_key(task: str) -> None:
    assert arguments(task, key=KEY)["KmsKeyId"] == KEY


def test_the_volume_of_an_instance_of_ec2_is_under_the_key() -> None:
    (volume,) = arguments("Train on EC2", key=KEY)["BlockDeviceMappings"]
    assert (volume["Ebs"]["KmsKeyId"], volume["Ebs"]["Encrypted"]) == (KEY, True)


@pytest.mark.parametrize(
    "task", [*JOBS, "Create endpoint configuration", "Create endpoint log group", "Train on EC2"]
)
def test_without_a_key_none_is_named(task: str) -> None:
    assert "KmsKeyId" not in str(arguments(task, local_storage=False))
