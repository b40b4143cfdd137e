"""The second way in: an execution with overrides; and what happens to a drop that is announced twice."""

import json
import time
from typing import Any

from deploy_scripts.demo_data import PhotoSet


def test_the_ec2_branch_trains_and_releases(dropserve: Any, first_release: dict[str, Any]) -> None:
    run = dropserve.json("run", "--backend", "ec2", "--key", "drops/small.zip", "--force", "--watch")

    assert (run["status"], run["backend"], run["source"]) == ("live", "ec2", "manual")
    assert dropserve.live_release() == run["release"]
    instances = [
        instance
        for reservation in dropserve.client("ec2").describe_instances(
            Filters=[{"Name": "tag:dropserve:run", "Values": [run["run_id"]]}]
        )["Reservations"]
        for instance in reservation["Instances"]
    ]
    assert instances
    assert {instance["State"]["Name"] for instance in instances} <= {"terminated", "shutting-down"}
    lines = [json.loads(line) for line in dropserve.run("logs", "training", "--json").stdout.splitlines()]
    messages = [line["message"] for line in lines if line["stream"] == f"{run['release']}-0"]
    assert any(message.startswith("epoch=1 ") for message in messages)
    assert f"test_accuracy={run['accuracy']:.4f}" in " ".join(messages)
    assert messages[-1].startswith("phase=done ")


def test_a_run_over_its_budget_trains_nothing(dropserve: Any, first_release: dict[str, Any]) -> None:
    live = dropserve.live_release()

    result = dropserve.run("run", "--key", "drops/small.zip", "--max-cost", "0.000001", "--watch", "--json")

    assert result.returncode == 1
    run = json.loads(result.stdout)
    assert run["status"] == "rejected"
    assert "too expensive" in run["reason"]
    assert not training_jobs(dropserve, run["run_id"])
    assert dropserve.live_release() == live


def test_a_drop_that_is_announced_twice_trains_once(dropserve: Any, first_release: dict[str, Any]) -> None:
    outputs = dropserve.json("status")["outputs"]
    run_id = first_release["run_id"]
    item = dropserve.client("dynamodb").get_item(
        TableName=outputs["LedgerTableName"], Key={"run_id": {"S": run_id}}
    )["Item"]
    # What the rule sends for an S3 event.
    announcement = {
        "source": "drop",
        "claim": "once",
        "bucket": item["bucket"]["S"],
        "key": item["drop_key"]["S"],
        "version_id": item["version_id"]["S"],
    }
    jobs = training_jobs(dropserve, run_id)
    machine = dropserve.client("stepfunctions")

    arn = machine.start_execution(stateMachineArn=outputs["StateMachineArn"], input=json.dumps(announcement))[
        "executionArn"
    ]
    while machine.describe_execution(executionArn=arn)["status"] == "RUNNING":
        time.sleep(0.1)

    newest = dropserve.json("runs")[0]
    assert newest["status"] == "duplicate"
    assert run_id in newest["reason"]
    assert training_jobs(dropserve, run_id) == jobs
    assert len(jobs) == 1


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
