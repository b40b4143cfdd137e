"""An execution that was stopped, or failed where nothing catches it, leaves nothing half done."""

from typing import Any

import pytest

from tests.faults.support.workflow_stage import NOTHING, only

pytestmark = pytest.mark.cloud


@pytest.mark.parametrize(
    ("state", "slow"),
    [
        ("Inspect dataset", "InspectDatasetFunction"),
        ("Train on SageMaker", None),
        ("Audit IAM", "IamAuditFunction"),
        ("Accept model", "AcceptModelFunction"),
    ],
)
def test_a_run_that_was_stopped_before_the_switch_leaves_nothing(
    stage: Any, state: str, slow: str | None
) -> None:
    live = stage.run().item["release"]
    if slow:
        stage.change(slow, sleep_s=3)
    else:
        stage.let_training_sleep()
    stopped = stage.stopped_at(state)

    cleaning = stage.clean_up(stopped)

    assert (cleaning.status, cleaning.item) == ("SUCCEEDED", {})
    item = stage.item_of(stopped)
    assert (item["status"], item["reason"]) == ("failed", "the execution was stopped")
    assert stage.standing() == only(live)
    assert stage.live()["release"] == live
    assert stage.item("deploy-lock")["holder"] == "nobody"


def test_a_run_that_was_stopped_after_the_switch_is_completed(stage: Any) -> None:
    first = stage.run()
    stopped = stage.stopped_at("Drain previous endpoint", DrainSeconds="60")
    assert len(stage.standing()["endpoint"]) == 2

    assert stage.clean_up(stopped).status == "SUCCEEDED"

    item = stage.item_of(stopped)
    assert (item["status"], item["reason"]) == ("live", "the execution was stopped, after the switch")
    assert stage.item(first.run_id)["status"] == "replaced"
    assert stage.live()["release"] == item["release"]
    assert stage.standing() == only(item["release"])
    assert stage.item("deploy-lock")["holder"] == "nobody"
    assert stage.item("deploy-lock")["newest_drop_order_ms"] == "1000"


def test_of_a_run_that_ended_by_itself_nothing_is_touched(stage: Any) -> None:
    stage.let_training_fail("the photos are of another planet")
    failed = stage.run()
    before = stage.item_of(failed.execution)

    cleaning = stage.clean_up(failed.execution)

    assert cleaning.states[-1] == "Nothing to clean up"
    assert stage.item_of(failed.execution) == before


def test_a_duplicate_that_was_stopped_leaves_the_run_alone(stage: Any) -> None:
    event = {"source": "drop", "idempotency_token": "one-run-a-version", "version_id": "v1"}
    stage.change("IamAuditFunction", sleep_s=5)
    running = stage.start(event)
    stage.until_entered(running, "Audit IAM")
    duplicate = stage.start(event)
    stage.ended(duplicate)

    assert stage.clean_up(duplicate).states[-1] == "Nothing to clean up"
    assert stage.ended(running).item["status"] == "live"


def test_a_clean_up_cleans_up_after_no_clean_up(stage: Any) -> None:
    stage.let_training_fail("the photos are of another planet")
    cleaning = stage.clean_up(stage.run().execution)

    assert stage.clean_up(cleaning.execution).states[-1] == "Nothing to clean up"
    assert stage.standing() == NOTHING


@pytest.mark.parametrize("half_done", [False, True])
def test_a_clean_up_that_was_stopped_is_started_again(stage: Any, half_done: bool) -> None:
    stage.change("AcceptModelFunction", sleep_s=3)
    stopped = stage.stopped_at("Accept model")
    clean_up = stage.stopped_at("Wait for calls in flight", stage.end_of(stopped), as_it_is=True)
    assert stage.item_of(stopped)["status"] == "running"
    if half_done:
        # The states after the wait take no time in which it could be stopped.
        (endpoint,) = stage.standing()["endpoint"]
        stage.client("sagemaker").delete_endpoint(EndpointName=endpoint)

    again = stage.clean_up(clean_up)

    assert again.status == "SUCCEEDED"
    item = stage.item_of(stopped)
    assert (item["status"], item["reason"]) == ("failed", "the execution was stopped")
    assert stage.standing() == NOTHING
    assert stage.item("deploy-lock")["holder"] == "nobody"
