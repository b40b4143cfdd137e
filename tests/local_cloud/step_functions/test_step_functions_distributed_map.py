"""A Map in distributed mode: what it lists, batches, selects and runs, and as whom."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.control import Cloud
from tests.support.cloud_bench import Bench, unique
from tests.support.waiting import wait_until

ECHO = "def handler(event, context): return event"


def _machine(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "Label": "Batches",
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:listObjectsV2",
                    "Arguments": {"Bucket": "{% $states.input.bucket %}", "Prefix": "in/"},
                    "ReaderConfig": {"MaxItems": "{% $states.input.most %}"},
                },
                "ItemSelector": {
                    "key": "{% $states.context.Map.Item.Value.Key %}",
                    "etag": "{% $states.context.Map.Item.Value.Etag %}",
                },
                "ItemBatcher": {
                    "MaxItemsPerBatch": 3,
                    "BatchInput": {"bucket": "{% $states.input.bucket %}"},
                },
                "MaxConcurrency": "{% $states.input.at_once %}",
                "ToleratedFailurePercentage": 100,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "Work",
                    "States": {"Work": processor},
                },
                "End": True,
                **fields,
            }
        },
    }


def _invoke(function: str, **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "End": True,
        **fields,
    }


@pytest.fixture(scope="module")
def bucket(cloud_client: Callable[..., Any]) -> str:
    """With seven objects under in/, and one elsewhere."""
    s3, name = cloud_client("s3"), unique("photos")
    s3.create_bucket(Bucket=name)
    for number in range(7):
        s3.put_object(Bucket=name, Key=f"in/{number}.jpg", Body=str(number).encode())
    s3.put_object(Bucket=name, Key="out/8.jpg", Body=b"8")
    return name


def _map_runs(cloud_client: Callable[..., Any], execution: str) -> list[dict[str, Any]]:
    steps = cloud_client("stepfunctions")
    arns = [run["mapRunArn"] for run in steps.list_map_runs(executionArn=execution)["mapRuns"]]
    return [steps.describe_map_run(mapRunArn=arn) for arn in arns]


def test_a_prefix_is_listed_selected_from_and_batched(bench: Bench, bucket: str) -> None:
    output = bench.run(_machine(_invoke(bench.function(ECHO))), {"bucket": bucket, "most": 100, "at_once": 2})
    assert [len(batch["Items"]) for batch in output] == [3, 3, 1]
    assert [item["key"] for batch in output for item in batch["Items"]] == [
        f"in/{number}.jpg" for number in range(7)
    ]
    assert all(batch["BatchInput"] == {"bucket": bucket} for batch in output)
    assert all(set(item) == {"key", "etag"} for batch in output for item in batch["Items"])


def test_no_more_items_are_read_than_asked_for(bench: Bench, bucket: str) -> None:
    output = bench.run(_machine(_invoke(bench.function(ECHO))), {"bucket": bucket, "most": 4, "at_once": 2})
    assert [len(batch["Items"]) for batch in output] == [3, 1]


def test_a_batch_sees_no_variable_of_the_machine(bench: Bench, bucket: str) -> None:
    work = {"Type": "Pass", "Output": "{% $exists($outside) %}", "End": True}
    machine = _machine(work)
    machine["States"]["Set"] = {"Type": "Pass", "Assign": {"outside": 1}, "Next": "Each"}
    machine["StartAt"] = "Set"
    assert bench.run(machine, {"bucket": bucket, "most": 7, "at_once": 1}) == [False, False, False]


def test_failures_are_tolerated_and_counted_in_items(
    bench: Bench, bucket: str, cloud_client: Callable[..., Any]
) -> None:
    fails_once = bench.function(
        "def handler(event, context):\n"
        "    if event['Items'][0]['key'] == 'in/3.jpg': raise ValueError('no')\n"
        "    return len(event['Items'])"
    )
    execution = bench.start(_machine(_invoke(fails_once)), {"bucket": bucket, "most": 7, "at_once": 1})
    ended = bench.finished(execution)
    assert ended["status"] == "SUCCEEDED"
    first, failed, last = json.loads(ended["output"])
    assert (first, failed["Status"], failed["Error"], last) == (3, "FAILED", "ValueError", 1)
    (run,) = _map_runs(cloud_client, execution)
    assert (run["status"], run["maxConcurrency"]) == ("SUCCEEDED", 1)
    assert (run["itemCounts"]["succeeded"], run["itemCounts"]["failed"]) == (4, 3)
    assert (run["executionCounts"]["succeeded"], run["executionCounts"]["failed"]) == (2, 1)


def test_one_failure_is_too_much_where_none_is_tolerated(bench: Bench, bucket: str) -> None:
    work = {"Type": "Fail", "Error": "No", "Cause": "because"}
    execution = bench.start(
        _machine(work, ToleratedFailurePercentage=0), {"bucket": bucket, "most": 7, "at_once": 1}
    )
    assert bench.finished(execution)["error"] == "States.ExceedToleratedFailureThreshold"


def test_a_bucket_that_is_not_there_fails_the_reader(bench: Bench) -> None:
    work = {"Type": "Pass", "End": True}
    execution = bench.start(_machine(work), {"bucket": unique("none"), "most": 7, "at_once": 1})
    assert bench.finished(execution)["error"] == "States.ItemReaderFailed"


def test_a_stopped_execution_starts_no_further_batch(
    bench: Bench, bucket: str, cloud_client: Callable[..., Any]
) -> None:
    slow = bench.function("import time\ndef handler(event, context): time.sleep(20)")
    execution = bench.start(_machine(_invoke(slow)), {"bucket": bucket, "most": 7, "at_once": 1})
    wait_until(lambda: any(run["itemCounts"]["running"] for run in _map_runs(cloud_client, execution)))
    cloud_client("stepfunctions").stop_execution(executionArn=execution)
    run = wait_until(
        lambda: next((each for each in _map_runs(cloud_client, execution) if each.get("stopDate")), None)
    )
    assert run["status"] == "ABORTED"
    assert run["executionCounts"]["aborted"] >= 2


def test_the_role_of_the_machine_lists_and_starts(bench: Bench, bucket: str, cloud: Cloud) -> None:
    role = bench.role()
    bench.run(_machine({"Type": "Pass", "End": True}), {"bucket": bucket, "most": 7, "at_once": 1}, role)

    def called() -> dict[str, Any]:
        lines = (cloud.log_file.with_name("activity.jsonl")).read_text("utf-8").splitlines()
        calls = [json.loads(line) for line in lines]
        found = {call["action"]: call for call in calls if call["principal"] == role}
        return found if {"s3:ListBucket", "states:StartExecution"} <= found.keys() else {}

    calls = wait_until(called)
    assert calls["s3:ListBucket"]["context"] == {"s3:prefix": "in/"}
    assert calls["states:StartExecution"]["resource"].partition(":stateMachine:")[2].startswith("machine-")
