"""What Step Functions catches becomes one good sentence, whatever form its Cause has."""

import json
from typing import Any

import pytest

from contracts.training_job import disk_full_sentence
from functions.read_failure.reading import read_failure

SENTENCE = 'the photos of "cat" are no photos'
MAX_CAUSE_CHARACTERS = 32_768


def job(**fields: Any) -> str:
    """The description of a training job, as createTrainingJob.sync gives it for a Cause."""
    described = {
        "TrainingJobName": "dropserve-0123-0",
        "TrainingJobArn": "arn:aws:sagemaker:us-east-1:000000000000:training-job/dropserve-0123-0",
        "TrainingJobStatus": "Failed",
        "SecondaryStatus": "Failed",
        "FailureReason": f"AlgorithmError: {SENTENCE}, exit code: 1",
        "HyperParameters": {"inspection-findings": '"CapacityError, Interrupted"'},
        **fields,
    }
    return json.dumps({name: value for name, value in described.items() if value is not None})


def task_failed(cause: str | None) -> dict[str, Any]:
    return {"Error": "States.TaskFailed", **({} if cause is None else {"Cause": cause})}


GOOD = [
    (task_failed(job()), f"training failed: {SENTENCE}"),
    (task_failed(job(FailureReason="AlgorithmError: out of\nmemory")), "training failed: out of memory"),
    (
        task_failed(job(FailureReason="ClientError: no such image")),
        "training failed: ClientError: no such image",
    ),
    (
        task_failed(
            job(FailureReason="ClientError: Artifact upload failed:[Errno 28] No space left on device")
        ),
        "training failed: the disk is full (ClientError: Artifact upload failed:[Errno 28] No space left on "
        "device): make room on it, or train on fewer or smaller photos",
    ),
    (
        task_failed(
            job(FailureReason=f"AlgorithmError: {disk_full_sentence('[Errno 28] No space left on device')}")
        ),
        "training failed: the disk is full ([Errno 28] No space left on device): make room on it, or",
    ),
    (
        {"Error": "TrainingFailed", "Cause": "gzip: stdout: No space left on device\nmore of the log"},
        "training failed: the disk is full (gzip: stdout: No space left on device): make room on it, or",
    ),
    (task_failed(job(FailureReason=None)), "the training job ended as Failed, without a reason: see "),
    (
        task_failed(job(FailureReason="AlgorithmError: , exit code: 137")),
        "the training job ended as Failed, exit code: 137, w",
    ),
    (
        task_failed(job(TrainingJobStatus="Stopped", SecondaryStatus="Stopped", FailureReason=None)),
        "the training job was stopped: somebody stopped it",
    ),
    (
        task_failed(
            job(TrainingJobStatus="Stopped", SecondaryStatus="MaxRuntimeExceeded", FailureReason=None)
        ),
        "the training job was stopped: it ran longer than its time limit (MaxRuntimeExceeded)",
    ),
    (
        task_failed(job(TrainingJobStatus="Stopped", SecondaryStatus="MaxWaitTimeExceeded")),
        "the training job was stopped: it waited longer for spot capacity",
    ),
    (
        task_failed(job(HyperParameters={"x": "y" * 90_000})[:MAX_CAUSE_CHARACTERS]),
        f"training failed: {SENTENCE}",
    ),
    (task_failed(job()[: job().index("are no photos")]), 'training failed: the photos of "cat"'),
    (task_failed("{not JSON"), "States.TaskFailed: {not JSON"),
    (task_failed(""), "States.TaskFailed"),
    (task_failed(None), "States.TaskFailed"),
    (task_failed("null"), "States.TaskFailed: null"),
    (task_failed("[" * 20_000), "States.TaskFailed: [[["),
    (
        {"Error": "TrainingFailed", "Cause": f"{SENTENCE}\nlog line 1\nlog line 2"},
        f"training failed: {SENTENCE}",
    ),
    (
        {"Error": "KeyError", "Cause": json.dumps({"errorMessage": "'url'", "errorType": "KeyError"})},
        "KeyError: 'url'",
    ),
    (
        {
            "Error": "Sandbox.Timedout",
            "Cause": json.dumps({"errorMessage": "Task timed out after 300.00 seconds", "errorType": None}),
        },
        "Sandbox.Timedout: Task timed out after 300.00 seconds",
    ),
    ({"Error": "Lambda.Unknown", "Cause": json.dumps({"errorMessage": ["odd"]})}, 'Lambda.Unknown: ["odd"]'),
    (
        {"Error": "States.HeartbeatTimeout"},
        "States.HeartbeatTimeout: the training instance gave no sign of life",
    ),
    ({"Error": "States.Timeout", "Cause": ""}, "States.Timeout: a step of the run took longer"),
    (
        {"Error": "EndpointFailed", "Cause": "the container did not start"},
        "EndpointFailed: the container did not",
    ),
    ({"Cause": "no name"}, "an unknown error: no name"),
    ("odd", "an unknown error"),
    (None, "an unknown error"),
]


@pytest.mark.parametrize(("error", "sentence"), GOOD, ids=lambda value: str(value)[:60])
def test_an_error_becomes_a_sentence(error: Any, sentence: str) -> None:
    assert read_failure(error)["reason"].startswith(sentence)


@pytest.mark.parametrize("cause", ["x" * MAX_CAUSE_CHARACTERS, job(FailureReason="\N{DOG FACE}" * 8000)])
def test_the_longest_cause_becomes_a_short_reason(cause: str) -> None:
    reason = read_failure(task_failed(cause))["reason"]
    assert len(reason) == 1000
    assert reason.endswith("…")


def test_nothing_in_a_reason_can_move_a_cursor() -> None:
    reason = read_failure(task_failed(job(FailureReason="AlgorithmError: \x1b[2Jcat\u202egpj")))["reason"]
    assert reason == "training failed: \\x1b[2Jcat\\u202egpj"


@pytest.mark.parametrize(
    ("cause", "lacking"),
    [
        (job(SecondaryStatus="MaxWaitTimeExceeded", TrainingJobStatus="Stopped"), True),
        (job(SecondaryStatus="Interrupted"), True),
        (job(FailureReason="CapacityError: Unable to provision requested ML compute capacity"), True),
        (job(), False),
        (job(HyperParameters={"key": "CapacityError Interrupted MaxWaitTimeExceeded"}), False),
        ("CapacityError", False),
    ],
)
def test_only_the_job_itself_says_that_spot_capacity_was_lacking(cause: str, lacking: bool) -> None:
    assert read_failure(task_failed(cause))["lacks_spot_capacity"] is lacking
