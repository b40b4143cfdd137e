"""What a task's Resource does: call a function, call an API, or run a job to its end."""

import json
import threading
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.service_integrations.api_calls import ApiCalls
from local_cloud.service_integrations.errors import TaskError
from local_cloud.service_integrations.resources import Resource

POLL_S = 0.25
JOB_ENDS = {"Completed", "Failed", "Stopped"}


class Integrations:
    """Runs tasks with the credentials of the state machine's role."""

    def __init__(self) -> None:
        self._calls = ApiCalls()

    def run(
        self, resource: Resource, parameters: Any, role_arn: str, region: str, cancelled: threading.Event
    ) -> Any:
        """The task's result. A job (`.sync`) is stopped when `cancelled` is set. Raises TaskError."""
        if resource.kind == "function":
            return self._call_function(resource, parameters, role_arn, region)
        if resource.kind == "optimized" and resource.service == "lambda":
            return self._invoke(resource, parameters, role_arn, region)
        if not resource.waits_for_job:
            return self._calls.call(resource, parameters, role_arn, region)
        if resource.service == "sagemaker":
            return self._train(resource, parameters, role_arn, region, cancelled)
        return self._run_execution(resource, parameters, role_arn, region, cancelled)

    def _call_function(self, resource: Resource, event: Any, role_arn: str, region: str) -> Any:
        invoke = Resource("optimized", resource.arn, "lambda", "invoke")
        parameters = {"FunctionName": resource.arn, "Payload": event}
        return self._invoke(invoke, parameters, role_arn, region)["Payload"]

    def _invoke(self, resource: Resource, parameters: Any, role_arn: str, region: str) -> dict[str, Any]:
        """A failed function's error is the task's: https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html"""
        payload = parameters.get("Payload", {})
        result = self._calls.call(resource, {**parameters, "Payload": json.dumps(payload)}, role_arn, region)
        text = result.get("Payload", "")
        if result.pop("FunctionError", None):
            raise _function_failure(text)
        return {**result, "Payload": json.loads(text) if text else None}

    def _train(
        self, resource: Resource, parameters: Any, role_arn: str, region: str, cancelled: threading.Event
    ) -> dict[str, Any]:
        self._calls.call(resource, parameters, role_arn, region)
        job = {"TrainingJobName": parameters["TrainingJobName"]}
        describe = Resource("optimized", resource.arn, "sagemaker", "describeTrainingJob")
        while True:
            description = self._looked_at(describe, job, role_arn, region)
            status = description.get("TrainingJobStatus")
            if status == "Completed":
                return description
            if status in JOB_ENDS:
                raise TaskError("States.TaskFailed", json.dumps(_without_metadata(description)))
            if cancelled.wait(POLL_S):
                self._stop("sagemaker", "StopTrainingJob", job, role_arn, region)
                raise TaskError("States.TaskFailed", "the task was cancelled")

    def _run_execution(
        self, resource: Resource, parameters: Any, role_arn: str, region: str, cancelled: threading.Event
    ) -> dict[str, Any]:
        started = self._calls.call(resource, parameters, role_arn, region)
        execution = {"executionArn": started["ExecutionArn"]}
        describe = Resource("optimized", resource.arn, "states", "describeExecution")
        while True:
            description = self._looked_at(
                describe, {"ExecutionArn": started["ExecutionArn"]}, role_arn, region
            )
            if description.get("Status", "RUNNING") != "RUNNING":
                return _execution_result(description, parse_output=resource.pattern == ".sync:2")
            if cancelled.wait(POLL_S):
                self._stop("stepfunctions", "StopExecution", execution, role_arn, region)
                raise TaskError("States.TaskFailed", "the task was cancelled")

    def _looked_at(
        self, describe: Resource, parameters: dict[str, Any], role_arn: str, region: str
    ) -> dict[str, Any]:
        """A description; empty where no answer came, as of a cloud that is busy: the next look tells."""
        try:
            return self._calls.call(describe, parameters, role_arn, region)
        except TaskError as failure:
            if failure.error.endswith(".SdkClientException"):
                return {}
            raise

    def _stop(
        self, service: str, operation: str, request: dict[str, Any], role_arn: str, region: str
    ) -> None:
        """A best effort, as on AWS: the job may have ended in the meantime."""
        try:
            self._calls.raw(service, operation, request, role_arn, region)
        except (ClientError, BotoCoreError):
            return


def _function_failure(payload: str) -> TaskError:
    try:
        error = json.loads(payload).get("errorType")
    except (ValueError, AttributeError):
        error = None
    return TaskError(error or "Lambda.Unknown", payload)


def _execution_result(description: dict[str, Any], *, parse_output: bool) -> dict[str, Any]:
    description = _without_metadata(description)
    if description["Status"] != "SUCCEEDED":
        raise TaskError("States.TaskFailed", json.dumps(description))
    if parse_output:
        for field in ("Input", "Output"):
            description[field] = json.loads(description.get(field, "null"))
    return description


def _without_metadata(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if not key.startswith("Sdk")}
