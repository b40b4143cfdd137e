"""A paused deployment has no endpoint and pays for no concurrency; resume, or a release, ends the pause."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.support.workflow_stage import only
from tests.support.waiting import wait_until

pytestmark = pytest.mark.cloud

PAUSE, RESUME = {"action": "pause"}, {"action": "resume"}
GONE: dict[str, list[str]] = {"endpoint": [], "scaling target": []}


@pytest.fixture
def live(stage: Any) -> Iterator[str]:
    """The release that is live; its concurrency is set by the real function."""
    stage.use_real("set_concurrency")
    yield stage.run().item["release"]


def act(stage: Any, action: dict[str, str], **parameters: str) -> Any:
    return stage.ended(stage.start(action, as_it_is=True, **parameters))


def provisioned(stage: Any) -> int:
    functions = stage.client("lambda")
    try:
        found = functions.get_provisioned_concurrency_config(FunctionName=stage.inference, Qualifier="live")
    except functions.exceptions.ProvisionedConcurrencyConfigNotFoundException:
        return 0
    return int(found["RequestedProvisionedConcurrentExecutions"])


def is_paused(stage: Any, release: str) -> bool:
    """Nothing is paid for, and all that the release needs to come back is there."""
    assert stage.standing() == only(release) | GONE
    assert provisioned(stage) == 0
    assert stage.item("deploy-lock")["holder"] == "nobody"
    return stage.live()["release"] == release and bool(stage.live()["paused_at"])


def serves(stage: Any, release: str) -> bool:
    assert stage.standing() == only(release)
    assert provisioned(stage) == 1
    assert stage.item("deploy-lock")["holder"] == "nobody"
    assert "paused_at" not in stage.live()
    return bool(stage.live()["release"] == release)


def test_a_pause_takes_away_what_is_paid_by_the_hour_and_a_resume_brings_it_back(
    stage: Any, live: str
) -> None:
    before = stage.live()

    paused = act(stage, PAUSE)

    assert (paused.status, paused.item["status"], paused.item["source"]) == ("SUCCEEDED", "paused", "pause")
    assert is_paused(stage, live)
    assert paused.states.index("Mark as paused") < paused.states.index("Delete endpoint to pause")

    resumed = act(stage, RESUME)

    assert (resumed.status, resumed.item["status"]) == ("SUCCEEDED", "resumed")
    assert serves(stage, live)
    assert stage.live() == before
    endpoint = stage.client("sagemaker").describe_endpoint(EndpointName=live)
    assert (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", live)
    (policy,) = [
        each
        for each in stage.client("application-autoscaling").describe_scaling_policies(
            ServiceNamespace="sagemaker"
        )["ScalingPolicies"]
        if live in each["ResourceId"]
    ]
    assert policy["PolicyType"] == "TargetTrackingScaling"
    # Known photos are asked about before anybody else is answered.
    assert resumed.states.index("Accept model again") < resumed.states.index("Mark as resumed")


def test_both_may_be_asked_for_twice(stage: Any, live: str) -> None:
    act(stage, PAUSE)
    since = stage.live()["paused_at"]
    assert act(stage, PAUSE).item["status"] == "paused"
    assert is_paused(stage, live)
    assert stage.live()["paused_at"] == since
    act(stage, RESUME)
    again = act(stage, RESUME)
    assert (again.item["status"], "Create endpoint again" in again.states) == ("resumed", False)
    assert serves(stage, live)


@pytest.mark.parametrize("action", [PAUSE, RESUME])
def test_before_the_first_release_there_is_nothing_to_pause(stage: Any, action: dict[str, str]) -> None:
    run = act(stage, action)
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "rejected")
    assert run.item["reason"].startswith("no model is live")
    assert stage.live() == {}


def test_a_drop_ends_the_pause(stage: Any, live: str) -> None:
    act(stage, PAUSE)
    run = stage.run()
    assert run.item["status"] == "live"
    assert serves(stage, run.item["release"])
    assert stage.item(live.rpartition("-")[2])["status"] == "replaced"


def test_a_release_that_fails_leaves_a_paused_deployment_paused(stage: Any, live: str) -> None:
    act(stage, PAUSE)
    stage.change("IamAuditFunction", blocked=True, reason="AdministratorAccess on a role of the pipeline")
    assert stage.run().item["status"] == "blocked"
    assert is_paused(stage, live)


def test_a_resume_whose_endpoint_answers_otherwise_ends_paused(stage: Any, live: str) -> None:
    act(stage, PAUSE)
    stage.change("AcceptModelFunction", **{"raise": "it answers otherwise"})
    failed = act(stage, RESUME)
    assert (failed.status, failed.item["status"]) == ("FAILED", "failed")
    assert "it answers otherwise" in failed.item["reason"]
    assert is_paused(stage, live)
    stage.answers["AcceptModelFunction"] = {"summary": "as in training"}
    assert act(stage, RESUME).item["status"] == "resumed"
    assert serves(stage, live)


def test_a_resume_that_nobody_needed_takes_nothing_down(stage: Any, live: str) -> None:
    stage.change("AcceptModelFunction", **{"raise": "it answers otherwise"})
    assert act(stage, RESUME).item["status"] == "failed"
    assert serves(stage, live)


def test_an_endpoint_that_does_not_come_up_again_is_paid_for_no_more(stage: Any, live: str) -> None:
    act(stage, PAUSE)
    stage.client("sagemaker").delete_endpoint_config(EndpointConfigName=live)
    failed = act(stage, RESUME)
    assert failed.item["status"] == "failed"
    assert (stage.standing()["endpoint"], provisioned(stage)) == ([], 0)
    assert stage.live()["paused_at"]
    assert act(stage, PAUSE).item["status"] == "paused"


def test_a_resume_replaces_an_endpoint_that_failed(stage: Any, live: str) -> None:
    act(stage, PAUSE)
    sagemaker = stage.client("sagemaker")
    model = sagemaker.describe_model(ModelName=live)
    sagemaker.create_model(
        ModelName=f"{live}-broken",
        ExecutionRoleArn=model["ExecutionRoleArn"],
        PrimaryContainer={**model["PrimaryContainer"], "Image": "broken-serving:1"},
    )
    variant = {"VariantName": "AllTraffic", "ModelName": f"{live}-broken", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=f"{live}-broken", ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=live, EndpointConfigName=f"{live}-broken")
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=live)["EndpointStatus"] == "Failed")

    assert act(stage, RESUME).item["status"] == "resumed"
    assert sagemaker.describe_endpoint(EndpointName=live)["EndpointConfigName"] == live


@pytest.mark.parametrize("state", ["Drain endpoint to pause", "Wait for endpoint to go"])
def test_a_pause_that_was_stopped_is_finished_by_the_clean_up(stage: Any, live: str, state: str) -> None:
    stopped = stage.stopped_at(state, PAUSE, as_it_is=True, DrainSeconds="5", PollSeconds="3")
    assert stage.clean_up(stopped).status == "SUCCEEDED"
    assert stage.item_of(stopped)["status"] == "failed"
    assert is_paused(stage, live)


def test_a_resume_that_was_stopped_is_paused_again_by_the_clean_up(stage: Any, live: str) -> None:
    act(stage, PAUSE)
    stage.change("AcceptModelFunction", sleep_s=3)
    stopped = stage.stopped_at("Accept model again", RESUME, as_it_is=True)
    assert stage.standing()["endpoint"] == [live]
    stage.clean_up(stopped)
    assert is_paused(stage, live)


def test_the_clean_up_leaves_alone_what_was_resumed_meanwhile(stage: Any, live: str) -> None:
    act(stage, PAUSE)
    stage.change("AcceptModelFunction", sleep_s=3)
    stopped = stage.stopped_at("Accept model again", RESUME, as_it_is=True)
    stage.change("AcceptModelFunction", sleep_s=0)
    assert act(stage, RESUME).item["status"] == "resumed"
    stage.clean_up(stopped)
    assert serves(stage, live)


def test_a_pause_waits_for_a_run_that_deploys(stage: Any, live: str) -> None:
    stage.change("IamAuditFunction", sleep_s=4)
    deploying = stage.start()
    stage.until_entered(deploying, "Audit IAM")
    paused = act(stage, PAUSE)
    assert "Wait for deploy lock to pause" in paused.states
    release = stage.ended(deploying).item["release"]
    assert release != live
    assert is_paused(stage, release)


def test_an_endpoint_that_cannot_be_deleted_is_said(stage: Any, live: str) -> None:
    stage.arguments["Delete endpoint to pause"] = {"EndpointName": "no-such"}
    failed = act(stage, PAUSE, PollLimit="2")
    assert (failed.status, failed.item["status"]) == ("FAILED", "failed")
    assert "end of the endpoint" in failed.item["reason"]
    stage.arguments.clear()
    assert act(stage, RESUME).item["status"] == "resumed"
    assert serves(stage, live)


def test_concurrency_that_stays_is_said(stage: Any, live: str) -> None:
    stage.real_functions["SetConcurrencyFunction"] = stage.function({"raise": "denied"})
    failed = act(stage, PAUSE)
    assert (failed.status, failed.item["status"]) == ("FAILED", "failed")
    assert "the provisioned concurrency stays" in failed.item["reason"]
    stage.use_real("set_concurrency")
    act(stage, PAUSE)
    assert is_paused(stage, live)


def test_callers_of_a_paused_deployment_are_told_what_to_do(stage: Any) -> None:
    stage.use_real("inference")
    stage.run()
    act(stage, PAUSE)
    answer = stage.client("lambda").invoke(
        FunctionName=f"{stage.inference}:live", Payload=json.dumps({"url": "https://example.com/dog.jpg"})
    )
    reply = json.loads(answer["Payload"].read())
    problem = json.loads(reply["body"])
    assert (reply["statusCode"], problem["code"]) == (503, "paused")
    assert "`dropserve resume`" in problem["detail"]
