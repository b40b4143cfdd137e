"""States and training, as they are followed."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.progress import Progress

from deploy_scripts.errors import CliError
from deploy_scripts.operations.runs.executions import ExecutionFollower, Step
from deploy_scripts.operations.runs.ledger import Run, find_item
from deploy_scripts.operations.runs.training_progress import (
    Ec2Follower,
    SageMakerFollower,
    TrainingProgress,
    parse_progress,
)
from deploy_scripts.operations.runs.watching import RunView, require_live, training_followers, watch_run
from deploy_scripts.screen import Screen
from state_machines.training_pipeline import training_pipeline
from training.job import progress

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def event(number: int, kind: str, **details: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "timestamp": NOON + timedelta(seconds=number), **details}


def entered(number: int, state: str) -> dict[str, Any]:
    return event(number, "TaskStateEntered", stateEnteredEventDetails={"name": state})


def left(number: int, state: str) -> dict[str, Any]:
    return event(number, "TaskStateExited", stateExitedEventDetails={"name": state})


def test_each_step_of_an_execution_is_told_once_and_in_order(stubbed: Any) -> None:
    failure = event(
        3,
        "TaskFailed",
        taskFailedEventDetails={
            "resourceType": "lambda",
            "resource": "invoke",
            "error": "Boom",
            "cause": "it broke",
        },
    )
    first = [event(1, "ExecutionStarted"), entered(2, "Inspect dataset"), failure]
    second = [left(4, "Inspect dataset"), entered(5, "Plan training")]
    stubbed.answer("stepfunctions", "get_execution_history", {"events": first[::-1]})
    stubbed.answer("stepfunctions", "get_execution_history", {"events": (first + second)[::-1]})
    third = [left(6, "Plan training"), event(7, "ExecutionAborted")]
    stubbed.answer("stepfunctions", "get_execution_history", {"events": (first + second + third)[::-1]})
    follower = ExecutionFollower(stubbed.deployment, stubbed.execution_arn)

    steps = follower.read_new()
    later = follower.read_new()
    assert not follower.ended
    assert [step.event for step in follower.read_new()] == ["left"]
    assert follower.ended

    assert [(step.event, step.state) for step in steps] == [
        ("entered", "Inspect dataset"),
        ("failed", "Inspect dataset"),
    ]
    assert (steps[1].error, steps[1].cause) == ("Boom", "it broke")
    assert [(step.event, step.state) for step in later] == [
        ("left", "Inspect dataset"),
        ("entered", "Plan training"),
    ]
    assert (later[0].at - steps[0].at).total_seconds() == 2


def test_a_state_left_after_a_caught_error_is_not_shown_as_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def steps(*happened: str) -> str:
        screen = Screen()
        with Progress(console=screen.console) as bar:
            view = RunView(screen, bar)
            for number, each in enumerate(happened):
                view.show(Step(each, "Train", "Task", NOON + timedelta(seconds=number), "Boom", "it broke"))
        return capsys.readouterr().out

    assert "! Train" in steps("entered", "failed", "left")
    assert "✓" not in steps("entered", "failed", "left")
    assert "✓ Train" in steps("entered", "failed", "succeeded", "left")


def test_the_lines_that_training_prints_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say_images("features", 120, 238)
    progress.say_epoch(3, train_loss=0.5, train_accuracy=0.9, valid_loss=0.6, valid_accuracy=0.84)
    progress.say_phase("read", images_total=238, classes=5)
    progress.say_test(accuracy=0.8913, loss=0.3712)
    features, epoch, other, test = capsys.readouterr().out.splitlines()

    assert parse_progress(features) == TrainingProgress("features: image 120 of 238", 120, 238)
    assert parse_progress(epoch, 20) == TrainingProgress(
        "epoch 3 of 20, loss 0.500, validation accuracy 0.840", 3, 20
    )
    assert parse_progress(epoch) == TrainingProgress(
        "epoch 3, loss 0.500, validation accuracy 0.840", 3, None
    )
    assert parse_progress(other) is None
    assert parse_progress(test) == TrainingProgress("test accuracy 0.891")


def test_training_is_followed_by_its_jobs_log(stubbed: Any) -> None:
    job = f"{stubbed.run_id}-0"
    stubbed.answer(
        "sagemaker",
        "list_training_jobs",
        {
            "TrainingJobSummaries": [
                {
                    "TrainingJobName": job,
                    "TrainingJobArn": "a" * 20,
                    "CreationTime": NOON,
                    "TrainingJobStatus": "InProgress",
                }
            ]
        },
    )
    stubbed.answer(
        "sagemaker",
        "describe_training_job",
        {
            "TrainingJobName": job,
            "TrainingJobArn": "a" * 20,
            "TrainingJobStatus": "InProgress",
            "SecondaryStatus": "Training",
            "CreationTime": NOON,
            "ModelArtifacts": {"S3ModelArtifacts": "s3://b/k"},
            "AlgorithmSpecification": {"TrainingInputMode": "File"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5},
            "StoppingCondition": {},
            "HyperParameters": {"epochs": "20"},
        },
    )
    stubbed.answer(
        "logs",
        "describe_log_streams",
        {"logStreams": [{"logStreamName": f"{job}/algo-1-1"}]},
        logGroupName="/aws/sagemaker/TrainingJobs",
        logStreamNamePrefix=f"{job}/",
    )
    stubbed.answer(
        "logs",
        "get_log_events",
        {
            "nextForwardToken": "t",
            "events": [
                {"message": "phase=features images_done=10 images_total=20"},
                {"message": "phase=features images_done=20 images_total=20"},
                {"message": "something else"},
            ],
        },
    )

    assert SageMakerFollower(stubbed.deployment, stubbed.run_id).read() == TrainingProgress(
        "features: image 20 of 20", 20, 20
    )


def test_a_run_without_a_training_job_has_no_progress(stubbed: Any) -> None:
    stubbed.answer("sagemaker", "list_training_jobs", {"TrainingJobSummaries": []})

    assert SageMakerFollower(stubbed.deployment, stubbed.run_id).read() is None


def test_training_on_ec2_is_followed_by_the_stream_of_its_instance(stubbed: Any) -> None:
    plan = {"hyperparameters": {"epochs": "20"}}
    stubbed.answer(
        "s3",
        "get_object",
        {"Body": io.BytesIO(json.dumps(plan).encode())},
        Bucket="dropserve-data",
        Key=f"runs/{stubbed.run_id}/plan.json",
    )
    group = "/dropserve/ec2-training"
    streams: dict[str, Any] = {"logGroupName": group, "logStreamNamePrefix": f"{stubbed.release}-"}
    stream = f"{stubbed.release}-0"
    stubbed.answer("logs", "describe_log_streams", {"logStreams": []}, **streams)
    stubbed.answer("logs", "describe_log_streams", {"logStreams": [{"logStreamName": stream}]}, **streams)
    stubbed.answer(
        "logs",
        "get_log_events",
        {
            "nextForwardToken": "after-one",
            "events": [{"message": "phase=features images_done=20 images_total=20"}],
        },
        logGroupName=group,
        logStreamName=stream,
        startFromHead=True,
    )
    stubbed.answer("logs", "describe_log_streams", {"logStreams": [{"logStreamName": stream}]}, **streams)
    epoch = "epoch=3 train_loss=0.5100 train_accuracy=0.8800 valid_loss=0.6200 valid_accuracy=0.8400"
    stubbed.answer(
        "logs",
        "get_log_events",
        {"nextForwardToken": "after-two", "events": [{"message": epoch}]},
        logGroupName=group,
        logStreamName=stream,
        startFromHead=True,
        nextToken="after-one",
    )
    follower = Ec2Follower(stubbed.deployment, stubbed.run_id)

    assert follower.read() == TrainingProgress("starting an instance")
    assert follower.read() == TrainingProgress("features: image 20 of 20", 20, 20)
    assert follower.read() == TrainingProgress("epoch 3 of 20, loss 0.510, validation accuracy 0.840", 3, 20)
    stubbed.assert_all_asked()


@pytest.mark.parametrize(
    "state", [name for name in training_pipeline()["States"] if name.startswith("Train on")]
)
def test_every_state_that_trains_is_followed(stubbed: Any, state: str) -> None:
    assert state in training_followers(stubbed.deployment, stubbed.run_id)


AGAIN = {"duplicate", "champion_kept", "superseded"}


@pytest.mark.parametrize("status", ["rejected", "duplicate", "champion_kept", "superseded", "blocked"])
def test_only_a_live_run_is_a_success(stubbed: Any, status: str) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status=status)]})
    run = Run(stubbed.run_id, "food", "drop", None, status, "the zip is corrupt", None, None, "2026", None)

    with pytest.raises(CliError) as failure:
        require_live(stubbed.deployment, run)

    assert failure.value.message == f"The run {stubbed.run_id} ended as {status}: the zip is corrupt"
    assert ("dropserve run --key" in failure.value.advice) == (status in AGAIN)
    assert "{" not in failure.value.advice


def test_a_failed_run_names_the_log_of_the_step_that_failed(stubbed: Any) -> None:
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status="failed")]})
    failure_event = event(
        3,
        "TaskFailed",
        taskFailedEventDetails={"resourceType": "sagemaker", "resource": "createTrainingJob.sync"},
    )
    events = [entered(2, "Train on SageMaker"), failure_event, left(4, "Train on SageMaker")]
    stubbed.answer("stepfunctions", "get_execution_history", {"events": events[::-1]})
    run = Run(stubbed.run_id, "food", "drop", None, "failed", "no memory", None, None, "2026", None)

    with pytest.raises(CliError) as failure:
        require_live(stubbed.deployment, run)

    assert "`dropserve logs training --run 01234567`" in failure.value.advice


def test_what_a_clean_up_does_not_find_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    absent = [
        (
            "Describe candidate endpoint",
            'Could not find endpoint "arn:aws:sagemaker:us-east-1:0:endpoint/x".',
        ),
        ("Delete candidate configuration", 'Could not find endpoint configuration "arn:aws:x".'),
        ("Delete candidate model", 'Could not find model "arn:aws:x".'),
        ("Deregister candidate scaling", "No scalable target found for service namespace: sagemaker"),
    ]
    screen = Screen()
    with Progress(console=screen.console) as bar:
        view = RunView(screen, bar)
        for state, cause in [*absent, ("Delete candidate model", "Rate exceeded")]:
            for each in ("entered", "failed", "left"):
                view.show(Step(each, state, "Task", NOON, "SageMaker.SageMakerException", cause))
    shown = capsys.readouterr().out

    assert "Could not find" not in shown and "No scalable" not in shown
    assert "! Delete candidate model" in shown and "Rate exceeded" in shown
    assert "✓" not in shown


def test_an_error_that_a_state_counts_on_is_one_calm_line(capsys: pytest.CaptureFixture[str]) -> None:
    cause = "Parameter /dropserve/live not found. (Service: Ssm, Status Code: 400, Request ID: 1)"
    absent, refused = "Ssm.ParameterNotFoundException", "Ssm.SsmException"
    screen = Screen()
    with Progress(console=screen.console) as bar:
        view = RunView(screen, bar)
        told = [
            ("Read live release", absent),
            ("Read applied capacity", absent),
            ("Read live pointer", refused),
            ("Audit IAM", absent),
        ]
        for state, error in told:
            for each in ("entered", "failed", "left"):
                view.show(Step(each, state, "Task", NOON, error, cause))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]

    assert lines[:2] == [
        "· Read live release nothing is live yet",
        "· Read applied capacity no capacity review was applied",
    ]
    faults = [line for line in lines if line.startswith("!")]
    assert len(faults) == 2
    assert all("Parameter /dropserve/live not found" in line for line in faults)


def test_the_findings_of_the_inspection_stand_on_the_screen(
    stubbed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = [
        {"code": "tiny", "severity": "warning", "message": "the class 'x\x1b[2J' is tiny", "names": []},
        {"code": "skewed", "severity": "warning", "message": "classes are uneven", "names": ["a"]},
    ]
    document = json.dumps({"problems": problems}).encode()
    history = [
        entered(2, "Inspect dataset"),
        event(3, "TaskSucceeded"),
        left(4, "Inspect dataset"),
        entered(5, "Plan training"),
        event(6, "TaskSucceeded"),
        left(7, "Plan training"),
    ]
    execution = {
        "executionArn": stubbed.execution_arn,
        "stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:x",
        "status": "SUCCEEDED",
        "startDate": NOON,
    }
    stubbed.answer("stepfunctions", "describe_execution", execution)
    stubbed.answer("stepfunctions", "get_execution_history", {"events": history[::-1]})
    stubbed.answer(
        "s3",
        "get_object",
        {"Body": io.BytesIO(document)},
        Bucket="dropserve-data",
        Key=f"runs/{stubbed.run_id}/inspection.json",
    )
    for _ in range(2):
        stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item()]})

    watch_run(Screen(), stubbed.deployment, find_item(stubbed.deployment, None))

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("✓ Inspect dataset")
    assert lines[2:4] == [
        "! warning: the class 'x\\x1b[2J' is tiny",
        "! warning: classes are uneven",
    ]
    assert lines[4].startswith("✓ Plan training")
