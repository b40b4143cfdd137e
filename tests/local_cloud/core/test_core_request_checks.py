"""Requests that AWS refuses are refused, under its own error names."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.cloud_bench import Bench, task, unique
from tests.support.waiting import wait_until

NO_JSON = [
    "{",
    "",
    "{'key': 'drops/a.zip'}",
    "{key: 1}",
    '{"a": 1,}',
    "NaN",
    '{"a": Infinity}',
    '{"a": 1} x',
    '"\x01"',
    "\ufeff{}",
    "[" * 100_000,
]
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


def _code(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize("text", NO_JSON)
def test_an_execution_takes_json_alone(bench: Bench, text: str) -> None:
    states, machine = bench.client("stepfunctions"), bench.machine(PASS)
    assert _code(states.start_execution, stateMachineArn=machine, input=text) == "InvalidExecutionInput"
    assert states.list_executions(stateMachineArn=machine)["executions"] == []


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '"text"',
        '{"stateMachineArn": 5}',
        '{"stateMachineArn": "arn", "input": {"key": 1}}',
        '{"stateMachineArn": "arn", "name": true}',
    ],
)
def test_an_execution_takes_texts_alone(bench: Bench, body: str) -> None:
    states = bench.client("stepfunctions", config=Config())  # its own, which sends what no other may
    states.meta.events.register("before-call", lambda params, **_: params.update(body=body.encode()))
    assert _code(states.start_execution, stateMachineArn="arn") == "SerializationException"


@pytest.mark.parametrize("body", ["[" * 100_000, '{"ModelName": NaN}', "{"], ids=lambda body: body[:20])
def test_the_added_services_take_json_alone(bench: Bench, body: str) -> None:
    sagemaker = bench.client("sagemaker", config=Config())
    sagemaker.meta.events.register("before-call", lambda params, **_: params.update(body=body.encode()))
    assert _code(sagemaker.describe_model, ModelName="m") == "SerializationException"


@pytest.mark.parametrize("text", ["{}", "null", "1.5e3", '"text"', "[]", ' {"a": "\\ud83d"} '])
def test_an_execution_takes_any_json(bench: Bench, text: str) -> None:
    states, machine = bench.client("stepfunctions"), bench.machine(PASS)
    started = states.start_execution(stateMachineArn=machine, input=text)
    assert bench.finished(started["executionArn"])["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("two words", "InvalidName"),
        ("a/b", "InvalidName"),
        ("a:b", "InvalidName"),
        ("ten%", "InvalidName"),
        ("tab\t", "InvalidName"),
        ("<script>", "InvalidName"),
        ("\x1b[2J", "InvalidName"),
        ("n" * 81, "ValidationException"),
    ],
)
def test_names_of_executions(bench: Bench, name: str, code: str) -> None:
    states, machine = bench.client("stepfunctions"), bench.machine(PASS)
    assert _code(states.start_execution, stateMachineArn=machine, name=name) == code
    for good in ("n" * 80, "a.b-c_d", "Möwe", "a(b)=c+d@e!"):
        assert states.start_execution(stateMachineArn=machine, name=good)["executionArn"].endswith(good)


def test_a_duplicate_execution_name_is_refused(bench: Bench) -> None:
    states, machine, name = bench.client("stepfunctions"), bench.machine(WAIT), unique("once")
    call = {"stateMachineArn": machine, "name": name}
    first = states.start_execution(**call, input='{"a": 1}')
    again = states.start_execution(**call, input='{"a": 1}')
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == 1
    assert _code(states.start_execution, **call, input='{"a": 2}') == "ExecutionAlreadyExists"
    states.stop_execution(executionArn=first["executionArn"])
    bench.finished(first["executionArn"])
    assert _code(states.start_execution, **call, input='{"a": 1}') == "ExecutionAlreadyExists"


@pytest.mark.parametrize("text", NO_JSON)
def test_a_token_takes_json_alone(bench: Bench, text: str) -> None:
    states, topic = bench.client("stepfunctions"), bench.client("sns").create_topic(Name=unique("topic"))
    message = {"TopicArn": topic["TopicArn"], "Message.$": "$$.Task.Token"}
    running = bench.start(task("arn:aws:states:::sns:publish.waitForTaskToken", message))
    token = wait_until(lambda: _token(states, running))
    assert _code(states.send_task_success, taskToken=token, output=text) == "InvalidOutput"
    states.send_task_success(taskToken=token, output='{"done": true}')
    assert json.loads(bench.finished(running)["output"]) == {"done": True}


def _token(states: Any, execution: str) -> str | None:
    for event in states.get_execution_history(executionArn=execution)["events"]:
        if event["type"] == "TaskScheduled":
            return str(json.loads(event["taskScheduledEventDetails"]["parameters"])["Message"])
    return None


def test_an_output_that_is_too_large(bench: Bench) -> None:
    states = bench.client("stepfunctions")
    running = bench.start(
        task(
            "arn:aws:states:::sns:publish.waitForTaskToken",
            {
                "TopicArn": bench.client("sns").create_topic(Name=unique("topic"))["TopicArn"],
                "Message.$": "$$.Task.Token",
            },
        )
    )
    token = wait_until(lambda: _token(states, running))
    output = json.dumps("a" * 262_144)
    assert _code(states.send_task_success, taskToken=token, output=output) == "ValidationException"
    states.stop_execution(executionArn=running)


@pytest.mark.parametrize("invocation", ["RequestResponse", "Event"])
@pytest.mark.parametrize(
    "payload", [*(text.encode() for text in NO_JSON if text), b"\xff", '"ö"'.encode("utf-16"), b"test data"]
)
def test_a_function_takes_json_alone(bench: Bench, echo: str, invocation: str, payload: bytes) -> None:
    invoke = bench.client("lambda").invoke
    code = _code(invoke, FunctionName=echo, InvocationType=invocation, Payload=payload)
    assert code == "InvalidRequestContentException"


@pytest.fixture(scope="module")
def echo(bench: Bench) -> str:
    return bench.function("def handler(event, context): return event if len(str(event)) < 1000 else 'long'")


@pytest.mark.parametrize("payload", [b"null", b"1", b'"text"', b'{"a": [1]}'])
def test_a_function_takes_any_json(bench: Bench, echo: str, payload: bytes) -> None:
    assert bench.invoke(echo, json.loads(payload)) == (json.loads(payload), None)


def test_a_function_without_a_payload_gets_an_empty_object(bench: Bench, echo: str) -> None:
    assert json.loads(bench.client("lambda").invoke(FunctionName=echo)["Payload"].read()) == {}


@pytest.mark.parametrize(
    ("invocation", "limit_bytes"), [("RequestResponse", 6_291_456), ("Event", 1_048_576)]
)
def test_payloads_have_a_size(bench: Bench, echo: str, invocation: str, limit_bytes: int) -> None:
    call = {"FunctionName": echo, "InvocationType": invocation}
    fits = b'"' + b"a" * (limit_bytes - 2) + b'"'
    invoke = bench.client("lambda").invoke
    assert invoke(**call, Payload=fits)["StatusCode"] in {200, 202}
    assert _code(invoke, **call, Payload=fits + b" ") == "RequestTooLargeException"


def test_events_that_are_malformed_are_told_one_by_one(bench: Bench) -> None:
    sound = {"Source": "test", "DetailType": "told", "Detail": '{"a": 1}'}
    entries = [
        sound,
        *({**sound, "Detail": text} for text in ("{", "[]", '"text"', "NaN")),
        {"Source": "test", "DetailType": "told"},
        {"DetailType": "told", "Detail": "{}"},
        sound,
    ]
    answer = bench.client("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 6
    codes = [entry.get("ErrorCode") for entry in answer["Entries"]]
    assert codes == [None, *["MalformedDetail"] * 4, "InvalidArgument", "InvalidArgument", None]
