"""The second way in: an execution with overrides; and what happens to a drop that is announced twice."""

import json
from typing import Any

import pytest

from deploy_scripts.demo_data import PhotoSet
from tests.support.waiting import wait_until


def test_a_run_over_its_budget_trains_nothing(dropserve: Any, first_release: dict[str, Any]) -> None:
    live = dropserve.live_release()

    result = dropserve.run("run", "--key", "drops/small.zip", "--max-cost", "0.000001", "--watch", "--json")

    assert result.returncode == 1
    run = json.loads(result.stdout)
    assert run["status"] == "rejected"
    assert "too expensive" in run["reason"]
    assert not training_jobs(dropserve, run["run_id"])
    assert dropserve.live_release() == live


def test_a_duplicate_event_trains_once(dropserve: Any, first_release: dict[str, Any]) -> None:
    outputs = dropserve.outputs
    run_id = first_release["run_id"]
    item = dropserve.client("dynamodb").get_item(
        TableName=outputs["LedgerTableName"], Key={"run_id": {"S": run_id}}
    )["Item"]
    # What the rule sends for an S3 event.
    announcement = {
        "source": "drop",
        "idempotency_token": "one-run-a-version",
        "bucket": item["bucket"]["S"],
        "key": item["drop_key"]["S"],
        "version_id": item["version_id"]["S"],
    }
    jobs = training_jobs(dropserve, run_id)
    machine = dropserve.client("stepfunctions")

    arn = machine.start_execution(stateMachineArn=outputs["StateMachineArn"], input=json.dumps(announcement))[
        "executionArn"
    ]
    wait_until(lambda: machine.describe_execution(executionArn=arn)["status"] != "RUNNING")

    newest = dropserve.json("runs")[0]
    assert newest["status"] == "duplicate"
    assert run_id in newest["reason"]
    assert training_jobs(dropserve, run_id) == jobs
    assert len(jobs) == 1


INPUTS = [
    ('{"key": 5}', "key is a number (5)"),
    ('{"key": "drops/small.zip", "hyperparameters": "fast"}', "hyperparameters must be an object"),
    (
        '{"key": "drops/small.zip", "hyperparameters": {"epochs": "' + "9" * 250_000 + '"}}',
        "the overrides are",
    ),
    ("[]", "the input is a list"),
]


@pytest.mark.parametrize(("given", "sentence"), INPUTS, ids=["key", "hyperparameters", "large", "list"])
def test_an_input_that_cannot_be_followed_is_rejected_in_the_ledger(
    dropserve: Any, first_release: dict[str, Any], given: str, sentence: str
) -> None:
    machine = dropserve.client("stepfunctions")
    arn = machine.start_execution(stateMachineArn=dropserve.outputs["StateMachineArn"], input=given)[
        "executionArn"
    ]
    wait_until(lambda: machine.describe_execution(executionArn=arn)["status"] != "RUNNING")
    newest = dropserve.json("runs")[0]
    assert (newest["status"], newest["source"]) == ("rejected", "manual")
    assert sentence in newest["reason"]


def test_a_training_that_fails_says_why_in_its_own_words(
    dropserve: Any, first_release: dict[str, Any]
) -> None:
    result = dropserve.run("run", "--key", "drops/small.zip", "-p", "fine-tune=24", "--watch", "--json")
    run = json.loads(result.stdout)
    assert run["status"] == "failed"
    assert run["reason"].startswith("training failed: --fine-tune is 24, but efficientnet_lite0 has")


def test_a_folder_is_a_drop_as_well(
    dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet, tmp_path: Any
) -> None:
    for number, (label, photo) in enumerate(food_photos.held_out):
        (tmp_path / "few" / label).mkdir(parents=True)
        (tmp_path / "few" / label / f"{number}.jpeg").write_bytes(photo.read_bytes())

    result = dropserve.run("drop", tmp_path / "few", "--watch", "--json")

    run = json.loads(result.stdout)
    assert (run["dataset"], run["source"]) == ("few", "drop")
    # One photo a class is too little to train on, and the inspector says so.
    assert run["status"] == "rejected"
    assert result.returncode == 1


def training_jobs(dropserve: Any, run_id: str) -> list[str]:
    jobs = dropserve.client("sagemaker").list_training_jobs(NameContains=run_id)["TrainingJobSummaries"]
    return [job["TrainingJobName"] for job in jobs]


def test_a_run_that_is_stopped_by_hand_is_cleaned_up_after(
    dropserve: Any, first_release: dict[str, Any]
) -> None:
    machine, live = dropserve.client("stepfunctions"), dropserve.live_release()
    execution = machine.start_execution(
        stateMachineArn=dropserve.outputs["StateMachineArn"], input='{"key": "drops/small.zip"}'
    )["executionArn"]
    run_id = wait_until(lambda: run_of(dropserve, execution))
    wait_until(lambda: training_jobs(dropserve, run_id))

    machine.stop_execution(executionArn=execution, error="Mistaken", cause="the wrong photos")

    def recorded() -> dict[str, Any] | None:
        item = ledger_item(dropserve, run_id)
        return item if item["status"]["S"] != "running" else None

    item = wait_until(recorded)
    assert item["status"]["S"] == "failed"
    assert item["reason"]["S"].startswith("the execution was stopped")
    assert dropserve.live_release() == live
    assert not dropserve.json("status")["besides"]["endpoints"]


def run_of(dropserve: Any, execution: str) -> str | None:
    """The id of the run that an execution claimed; None as long as it has not."""
    items = dropserve.client("dynamodb").scan(TableName=dropserve.outputs["LedgerTableName"])["Items"]
    found = [item["run_id"]["S"] for item in items if item.get("execution_arn", {}).get("S") == execution]
    return found[0] if found else None


def ledger_item(dropserve: Any, run_id: str) -> dict[str, Any]:
    table = dropserve.outputs["LedgerTableName"]
    found = dropserve.client("dynamodb").get_item(TableName=table, Key={"run_id": {"S": run_id}})
    item: dict[str, Any] = found["Item"]
    return item
