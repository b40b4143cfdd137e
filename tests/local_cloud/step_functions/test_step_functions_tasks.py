"""Task states: errors, retries, limits, tokens, and data that AWS would refuse."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.cloud_bench import Bench, task, unique
from tests.support.waiting import wait_until

INVOKE = "arn:aws:states:::lambda:invoke"
TOKEN = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
WAIT_FOREVER = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}


@pytest.fixture(scope="module")
def failing(bench: Bench) -> str:
    return bench.function(
        "class TooSmall(Exception): pass\ndef handler(event, context): raise TooSmall(event)"
    )


@pytest.fixture
def queue(cloud_client: Callable[..., Any]) -> str:
    return str(cloud_client("sqs").create_queue(QueueName=unique("tokens"))["QueueUrl"])


def _token_task(queue: str, **fields: Any) -> dict[str, Any]:
    return task(TOKEN, {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}}, **fields)


def _next_token(cloud_client: Callable[..., Any], queue: str) -> str:
    sqs = cloud_client("sqs")

    def take() -> Any:
        messages = sqs.receive_message(QueueUrl=queue).get("Messages")
        if messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=messages[0]["ReceiptHandle"])
            return messages[0]
        return None

    return str(json.loads(wait_until(take)["Body"])["token"])


@pytest.mark.parametrize("direct", [True, False])
def test_catch_by_the_name_of_a_python_exception(bench: Bench, failing: str, direct: bool) -> None:
    arn = bench.client("lambda").get_function_configuration(FunctionName=failing)["FunctionArn"]
    if direct:
        definition = task(arn, catch=["TooSmall"])
    else:
        definition = task(INVOKE, {"FunctionName": arn, "Payload": 3}, catch=["TooSmall"])
    caught = bench.run(definition)
    assert caught["Error"] == "TooSmall"
    assert json.loads(caught["Cause"])["errorType"] == "TooSmall"


def test_retry_by_the_name_of_a_python_exception_counts(bench: Bench, failing: str) -> None:
    retry = [{"ErrorEquals": ["TooSmall"], "IntervalSeconds": 1, "MaxAttempts": 2, "MaxDelaySeconds": 1}]
    retry[0] |= {"BackoffRate": 100, "JitterStrategy": "FULL"}
    parameters = {"FunctionName": failing, "Payload.$": "$$.State.RetryCount"}
    caught = bench.run(task(INVOKE, parameters, Retry=retry, catch=["States.TaskFailed"]))
    assert json.loads(caught["Cause"])["errorMessage"] == "2"


def test_a_throttled_function(bench: Bench, cloud_client: Callable[..., Any]) -> None:
    name = bench.function("def handler(event, context): return 1")
    cloud_client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    caught = bench.run(task(INVOKE, {"FunctionName": name}, catch=["Lambda.TooManyRequestsException"]))
    assert caught["Error"] == "Lambda.TooManyRequestsException"


@pytest.mark.parametrize("path", [True, False])
def test_timeout_of_a_task(bench: Bench, path: bool) -> None:
    name = bench.function("import time\ndef handler(event, context): time.sleep(20)")
    limit = {"TimeoutSecondsPath": "$.limit"} if path else {"TimeoutSeconds": 1}
    definition = task(INVOKE, {"FunctionName": name}, catch=["States.Timeout"], **limit)
    assert bench.run(definition, {"limit": 1})["Error"] == "States.Timeout"


def test_timeout_is_not_a_failed_task(bench: Bench, queue: str) -> None:
    definition = _token_task(queue, TimeoutSeconds=1, catch=["States.TaskFailed"])
    description = bench.finished(bench.start(definition))
    assert (description["status"], description["error"]) == ("FAILED", "States.Timeout")


def test_heartbeats_extend_and_their_absence_ends(
    bench: Bench, queue: str, cloud_client: Callable[..., Any]
) -> None:
    sfn = cloud_client("stepfunctions")
    execution = bench.start(_token_task(queue, HeartbeatSeconds=5, catch=["States.HeartbeatTimeout"]))
    token = _next_token(cloud_client, queue)
    for _ in range(6):
        time.sleep(1)
        sfn.send_task_heartbeat(taskToken=token)
    assert sfn.describe_execution(executionArn=execution)["status"] == "RUNNING"
    assert json.loads(bench.finished(execution)["output"])["Error"] == "States.HeartbeatTimeout"
    with pytest.raises(sfn.exceptions.TaskTimedOut):
        sfn.send_task_success(taskToken=token, output="{}")


def test_a_token_brings_its_output_back(bench: Bench, queue: str, cloud_client: Callable[..., Any]) -> None:
    sfn = cloud_client("stepfunctions")
    execution = bench.start(_token_task(queue, TimeoutSeconds=60))
    token = _next_token(cloud_client, queue)
    with pytest.raises(sfn.exceptions.InvalidOutput):
        sfn.send_task_success(taskToken=token, output="not json")
    sfn.send_task_success(taskToken=token, output='{"answer": 42}')
    assert json.loads(bench.finished(execution)["output"]) == {"answer": 42}


def test_each_attempt_has_a_token_of_its_own(
    bench: Bench, queue: str, cloud_client: Callable[..., Any]
) -> None:
    sfn = cloud_client("stepfunctions")
    retry = [{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1}]
    execution = bench.start(_token_task(queue, Retry=retry))
    first = _next_token(cloud_client, queue)
    sfn.send_task_failure(taskToken=first, error="Flaky", cause="once")
    second = _next_token(cloud_client, queue)
    assert second != first
    sfn.send_task_success(taskToken=second, output="1")
    assert bench.finished(execution)["status"] == "SUCCEEDED"


def test_a_call_that_fails_does_not_wait_for_its_token(bench: Bench, failing: str) -> None:
    parameters = {"FunctionName": failing, "Payload": {"token.$": "$$.Task.Token"}}
    caught = bench.run(task(f"{INVOKE}.waitForTaskToken", parameters, catch=["TooSmall"]))
    assert caught["Error"] == "TooSmall"


def test_unknown_tokens_are_refused(cloud_client: Callable[..., Any]) -> None:
    sfn = cloud_client("stepfunctions")
    with pytest.raises(sfn.exceptions.InvalidToken):
        sfn.send_task_heartbeat(taskToken="none")


def test_timeout_of_the_machine(bench: Bench) -> None:
    description = bench.finished(bench.start({**WAIT_FOREVER, "TimeoutSeconds": 1}))
    assert description["status"] == "TIMED_OUT"


def test_a_stopped_execution_stays_stopped(
    bench: Bench, queue: str, cloud_client: Callable[..., Any]
) -> None:
    sfn = cloud_client("stepfunctions")
    execution = bench.start(_token_task(queue, catch=["States.ALL"]))
    token = _next_token(cloud_client, queue)
    sfn.stop_execution(executionArn=execution, error="Enough", cause="tested")

    def token_is_dead() -> bool:
        try:
            sfn.send_task_heartbeat(taskToken=token)
        except sfn.exceptions.TaskTimedOut:
            return True
        return False

    assert wait_until(token_is_dead)
    description = sfn.describe_execution(executionArn=execution)
    assert (description["status"], description["error"]) == ("ABORTED", "Enough")
    history = sfn.get_execution_history(executionArn=execution)["events"]
    assert history[-1]["type"] == "ExecutionAborted"


def test_an_activity_worker_answers(bench: Bench, cloud_client: Callable[..., Any]) -> None:
    sfn = cloud_client("stepfunctions")
    activity = sfn.create_activity(name="core-activity")["activityArn"]
    execution = bench.start(task(activity, {"n": 7}, TimeoutSeconds=30))
    work = wait_until(
        lambda: (job := sfn.get_activity_task(activityArn=activity)) and job.get("taskToken") and job
    )
    assert json.loads(work["input"]) == {"n": 7}
    sfn.send_task_success(taskToken=work["taskToken"], output="[7]")
    assert json.loads(bench.finished(execution)["output"]) == [7]


def _passed(bench: Bench, parameters: dict[str, Any], document: Any = None) -> Any:
    state = {"Type": "Pass", "Parameters": parameters, "End": True}
    return bench.run({"StartAt": "P", "States": {"P": state}}, document)


def test_intrinsic_functions(bench: Bench) -> None:
    output = _passed(
        bench,
        {
            "number.$": "States.StringToJson('5')",
            "hash.$": "States.Hash($.text, 'MD5')",
            "merged.$": "States.JsonMerge($.a, $.b, false)",
            "text.$": "States.Format('{}-{}', $.text, $$.State.RetryCount)",
            "json.$": "States.JsonToString($.a)",
            "list.$": "States.Array(1, 'two', $.a.x)",
            "nested": [{"value.$": "$.text"}],
        },
        {"text": "dog", "a": {"x": 1, "y": 1}, "b": {"y": 2}},
    )
    assert output == {
        "number": 5,
        "hash": "06d80eb0c50b49a509b49f2424e8c805",
        "merged": {"x": 1, "y": 2},
        "text": "dog-0",
        "json": '{"x":1,"y":1}',
        "list": [1, "two", 1],
        "nested": [{"value": "dog"}],
    }


def test_empty_parameters_are_an_empty_object(bench: Bench) -> None:
    assert _passed(bench, {}, {"text": "dog"}) == {}


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"x.$": "$.not.there"}, "States.Runtime"),
        ({"x.$": "$$.Task.Token"}, "States.Runtime"),
        ({"x.$": "States.StringToJson('{')"}, "States.IntrinsicFailure"),
        ({"x.$": "States.Format('{}', $.not)"}, "States.Runtime"),
    ],
)
def test_a_path_that_leads_nowhere_fails(bench: Bench, parameters: dict[str, Any], error: str) -> None:
    state = {"Type": "Pass", "Parameters": parameters, "End": True}
    description = bench.finished(bench.start({"StartAt": "P", "States": {"P": state}}))
    assert (description["status"], description["error"]) == ("FAILED", error)


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Wait", "SecondsPath": "$.not"},
        {"Type": "Map", "ItemsPath": "$.not", "ItemProcessor": {"StartAt": "E", "States": {}}},
        {"Type": "Pass", "OutputPath": "$.not"},
    ],
)
def test_paths_of_other_states_must_lead_somewhere(bench: Bench, state: dict[str, Any]) -> None:
    description = bench.finished(bench.start({"StartAt": "S", "States": {"S": {**state, "End": True}}}))
    assert (description["status"], description["error"]) == ("FAILED", "States.Runtime")


def assert_chosen(bench: Bench, rule: dict[str, Any], document: dict[str, Any], end: str | None) -> None:
    """The state that a Choice by this rule ends in, or that it fails."""
    states = {name: {"Type": "Pass", "Result": name, "End": True} for name in ("Yes", "No")}
    choice = {"Type": "Choice", "Choices": [rule], "Default": "No"}
    description = bench.finished(bench.start({"StartAt": "C", "States": {"C": choice, **states}}, document))
    if end:
        assert json.loads(description["output"]) == end
    else:
        assert description["error"] == "States.Runtime"


@pytest.mark.parametrize(("document", "end"), [({"n": 1}, "Yes"), ({"n": 2}, "No"), ({}, None)])
def test_a_choice_needs_its_variable(bench: Bench, document: dict[str, int], end: str | None) -> None:
    rule = {"Variable": "$.n", "NumericEquals": 1, "Next": "Yes"}
    assert_chosen(bench, rule, document, end)


@pytest.mark.parametrize(
    ("operator", "document", "end"),
    [
        ("StringLessThanPath", {"n": "00A", "other": "00B"}, "Yes"),
        ("StringLessThanPath", {"n": "00B", "other": "00B"}, "No"),
        ("StringLessThanEqualsPath", {"n": "00B", "other": "00B"}, "Yes"),
        ("StringGreaterThanPath", {"n": "00C", "other": "00B"}, "Yes"),
        ("StringGreaterThanEqualsPath", {"n": "00A", "other": "00B"}, "No"),
        ("StringLessThanPath", {"n": 1, "other": 2}, "No"),
        ("StringLessThanPath", {"n": "00A"}, None),
    ],
)
def test_texts_are_compared_with_the_text_at_a_path(
    bench: Bench, operator: str, document: dict[str, Any], end: str | None
) -> None:
    rule = {"Variable": "$.n", operator: "$.other", "Next": "Yes"}
    assert_chosen(bench, rule, document, end)


def test_the_context_object(bench: Bench) -> None:
    role = bench.role()
    paths = {"role.$": "$$.Execution.RoleArn", "name.$": "$$.State.Name", "machine.$": "$$.StateMachine.Name"}
    state = {"Type": "Pass", "Parameters": {**paths, "at.$": "$$.Execution.StartTime"}, "End": True}
    output = bench.run({"StartAt": "P", "States": {"P": state}}, role=role)
    assert (output["role"], output["name"]) == (role, "P")
    assert output["machine"].startswith("machine-")


def test_states_all_leaves_a_runtime_error_alone(bench: Bench) -> None:
    definition = task(INVOKE, {"FunctionName.$": "$.nothing"}, catch=["States.ALL"])
    assert bench.finished(bench.start(definition))["error"] == "States.Runtime"


def test_a_result_above_256_kib_fails(bench: Bench) -> None:
    name = bench.function("def handler(event, context): return 'x' * 263000")
    definition = task(INVOKE, {"FunctionName": name}, catch=["States.ALL"])
    assert bench.finished(bench.start(definition))["error"] == "States.DataLimitExceeded"


def test_retry_of_a_parallel_state(bench: Bench, failing: str) -> None:
    branch = task(INVOKE, {"FunctionName": failing, "Payload.$": "$$.State.RetryCount"})
    parallel = {
        "Type": "Parallel",
        "Branches": [branch],
        "Retry": [{"ErrorEquals": ["TooSmall"], "IntervalSeconds": 1, "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["TooSmall"], "Next": "Caught"}],
        "End": True,
    }
    states = {"P": parallel, "Caught": {"Type": "Pass", "End": True}}
    assert bench.run({"StartAt": "P", "States": states})["Error"] == "TooSmall"


def test_unknown_resources_fail(bench: Bench) -> None:
    for resource in ("arn:aws:states:::dynamodb:dropTable", "arn:aws:states:::aws-sdk:nothing:doIt"):
        assert bench.finished(bench.start(task(resource, {})))["error"] == "States.Runtime"


def test_no_execution_of_an_unknown_machine(cloud_client: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        cloud_client("stepfunctions").start_execution(
            stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:none"
        )
