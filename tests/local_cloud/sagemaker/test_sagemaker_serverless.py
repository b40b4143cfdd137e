"""A serverless endpoint: a process with the first request, none without one, so many requests at once."""

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_cloud.service import AwsError
from tests.local_cloud.sagemaker.sagemaker_doubles import IMAGE, ROLE, FakeAws, ServiceApi
from tests.local_cloud.sagemaker.sagemaker_hosting import (
    answer,
    asked_at_once,
    aws_with_models,
    settled,
    started_sagemaker,
)
from tests.support.waiting import wait_until

SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 2}


def create_model(api: ServiceApi, name: str) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://data/{name}.tar.gz"}
    api.call("CreateModel", ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)


def create_config(api: ServiceApi, model: str, **variant: Any) -> None:
    production = {"VariantName": "AllTraffic", "ModelName": model, "ServerlessConfig": SERVERLESS, **variant}
    api.call("CreateEndpointConfig", EndpointConfigName=model, ProductionVariants=[production])


def serve(api: ServiceApi, model: str = "first") -> dict[str, Any]:
    create_model(api, model)
    create_config(api, model)
    api.call("CreateEndpoint", EndpointName="live", EndpointConfigName=model)
    return settled(api)


def test_it_is_described_without_instances(api: ServiceApi) -> None:
    endpoint = serve(api)
    (variant,) = endpoint["ProductionVariants"]
    assert endpoint["EndpointStatus"] == "InService"
    assert variant["CurrentServerlessConfig"] == variant["DesiredServerlessConfig"] == SERVERLESS
    assert not {"CurrentInstanceCount", "DesiredInstanceCount"} & variant.keys()
    config = api.call("DescribeEndpointConfig", EndpointConfigName="first")
    assert config["ProductionVariants"][0]["ServerlessConfig"] == SERVERLESS


def test_a_process_comes_with_the_first_request_and_ends_without_one(api: ServiceApi) -> None:
    before = set(psutil.Process().children(recursive=True))
    serve(api)
    assert set(psutil.Process().children(recursive=True)) == before
    process = psutil.Process(answer(api)["pid"])
    assert answer(api)["pid"] == process.pid
    wait_until(lambda: not process.is_running())
    assert answer(api)["pid"] != process.pid


def test_a_request_right_after_its_process_was_killed_starts_another(api: ServiceApi) -> None:
    serve(api)
    for _ in range(5):
        killed = psutil.Process(answer(api)["pid"])
        killed.kill()
        killed.wait()
        assert answer(api)["pid"] != killed.pid


def test_a_request_at_work_keeps_its_process(api: ServiceApi) -> None:
    serve(api)
    # Longer than a process may idle.
    process = json.loads(api.invoke("live", b"wait 1.2").body)["pid"]
    assert answer(api)["pid"] == process


def test_requests_beyond_the_concurrency_are_throttled(api: ServiceApi) -> None:
    serve(api)
    assert sorted(asked_at_once(api, 4)) == ["200"] * 2 + ["ThrottlingException"] * 2
    # Every place is free again.
    assert answer(api)["model"]


def test_a_container_that_does_not_start_is_a_model_error(api: ServiceApi) -> None:
    serve(api, "broken")
    for _ in range(3):
        reply = api.invoke("live")
        assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (424, "ModelError")


@pytest.mark.parametrize(
    ("variant", "sentence"),
    [
        ({"InstanceType": "ml.m5.large"}, "InstanceType and ServerlessConfig"),
        ({"InitialInstanceCount": 1}, "InitialInstanceCount and ServerlessConfig"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1536, "MaxConcurrency": 1}}, "1024, 2048"),
        ({"ServerlessConfig": {**SERVERLESS, "ProvisionedConcurrency": 1}}, "not available"),
    ],
    ids=str,
)
def test_what_aws_refuses_is_refused(api: ServiceApi, variant: dict[str, Any], sentence: str) -> None:
    create_model(api, "first")
    with pytest.raises(AwsError, match=sentence):
        create_config(api, "first", **variant)


def test_its_capacity_is_no_count_of_instances(api: ServiceApi) -> None:
    serve(api)
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}]
    with pytest.raises(AwsError, match="is serverless"):
        api.call(
            "UpdateEndpointWeightsAndCapacities", EndpointName="live", DesiredWeightsAndCapacities=wanted
        )


def test_it_is_served_again_after_a_restart(tmp_path: Path) -> None:
    aws: FakeAws = aws_with_models()
    with started_sagemaker(tmp_path, aws) as before:
        serve(ServiceApi(before))
        state = json.loads(json.dumps(before.get_state()))
    with started_sagemaker(tmp_path, aws) as after:
        after.restore(state)
        api = ServiceApi(after)
        assert settled(api)["ProductionVariants"][0]["CurrentServerlessConfig"] == SERVERLESS
        assert answer(api)["model"] == "first"
