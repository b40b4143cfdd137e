"""Every way that a run of the workflow ends, and what it leaves behind."""

from typing import Any

import pytest

from tests.faults.support.workflow_stage import NOTHING, only
from tests.support.waiting import wait_until

pytestmark = pytest.mark.cloud


def test_a_good_run_goes_live_and_frees_the_lock(stage: Any) -> None:
    stage.use_real("set_concurrency")
    run = stage.run()
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "live")
    assert stage.live()["release"] == run.item["release"] == f"{stage.name}-{run.run_id}"
    assert stage.standing() == only(run.item["release"])
    assert stage.item("deploy-lock")["holder"] == "nobody"
    assert (run.item["source"], run.item["backend"], run.item["accuracy"]) == ("manual", "sagemaker", "0.9")
    concurrency = stage.client("lambda").get_function_concurrency(FunctionName=stage.inference)
    assert concurrency["ReservedConcurrentExecutions"] == 2
    provisioned = stage.client("lambda").get_provisioned_concurrency_config(
        FunctionName=stage.inference, Qualifier="live"
    )
    assert (provisioned["RequestedProvisionedConcurrentExecutions"], provisioned["Status"]) == (1, "READY")


def test_a_second_release_replaces_the_first(stage: Any) -> None:
    first, second = stage.run(), stage.run()
    assert second.item["status"] == "live"
    assert stage.item(first.run_id)["status"] == "replaced"
    assert stage.standing() == only(second.item["release"])
    assert second.states.index("Switch live endpoint") < second.states.index("Delete previous endpoint")


def test_the_new_endpoint_starts_as_large_as_the_old_one(stage: Any) -> None:
    first = stage.run(MinInstances="2")
    second = stage.run(MinInstances="1")
    endpoint = stage.client("sagemaker").describe_endpoint(EndpointName=second.item["release"])
    assert "Describe live endpoint" in second.states
    assert endpoint["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert first.item["status"] == "live"


@pytest.mark.parametrize("lost", ["endpoint", "configuration", "model server"])
def test_a_live_endpoint_that_is_lost_does_not_stop_the_next_release(stage: Any, lost: str) -> None:
    release, sagemaker = stage.run().item["release"], stage.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName=release)
    if lost == "configuration":
        sagemaker.delete_endpoint_config(EndpointConfigName=release)
    if lost == "model server":
        _stand_broken(stage, release)
    second = stage.run()
    assert (second.status, second.item["status"]) == ("SUCCEEDED", "live")
    assert stage.live()["release"] == second.item["release"]
    assert stage.standing()["endpoint"] == [second.item["release"]]


def _stand_broken(stage: Any, release: str) -> None:
    """An endpoint of that name whose model cannot be loaded, as after a restart without its archive."""
    sagemaker, broken = stage.client("sagemaker"), f"{release}-broken"
    model = sagemaker.describe_model(ModelName=release)
    container = {**model["PrimaryContainer"], "Image": "broken-serving:1"}
    sagemaker.create_model(
        ModelName=broken, ExecutionRoleArn=model["ExecutionRoleArn"], PrimaryContainer=container
    )
    variant = {"VariantName": "AllTraffic", "ModelName": broken, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=broken, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=release, EndpointConfigName=broken)
    wait_until(lambda: sagemaker.describe_endpoint(EndpointName=release)["EndpointStatus"] == "Failed")


def test_a_duplicate_event_trains_once(stage: Any) -> None:
    event = {"source": "drop", "idempotency_token": "one-run-a-version", "version_id": "v1"}
    first, again = stage.run(event), stage.run(event)
    assert (first.item["source"], first.item["status"]) == ("drop", "live")
    assert again.status == "SUCCEEDED"
    assert again.states[-2:] == ["Record duplicate", "Drop already handled"]
    duplicate = stage.item(again.execution.rsplit(":", 1)[1])
    assert (duplicate["status"], duplicate["duplicate_of"]) == ("duplicate", first.run_id)


def test_an_event_that_cannot_claim_its_drop_leaves_the_run_of_the_first_one_alone(stage: Any) -> None:
    event = {"source": "drop", "idempotency_token": "one-run-a-version", "version_id": "v1"}
    stage.let_training_sleep(20)
    first = stage.start(event)
    stage.until_trains()
    stage.arguments["Claim drop"] = {"TableName": "no-such-table", "Item": {"run_id": {"S": "1"}}}
    again = stage.run(event)
    assert again.states[-4:] == [
        "Read claim failure",
        "Record outcome",
        "Record duplicate",
        "Drop already handled",
    ]
    assert not [state for state in again.states if "training" in state or "candidate" in state]
    assert stage.item_of(first)["status"] == "running"
    assert (stage.ended(first).item["status"], again.item["status"]) == ("live", "duplicate")


@pytest.mark.parametrize("function", ["InspectDatasetFunction", "PlanTrainingFunction"])
def test_a_refusal_ends_as_rejected_before_anything_is_paid_for(stage: Any, function: str) -> None:
    stage.change(function, accepted=False, reason="only one class")
    run = stage.run()
    assert run.status == "SUCCEEDED"
    assert (run.item["status"], run.item["reason"]) == ("rejected", "only one class")
    assert "Train on SageMaker" not in run.states


def test_a_worse_model_leaves_the_champion(stage: Any) -> None:
    live = stage.run().item["release"]
    stage.change("JudgeModelFunction", promote=False, status="champion_kept", reason="not better")
    run = stage.run()
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "champion_kept")
    assert stage.live()["release"] == live
    assert stage.standing() == only(live)


def test_a_failed_training_leaves_nothing_and_says_why(stage: Any) -> None:
    stage.let_training_fail("the photos are of another planet")
    run = stage.run()
    assert (run.status, run.item["status"]) == ("FAILED", "failed")
    assert run.item["reason"] == "training failed: the photos are of another planet"
    assert stage.standing() == NOTHING
    assert stage.live() == {}


def test_before_a_release_was_begun_nothing_of_it_is_looked_for(stage: Any) -> None:
    stage.let_training_fail("the photos are of another planet")
    run = stage.run()
    assert run.item["status"] == "failed"
    assert not [state for state in run.states if "candidate" in state]
    stage.change("PlanTrainingFunction", **stage.plan(serving_image_uri="broken-serving"))
    assert "Delete candidate endpoint" in stage.run().states


def test_an_endpoint_that_cannot_be_described_is_deleted_all_the_same(stage: Any) -> None:
    stage.arguments["Describe candidate endpoint"] = {"EndpointName": "no/name"}
    stage.change("AcceptModelFunction", **{"raise": "it answers otherwise"})
    run = stage.run()
    assert run.item["status"] == "failed"
    assert "Create endpoint" in run.states
    assert stage.standing() == NOTHING


def test_the_logs_of_an_endpoint_expire(stage: Any) -> None:
    release = stage.run().item["release"]
    name = f"/aws/sagemaker/Endpoints/{release}"
    (group,) = stage.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["retentionInDays"] == 30


def test_a_stopped_training_says_that_it_was_stopped(stage: Any) -> None:
    stage.let_training_sleep()
    execution = stage.start()
    job = stage.until_trains()
    stage.client("sagemaker").stop_training_job(TrainingJobName=job)
    run = stage.ended(execution)
    assert (run.status, run.item["status"]) == ("FAILED", "failed")
    assert run.item["reason"].startswith("the training job was stopped: somebody stopped it")


def test_a_training_that_times_out_says_so(stage: Any) -> None:
    stage.let_training_sleep(stopping_condition={"MaxRuntimeInSeconds": 1})
    run = stage.run()
    assert run.item["status"] == "failed"
    assert run.item["reason"].startswith("the training job was stopped: it ran longer than its time limit")


@pytest.mark.parametrize("findings", ["", "3 of 16 photos looked at are no images"])
def test_the_notification_has_the_reason_and_what_was_found_in_the_drop(stage: Any, findings: str) -> None:
    queue = stage.subscribed_queue()
    stage.change("InspectDatasetFunction", findings=findings)
    stage.let_training_fail("the photos are of another planet")
    run = stage.run()
    subject, text = stage.notification(queue)
    assert subject == "dropserve: failed"
    assert text.startswith(f"Run {run.run_id} of s3://{stage.name}/drops/dogs.zip ended as failed: ")
    assert "training failed: the photos are of another planet" in text
    assert text.endswith(f" - Found in the drop: {findings}") if findings else "Found in" not in text


def test_words_of_the_drop_are_not_taken_for_a_lack_of_spot_capacity(stage: Any) -> None:
    key = "drops/CapacityError Interrupted MaxWaitTimeExceeded.zip"
    stage.client("s3").put_object(Bucket=stage.name, Key=key, Body=b"photos")
    stage.let_training_fail("the photos are of another planet", **SPOT)
    stage.let_training_read(key)
    assert stage.run().item["status"] == "failed"
    assert len(stage.training_jobs()) == 1


SPOT = {
    "use_spot": True,
    "stopping_condition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
}


def test_training_without_spot_capacity_goes_on_demand(stage: Any) -> None:
    stage.let_training_fail("CapacityError: unable to provision the instance", **SPOT)
    run = stage.run()
    assert run.item["status"] == "live"
    assert run.states.count("Train on demand") == 1
    names = {each["TrainingJobName"] for each in stage.training_jobs()}
    assert names == {f"{run.item['release']}-0", f"{run.item['release']}-demand-0"}


def test_a_failed_training_on_spot_is_not_paid_for_twice(stage: Any) -> None:
    stage.let_training_fail("the photos are of another planet", **SPOT)
    run = stage.run()
    assert run.item["status"] == "failed"
    assert len(stage.training_jobs()) == 1


def test_without_spot_a_lack_of_capacity_fails(stage: Any) -> None:
    stage.let_training_fail("CapacityError: unable to provision the instance")
    assert stage.run().item["status"] == "failed"
    assert len(stage.training_jobs()) == 1


def test_a_function_that_raises_fails_the_run_with_its_message(stage: Any) -> None:
    stage.change("JudgeModelFunction", **{"raise": "metrics.json is damaged"})
    run = stage.run()
    assert (run.status, run.item["status"]) == ("FAILED", "failed")
    assert run.item["reason"] == "RuntimeError: metrics.json is damaged"


def test_an_endpoint_that_does_not_come_up_is_torn_down(stage: Any) -> None:
    stage.change("PlanTrainingFunction", serving_image_uri="broken-serving")
    run = stage.run()
    assert run.item["status"] == "failed"
    assert "EndpointFailed" in run.item["reason"]
    assert stage.standing() == NOTHING
    assert stage.item("deploy-lock")["holder"] == "nobody"


def test_a_blocking_audit_tears_the_candidate_down_and_the_old_release_serves_on(stage: Any) -> None:
    live = stage.run().item["release"]
    stage.change("IamAuditFunction", blocked=True, reason="AdministratorAccess on a role of the pipeline")
    run = stage.run()
    assert (run.status, run.item["status"]) == ("FAILED", "blocked")
    assert run.item["reason"] == "AdministratorAccess on a role of the pipeline"
    assert "Accept model" not in run.states
    assert stage.live()["release"] == live
    assert stage.standing() == only(live)


def test_an_account_with_little_concurrency_is_left_as_it_is(stage: Any) -> None:
    stage.use_real("set_concurrency", RESERVED_CONCURRENCY="950")
    run = stage.run()
    assert run.item["status"] == "live"
    assert "; no concurrency is reserved: of the account's 1000 executions" in run.item["reason"]
    assert "ReservedConcurrentExecutions" not in stage.client("lambda").get_function_concurrency(
        FunctionName=stage.inference
    )
