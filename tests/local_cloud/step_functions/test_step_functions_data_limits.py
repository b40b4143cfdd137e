"""256 KiB of UTF-8 for what goes into a state, through it and out of it, as Step Functions has it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.cloud_bench import Bench

LIMIT_BYTES = 262_144
TOO_LARGE = "States.DataLimitExceeded"
FITS = "fits"


def _text(size_bytes: int, character: str = "a") -> str:
    """A text whose JSON has so many bytes, quotes included."""
    return character * ((size_bytes - 2) // len(character.encode()))


def _machine(*states: dict[str, Any]) -> dict[str, Any]:
    names = [f"S{number}" for number in range(len(states))]
    chained = {}
    for number, (name, state) in enumerate(zip(names, states, strict=True)):
        following = {"End": True} if number == len(states) - 1 else {"Next": names[number + 1]}
        chained[name] = state if state["Type"] in {"Succeed", "Choice"} else {**state, **following}
    return {"StartAt": names[0], "States": chained}


def _twice(path: str = "$.text") -> dict[str, Any]:
    return {"first.$": path, "second.$": path}


SMALL = {"Type": "Pass", "Parameters": {"n": 1}}
DOUBLE = {"Type": "Pass", "Parameters": _twice()}
CATCH_ALL = [{"ErrorEquals": ["States.ALL"], "Next": "S1"}]
DO_NOT_RETRY = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 3, "IntervalSeconds": 1}]
SNS = "arn:aws:states:::sns:publish"


def _branch(state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "B", "States": {"B": {**state, "End": True}}}


def _outcome(bench: Bench, definition: dict[str, Any], document: Any) -> str:
    started = bench.client("stepfunctions").start_execution(
        stateMachineArn=bench.machine(definition), input=json.dumps(document, ensure_ascii=False)
    )
    description = bench.finished(started["executionArn"])
    if description["status"] == "SUCCEEDED":
        return FITS
    assert "exceeding the maximum number of bytes service limit" in description["cause"]
    return str(description["error"])


@pytest.mark.parametrize(
    "states",
    [
        [DOUBLE, SMALL],
        [{"Type": "Pass", "Result": {"text": "b" * 200_000}, "ResultPath": "$.more"}, SMALL],
        [{"Type": "Parallel", "Branches": [_branch({"Type": "Pass"})] * 2}, SMALL],
        [{"Type": "Parallel", "Branches": [_branch(DOUBLE)], "ResultSelector": {}}, SMALL],
        [
            {
                "Type": "Map",
                "Parameters": {"text.$": "$.text"},
                "ItemsPath": "$.items",
                "Iterator": _branch({"Type": "Pass"}),
            },
            SMALL,
        ],
        [{"Type": "Task", "Resource": SNS, "Parameters": {"Message": _twice()}}, SMALL],
        # Neither Retry nor Catch takes it by States.ALL.
        [
            {
                "Type": "Parallel",
                "Branches": [_branch(DOUBLE)],
                "Catch": CATCH_ALL,
                "Retry": DO_NOT_RETRY,
            },
            SMALL,
        ],
    ],
    ids=["parameters", "result path", "branches", "in a branch", "map", "task input", "not caught"],
)
def test_a_state_that_makes_too_much_ends_the_execution(bench: Bench, states: list[dict[str, Any]]) -> None:
    document = {"text": "a" * 150_000, "items": [1, 2]}
    assert _outcome(bench, _machine(*states), document) == TOO_LARGE


@pytest.mark.parametrize(("character", "bytes_each"), [("a", 1), ("ö", 2), ("犬", 3), ("🐕", 4)])
def test_what_counts_is_bytes_of_utf8(bench: Bench, character: str, bytes_each: int) -> None:
    assert len(character.encode()) == bytes_each
    overhead_bytes = len('{"first":"","second":""}')
    half = (LIMIT_BYTES - overhead_bytes) // 2 // bytes_each
    assert _outcome(bench, _machine(DOUBLE, SMALL), {"text": character * half}) == FITS
    assert _outcome(bench, _machine(DOUBLE, SMALL), {"text": character * (half + 4)}) == TOO_LARGE


def test_a_function_that_answers_too_much(bench: Bench) -> None:
    function = bench.function("def handler(event, context): return 'a' * event['count']")
    arn = bench.client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    task = {"Type": "Task", "Resource": arn, "ResultPath": None, "Retry": DO_NOT_RETRY, "Catch": CATCH_ALL}
    definition = _machine(task, SMALL)
    assert _outcome(bench, definition, {"count": LIMIT_BYTES - 2}) == FITS
    assert _outcome(bench, definition, {"count": LIMIT_BYTES - 1}) == TOO_LARGE


def test_an_input_that_is_too_large_is_refused(bench: Bench, cloud_client: Callable[..., Any]) -> None:
    stepfunctions = cloud_client("stepfunctions")
    machine = bench.machine(_machine(SMALL))
    for character in ("a", "ö"):
        fits = json.dumps(_text(LIMIT_BYTES, character), ensure_ascii=False)
        stepfunctions.start_execution(stateMachineArn=machine, input=fits)
        with pytest.raises(stepfunctions.exceptions.ClientError, match="length less than or equal") as caught:
            stepfunctions.start_execution(stateMachineArn=machine, input=f" {fits} ")
        assert caught.value.response["Error"]["Code"] == "ValidationException"
