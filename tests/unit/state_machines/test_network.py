"""What each call is told of a VPC: its arguments, as the workflow computes them from a plan."""

from typing import Any

import pytest
from jsonata import Jsonata

from state_machines.training_pipeline import training_pipeline

STATES: dict[str, Any] = training_pipeline()["States"]
VPC = {"Subnets": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0c"]}
JOBS = ("Train on SageMaker", "Train on demand")


def arguments(task: str, **plan: Any) -> dict[str, Any]:
    variables = {
        "plan": {
            "plan_uri": "s3://data/plan.json",
            "stopping_condition": {"MaxRuntimeInSeconds": 60},
            "endpoint_kind": "instances",
            **plan,
        },
        "settings": {"ec2_user_data": ["#!/bin/bash"]},
        "run": {"id": "1"},
        "release_name": "dropserve-1",
        "states": {"context": {"State": {"RetryCount": 0}, "Task": {"Token": "token"}}},
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


def test_an_instance_of_ec2_starts_in_the_first_subnet() -> None:
    given = arguments("Train on EC2", vpc_config=VPC)
    assert (given["SubnetId"], given["SecurityGroupIds"]) == ("subnet-0a", ["sg-0c"])
    assert not {"SubnetId", "SecurityGroupIds"} & arguments("Train on EC2").keys()
