"""The ledger as a list of runs."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deploy_scripts.errors import CliError
from deploy_scripts.operations.runs.ledger import find_item, read_ledger
from drops.keys import dataset_of


def execution(stubbed: Any, status: str, **fields: Any) -> dict[str, Any]:
    return {
        "executionArn": stubbed.execution_arn,
        "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:x",
        "status": status,
        "startDate": datetime(2026, 11, 22, tzinfo=UTC),
        **fields,
    }


def test_runs_are_listed_newest_first_without_the_lock(stubbed: Any) -> None:
    older = stubbed.ledger_item(run_id="a" * 32, started_at="2026-11-21T10:00:00.000Z", status="replaced")
    newer = stubbed.ledger_item(run_id="b" * 32, accuracy="0.91", backend="ec2", release="dropserve-b")
    lock = {"run_id": {"S": "deploy-lock"}, "holder": {"S": "nobody"}}
    stubbed.answer("dynamodb", "scan", {"Items": [older, lock, newer]})

    runs = [item.run for item in read_ledger(stubbed.deployment)]

    assert [run.run_id[0] for run in runs] == ["b", "a"]
    assert runs[0].to_json() == {
        "run_id": "b" * 32,
        "dataset": "food",
        "source": "drop",
        "backend": "ec2",
        "status": "live",
        "reason": None,
        "accuracy": 0.91,
        "release": "dropserve-b",
        "started_at": "2026-11-22T10:00:00.000Z",
        "ended_at": None,
    }


def test_a_run_whose_execution_was_stopped_is_not_running(stubbed: Any) -> None:
    stopped_at = datetime(2026, 11, 22, 11, tzinfo=UTC)
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status="running")]})
    stubbed.answer(
        "stepfunctions",
        "describe_execution",
        execution(stubbed, "ABORTED", cause="dropserve destroy", stopDate=stopped_at),
    )

    (item,) = read_ledger(stubbed.deployment)

    assert item.run.status == "failed"
    assert item.run.reason == "its execution ended as ABORTED: dropserve destroy"
    assert item.run.ended_at == "2026-11-22T11:00:00+00:00"


def test_a_run_that_is_on_its_way_stays_running(stubbed: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status="running")]})
    stubbed.answer("stepfunctions", "describe_execution", execution(stubbed, "RUNNING"))

    assert read_ledger(stubbed.deployment)[0].run.status == "running"


def test_a_run_is_found_by_the_beginning_of_its_id(stubbed: Any) -> None:
    items = [stubbed.ledger_item(run_id="ab" + "0" * 30), stubbed.ledger_item(run_id="ac" + "0" * 30)]
    for _ in range(4):
        stubbed.answer("dynamodb", "scan", {"Items": items})

    assert find_item(stubbed.deployment, "ac").run.run_id.startswith("ac")
    assert find_item(stubbed.deployment, None).run.run_id == items[0]["run_id"]["S"]
    with pytest.raises(CliError, match="2 runs have an id that begins with a"):
        find_item(stubbed.deployment, "a")
    with pytest.raises(CliError, match="No run has an id that begins with f"):
        find_item(stubbed.deployment, "f")


def test_no_run_at_all_says_how_to_begin(stubbed: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": []})

    with pytest.raises(CliError) as failure:
        find_item(stubbed.deployment, None)
    assert "dropserve drop" in failure.value.advice


@pytest.mark.parametrize(
    ("key", "dataset"),
    [
        ("drops/dogs.zip", "dogs"),
        ("drops/dogs.ZIP", "dogs"),
        ("drops/dogs.Zip", "dogs"),
        ("drops/dogs/_SUCCESS", "dogs"),
        ("drops/notes.txt", "notes.txt"),
    ],
)
def test_the_datasets_name(key: str, dataset: str) -> None:
    assert dataset_of(key) == dataset
