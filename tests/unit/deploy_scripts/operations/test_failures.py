"""Failures of the workflow, made readable."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy_scripts.operations.logs.hints import AFTERWARDS, FUNCTION_STATES, failed_state
from deploy_scripts.operations.runs.executions import Step
from deploy_scripts.operations.runs.failures import (
    TEARS_DOWN,
    expected_answer,
    readable_failure,
    readable_reason,
)
from deploy_scripts.packaging.functions import function_names
from state_machines.training_pipeline import training_pipeline

FUNCTION_CAUSE = json.dumps(
    {"errorMessage": "[Errno 2] no such file", "errorType": "FileNotFoundError", "stackTrace": []}
)


@pytest.mark.parametrize(
    ("error", "cause", "text"),
    [
        ("FileNotFoundError", FUNCTION_CAUSE, "FileNotFoundError: [Errno 2] no such file"),
        (
            "SageMaker.SageMakerException",
            "Could not find it.\nAt all.",
            "SageMaker.SageMakerException: Could not find it.",
        ),
        ("States.Timeout", "", "States.Timeout"),
    ],
)
def test_a_failure_is_one_line(error: str, cause: str, text: str) -> None:
    assert readable_failure(error, cause) == text


def test_a_ledgers_reason_is_made_readable_only_when_it_is_an_errors_json() -> None:
    assert readable_reason(json.dumps({"Error": "X", "Cause": FUNCTION_CAUSE})).startswith(
        "FileNotFoundError: "
    )
    assert readable_reason("the zip is empty") == "the zip is empty"
    assert readable_reason('{"classes": 1}') == '{"classes": 1}'


def test_a_long_cause_is_cut() -> None:
    assert len(readable_failure("Error", "x" * 5000)) < 1400


def job(**fields: Any) -> str:
    """What `createTrainingJob.sync` gives as the cause: the job as DescribeTrainingJob tells it."""
    return json.dumps({"TrainingJobName": "dropserve-1-0", "TrainingJobArn": "arn:x", **fields})


SENTENCE = "AlgorithmError: training failed: 3 of 9 photos cannot be read, more than 20%, exit code: 1"


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (
            job(TrainingJobStatus="Failed", SecondaryStatus="Failed", FailureReason=SENTENCE),
            f"the training job dropserve-1-0 ended as Failed: {SENTENCE}",
        ),
        (
            job(TrainingJobStatus="Failed", FailureReason="AlgorithmError: X:\nExitCode 1\nErrorMessage ''"),
            "the training job dropserve-1-0 ended as Failed: AlgorithmError: X: ExitCode 1 ErrorMessage ''",
        ),
        (
            job(TrainingJobStatus="Stopped", SecondaryStatus="Stopped"),
            "the training job dropserve-1-0 was stopped: StopTrainingJob was called for it",
        ),
        (
            job(TrainingJobStatus="Stopped", SecondaryStatus="MaxRuntimeExceeded"),
            "the training job dropserve-1-0 was stopped: it ran longer than its plan allows",
        ),
        (
            job(TrainingJobStatus="Stopped", SecondaryStatus="MaxWaitTimeExceeded"),
            "the training job dropserve-1-0 was stopped: "
            "no spot capacity came in the time that its plan allows",
        ),
        (
            job(TrainingJobStatus="Failed"),
            "the training job dropserve-1-0 ended as Failed: SageMaker gives no reason",
        ),
        (  # too long, and cut by whoever handed it on
            job(
                TrainingJobStatus="Failed", FailureReason='a "quoted" reason', HyperParameters={"x": "y" * 99}
            )[:-60],
            'the training job dropserve-1-0 ended as Failed: a "quoted" reason',
        ),
    ],
)
def test_a_training_that_failed_says_its_own_sentence(cause: str, text: str) -> None:
    assert readable_failure("States.TaskFailed", cause) == text
    assert readable_reason(json.dumps({"Error": "States.TaskFailed", "Cause": cause})) == text


@pytest.mark.parametrize(
    "reason",
    [
        '{"Error": 5, "Cause": null}',
        '{"Error": {}, "Cause": []}',
        "[" * 100_000,
        '{"Error": "E"' + "[" * 100_000,
    ],
)
def test_a_strange_reason_is_still_told(reason: str) -> None:
    assert readable_reason(reason)


@pytest.mark.parametrize(
    ("happened", "state"),
    [
        ([("Plan training", "succeeded"), ("Train on EC2", "failed")], "Train on EC2"),
        (
            [
                ("Acquire deploy lock", "failed"),
                ("Acquire deploy lock", "succeeded"),
                ("Switch live endpoint", "failed"),
            ],
            "Switch live endpoint",
        ),
        ([("Read lock holder", "failed"), ("Create endpoint", "succeeded")], "Create endpoint"),
        (
            [
                ("Train on SageMaker", "failed"),
                ("Train on demand", "failed"),
                ("Delete candidate model", "failed"),
            ],
            "Train on demand",
        ),
        (  # a training job that was stopped
            [
                ("Train on SageMaker", "failed"),
                ("Read failure", "succeeded"),
                ("Describe training instances", "succeeded"),
                ("Record outcome", "succeeded"),
            ],
            "Train on SageMaker",
        ),
        (  # spot capacity did not come, and on demand it failed
            [
                ("Train on SageMaker", "failed"),
                ("Read spot failure", "succeeded"),
                ("Train on demand", "failed"),
                ("Read failure", "failed"),
            ],
            "Train on demand",
        ),
        (  # a folder, which is rechecked
            [
                ("Train on EC2", "failed"),
                ("Read spot failure", "succeeded"),
                ("Recheck folder", "succeeded"),
            ],
            "Train on EC2",
        ),
        ([("Read input", "failed"), ("Read failure", "succeeded")], "Read input"),
        (
            [("Describe endpoint", "succeeded"), ("Describe candidate endpoint", "succeeded")],
            "Describe endpoint",
        ),
        ([], None),
    ],
)
def test_the_step_at_which_a_run_failed(happened: list[tuple[str, str]], state: str | None) -> None:
    steps = [Step(event, name, "Task", datetime(2026, 11, 22, tzinfo=UTC)) for name, event in happened]  # type: ignore[arg-type]

    assert failed_state(steps) == state


def test_every_function_of_the_workflow_has_its_log() -> None:
    invoked = {
        name
        for name, state in training_pipeline()["States"].items()
        if state.get("Resource", "").endswith((":lambda:invoke", "Function}"))
        and not name.startswith(AFTERWARDS)
    }

    assert set(FUNCTION_STATES) == invoked
    assert set(FUNCTION_STATES.values()) <= set(function_names())


def test_an_error_that_is_no_fault_is_caught_by_its_name() -> None:
    caught = {
        (name, error): expected_answer(name, error)
        for name, state in training_pipeline()["States"].items()
        for catch in state.get("Catch", [])
        for error in catch["ErrorEquals"]
    }
    expected = {name for (name, _), told in caught.items() if told}
    assert {"Claim drop", "Read live release", "Read applied capacity again"} <= expected
    # Each of these says something that went wrong.
    faults = {name for (name, error), told in caught.items() if not told and error != "States.ALL"}
    assert faults == {
        *("Train on SageMaker", "Train on demand", "Train on EC2", "Create endpoint"),
        *("Test release", "Test canary"),
    }


@pytest.mark.parametrize("prefix", [*AFTERWARDS, *TEARS_DOWN])
def test_what_runs_after_a_failure_is_a_state_of_the_workflow(prefix: str) -> None:
    assert any(name.startswith(prefix) for name in training_pipeline()["States"])
