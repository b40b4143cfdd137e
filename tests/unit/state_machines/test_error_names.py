"""Every error that a Retry or Catch names is one that AWS sends: modelled by the API, or on a cited page."""

from functools import cache
from typing import Any

import botocore.session
import pytest

from local_cloud.service_integrations.errors import (
    OPTIMIZED_ERROR_NAMES,
    optimized_error_name,
    sdk_error_name,
)
from state_machines.language.arguments import BOTOCORE_NAMES
from state_machines.training_pipeline import training_pipeline

# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
RESERVED = {"States.ALL", "States.Timeout", "States.TaskFailed", "States.HeartbeatTimeout"}
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
OF_THE_LAMBDA_PAGE = {
    f"Lambda.{name}Exception" for name in ("ClientExecutionTimeout", "Service", "AWSLambda", "SdkClient")
}
TASKS = {name: state for name, state in training_pipeline()["States"].items() if state["Type"] == "Task"}


def named_errors(task: dict[str, Any]) -> set[str]:
    handlers = [*task.get("Retry", []), *task.get("Catch", [])]
    return {error for handler in handlers for error in handler["ErrorEquals"]}


@cache
def possible_errors(resource: str) -> set[str]:
    """What the integration may end in, by botocore's model of the API that it calls."""
    api = resource.removeprefix("arn:aws:states:::")
    if api.startswith("${"):  # a function by its ARN
        api = "lambda:invoke"
    service, _, _operation = api.removeprefix("aws-sdk:").partition(":")
    model = botocore.session.get_session().get_service_model(BOTOCORE_NAMES.get(service, service))
    codes = [shape.name for shape in model.error_shapes]
    unmodelled = "AnErrorThatNoModelKnows"
    if api.startswith("aws-sdk:"):
        found = {sdk_error_name(model, code) for code in [*codes, unmodelled]}
    else:
        found = {optimized_error_name(service, model, code) for code in [*codes, unmodelled]}
    prefixes = {name.partition(".")[0] for name in found}
    return found | {f"{prefix}.SdkClientException" for prefix in prefixes}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_handles_errors_that_aws_sends(name: str) -> None:
    allowed = possible_errors(TASKS[name]["Resource"]) | RESERVED
    if TASKS[name]["Resource"].startswith(("${", "arn:aws:states:::lambda:")):
        allowed |= OF_THE_LAMBDA_PAGE
    assert named_errors(TASKS[name]) <= allowed


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        ("arn:aws:states:::dynamodb:putItem", "DynamoDB.DynamoDBException"),
        ("arn:aws:states:::sns:publish", "SNS.SNSException"),
        ("arn:aws:states:::aws-sdk:s3:headObject", "S3.ThrottlingException"),
    ],
)
def test_a_name_that_aws_never_sends_is_found(resource: str, error: str) -> None:
    assert error not in possible_errors(resource)


@pytest.mark.parametrize(
    ("service", "error"),
    [
        ("lambda", "Lambda.TooManyRequestsException"),
        ("aws-sdk:applicationautoscaling", "ApplicationAutoScaling.ConcurrentUpdateException"),
        ("aws-sdk:ssm", "Ssm.InternalServerErrorException"),
        ("dynamodb", "DynamoDB.AmazonDynamoDBException"),
    ],
)
def test_what_passes_by_itself_is_retried(service: str, error: str) -> None:
    tasks = [task for task in TASKS.values() if task["Resource"].startswith(f"arn:aws:states:::{service}:")]
    assert tasks
    for task in tasks:
        assert error in named_errors(task)


def test_every_prefix_of_an_optimized_integration_is_known() -> None:
    services = {
        task["Resource"].removeprefix("arn:aws:states:::").partition(":")[0]
        for task in TASKS.values()
        if task["Resource"].startswith("arn:aws:states:::") and "aws-sdk" not in task["Resource"]
    }
    assert services <= set(OPTIMIZED_ERROR_NAMES)
