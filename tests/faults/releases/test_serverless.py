"""A serverless endpoint goes the way of every other one, without instances and without scaling."""

import json
from typing import Any

import pytest

from tests.faults.support.workflow_stage import NOTHING, only

pytestmark = pytest.mark.cloud

NO_SCALING: dict[str, list[str]] = {"scaling target": []}


def serverless_config(stage: Any, release: str) -> Any:
    endpoint = stage.client("sagemaker").describe_endpoint(EndpointName=release)
    return endpoint["ProductionVariants"][0].get("CurrentServerlessConfig")


def test_a_release_without_instances_has_no_scaling_target(stage: Any) -> None:
    stage.serve_without_instances()
    run = stage.run()
    release = run.item["release"]
    assert run.item["status"] == "live"
    assert stage.standing() == only(release) | NO_SCALING
    assert serverless_config(stage, release) == {"MemorySizeInMB": 2048, "MaxConcurrency": 3}


def test_it_is_replaced_by_instances_and_replaces_them(stage: Any) -> None:
    stage.run(MinInstances="2")
    stage.serve_without_instances()
    second = stage.run().item["release"]
    assert stage.standing() == only(second) | NO_SCALING
    stage.change("PlanTrainingFunction", endpoint_kind="instances")
    third = stage.run().item["release"]
    assert stage.standing() == only(third)
    assert serverless_config(stage, third) is None


def test_a_pause_and_a_resume_keep_the_kind_of_the_release(stage: Any) -> None:
    stage.serve_without_instances()
    release = stage.run().item["release"]
    stage.ended(stage.start({"action": "pause"}, as_it_is=True))
    assert stage.standing()["endpoint"] == []
    resumed = stage.ended(stage.start({"action": "resume"}, as_it_is=True))
    assert resumed.item["status"] == "resumed"
    assert stage.standing() == only(release) | NO_SCALING
    assert serverless_config(stage, release)


def test_one_that_fails_half_way_leaves_nothing(stage: Any) -> None:
    stage.serve_without_instances()
    stage.change("AcceptModelFunction", **{"raise": "it answers otherwise"})
    assert stage.run().item["status"] == "failed"
    assert stage.standing() == NOTHING


def test_memory_that_sagemaker_refuses_is_told(stage: Any) -> None:
    stage.serve_without_instances()
    stage.change("PlanTrainingFunction", serverless_memory_mb=1500)
    run = stage.run()
    assert run.item["status"] == "failed"
    assert "MemorySizeInMB" in run.item["reason"]
    assert stage.standing() == NOTHING


def test_the_inference_function_waits_for_the_container_that_a_request_starts(stage: Any) -> None:
    stage.use_real("inference", ALLOWED_PRIVATE_HOSTS="127.0.0.1")
    stage.serve_without_instances()
    stage.let_training_learn("cat", "dog")
    stage.change("PlanTrainingFunction", hyperparameters={"classes": json.dumps(["cat", "dog"])})
    assert stage.run().item["status"] == "live"
    question = {"image": PICTURE}
    answer = stage.client("lambda").invoke(
        FunctionName=f"{stage.inference}:live", Payload=json.dumps(question)
    )
    reply = json.loads(answer["Payload"].read())
    assert reply["statusCode"] == 200, reply
    assert json.loads(reply["body"])["predictions"][0]["label"] == "dog"


# A GIF of one pixel, in base64.
PICTURE = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
