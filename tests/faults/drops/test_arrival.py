"""A folder drop that still arrives is waited for, and one that changed is taken up by a new run, once."""

import json
from typing import Any

import pytest

import state_machines.stages.ingest
from tests.support.waiting import wait_until

pytestmark = pytest.mark.cloud

WAIT_FOREVER = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
FOLDER = {"format": "folder", "folder_sha256": "0" * 64, "wait_s": 0}
CHANGED = {**FOLDER, "changed": True, "reason": "the folder changed", "advice": "begin a run: dropserve run"}


def test_a_folder_is_inspected_again_until_it_has_arrived(stage: Any) -> None:
    stage.change("InspectDatasetFunction", **{**FOLDER, "accepted": False, "wait_s": 1})
    execution = stage.start({"key": "drops/dogs/_SUCCESS"})
    stage.until_entered(execution, "Inspect dataset", times=3)
    stage.change("InspectDatasetFunction", accepted=True, wait_s=0, changed=False)
    stage.until_entered(execution, "Release deploy lock")


def test_a_folder_that_is_never_complete_is_refused(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_machines.stages.ingest, "MAX_UPLOAD_WAITS", 2)
    stage.change("InspectDatasetFunction", **FOLDER, accepted=False, reason="photos are still arriving")
    stage.change("InspectDatasetFunction", wait_s=1)
    run = stage.run({"key": "drops/dogs/_SUCCESS"})
    assert (run.item["status"], run.item["reason"]) == ("rejected", "photos are still arriving")
    assert run.states.count("Inspect dataset") == 3
    assert "Train on SageMaker" not in run.states


@pytest.mark.parametrize("source", ["drop", "manual"])
def test_a_folder_that_changed_while_it_was_trained_on_is_taken_up_once(stage: Any, source: str) -> None:
    stage.change("InspectDatasetFunction", **CHANGED)
    given: dict[str, Any] = {"source": source, "key": "drops/dogs/_SUCCESS", "force": True}
    given |= {"idempotency_token": "one-run-a-version", "version_id": "v1"} if source == "drop" else {}
    first = stage.run(given)
    assert (first.status, first.item["status"]) == ("SUCCEEDED", "superseded")
    assert first.item["reason"] == "the folder changed: a new run of it has begun"
    assert "Judge model" not in first.states

    arn = first.execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    machine = stage.client("stepfunctions")
    (again,) = (
        each["executionArn"]
        for each in machine.list_executions(stateMachineArn=arn)["executions"]
        if each["executionArn"] != first.execution
    )
    assert again.endswith(f":{first.run_id}-rerun")
    assert json.loads(machine.describe_execution(executionArn=again)["input"]) == {
        "bucket": stage.name,
        "version_id": "",
        "sequencer": "",
        "event_time": "",
        **given,
        "idempotency_token": f"{first.run_id}-rerun",
    }
    wait_until(lambda: machine.describe_execution(executionArn=again)["status"] != "RUNNING", timeout_s=60)
    items = stage.client("dynamodb").scan(TableName=stage.name)["Items"]
    (item,) = (item for item in items if item.get("execution_arn", {}).get("S") == again)
    assert item["status"]["S"] == "superseded"
    assert item["reason"]["S"] == "the folder changed: begin a run: dropserve run"
    assert len(machine.list_executions(stateMachineArn=arn)["executions"]) == 2


def test_a_folder_that_is_as_it_was_inspected_is_judged(stage: Any) -> None:
    stage.change("InspectDatasetFunction", **{**CHANGED, "changed": False})
    run = stage.run({"key": "drops/dogs/_SUCCESS"})
    assert run.item["status"] == "live"
    assert run.states.index("Recheck folder") < run.states.index("Judge model")


def test_a_zip_needs_no_second_look(stage: Any) -> None:
    stage.change("InspectDatasetFunction", format="zip")
    assert "Recheck folder" not in stage.run().states


@pytest.mark.parametrize("token", ["one-run-a-version", "one-run-a-version-rerun"])
def test_a_folder_that_changed_before_its_release_is_not_released(stage: Any, token: str) -> None:
    stage.change("InspectDatasetFunction", **{**CHANGED, "changed": False})
    champion = stage.run()
    holder = stage.bench.start(WAIT_FOREVER)
    stage.put_lock(holder)
    given = {"source": "drop", "key": "drops/dogs/_SUCCESS", "idempotency_token": token, "version_id": "v1"}
    execution = stage.start(given)
    stage.until_entered(execution, "Wait for deploy lock")
    stage.change("InspectDatasetFunction", changed=True)
    stage.client("stepfunctions").stop_execution(executionArn=holder)
    run = stage.ended(execution)
    begun = "begin a run: dropserve run" if token.endswith("-rerun") else "a new run of it has begun"
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "superseded")
    assert run.item["reason"] == f"the folder changed: {begun}"
    assert "Accept model" in run.states
    assert "Switch live endpoint" not in run.states
    assert stage.live()["run_id"] == champion.run_id
    assert stage.item("deploy-lock")["holder"] == "nobody"
    assert not any(run.run_id in name for names in stage.standing().values() for name in names)
