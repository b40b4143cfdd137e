"""How a task looks at the job that it waits for."""

import threading
from typing import Any

import pytest

from local_cloud.service_integrations.api_calls import ApiCalls
from local_cloud.service_integrations.errors import TaskError
from local_cloud.service_integrations.integrations import Integrations
from local_cloud.service_integrations.resources import parse_resource

TRAIN = parse_resource("arn:aws:states:::sagemaker:createTrainingJob.sync")
RUN = parse_resource("arn:aws:states:::states:startExecution.sync:2")
LOST = TaskError("SageMaker.SdkClientException", "Connect timeout on endpoint URL")


def run(monkeypatch: pytest.MonkeyPatch, resource: Any, *answers: Any) -> Any:
    """The result of a task whose calls are answered so, one after the other."""
    coming = iter(answers)

    def call(*_: Any) -> Any:
        answer = next(coming)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(ApiCalls, "call", call)
    given = {"TrainingJobName": "job-1"}
    return Integrations().run(resource, given, "arn:aws:iam::0:role/x", "us-east-1", threading.Event())


def test_a_look_without_an_answer_fails_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    done = {"TrainingJobStatus": "Completed"}
    assert run(monkeypatch, TRAIN, {}, LOST, {"TrainingJobStatus": "InProgress"}, LOST, done) == done
    ended = {"Status": "SUCCEEDED", "Input": "{}", "Output": '{"a": 1}'}
    assert run(monkeypatch, RUN, {"ExecutionArn": "arn:x"}, LOST, ended)["Output"] == {"a": 1}


@pytest.mark.parametrize(
    "answers",
    [(LOST,), ({}, TaskError("SageMaker.AmazonSageMakerException", "User is not authorized"))],
    ids=["the call that begins it", "a look that is refused"],
)
def test_any_other_failure_does(monkeypatch: pytest.MonkeyPatch, answers: tuple[Any, ...]) -> None:
    with pytest.raises(TaskError):
        run(monkeypatch, TRAIN, *answers)
