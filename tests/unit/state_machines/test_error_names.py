"""Every error that a Retry or Catch names is one that AWS sends: modelled by the API, or on a cited page."""

import pytest

from deploy_scripts.verify_aws.machine.error_names import impossible_errors, named_errors, possible_errors
from local_cloud.service_integrations.errors import (
    OPTIMIZED_ERROR_NAMES,
    optimized_error_name,
    sdk_error_name,
)
from state_machines.language.arguments import service_model
from state_machines.training_pipeline import training_pipeline

TASKS = {name: state for name, state in training_pipeline()["States"].items() if state["Type"] == "Task"}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_handles_errors_that_aws_sends(name: str) -> None:
    assert impossible_errors(TASKS[name]) == set()


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
        ("lambda", "Lambda.EC2ThrottledException"),
        ("aws-sdk:sfn", "Sfn.KmsThrottlingException"),
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


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure", "ServiceUnavailable"])
@pytest.mark.parametrize("name", TASKS)
def test_every_call_is_retried_when_it_is_throttled_or_fails_inside(name: str, code: str) -> None:
    resource = TASKS[name]["Resource"]
    api = "lambda:invoke" if resource.startswith("${") else resource.removeprefix("arn:aws:states:::")
    service = api.removeprefix("aws-sdk:").partition(":")[0]
    if api.startswith("aws-sdk:"):
        error = sdk_error_name(service_model(service), code)
    else:
        error = optimized_error_name(service, service_model(service), code)
    assert error in named_errors(TASKS[name])


def test_every_prefix_of_an_optimized_integration_is_known() -> None:
    services = {
        task["Resource"].removeprefix("arn:aws:states:::").partition(":")[0]
        for task in TASKS.values()
        if task["Resource"].startswith("arn:aws:states:::") and "aws-sdk" not in task["Resource"]
    }
    assert services <= set(OPTIMIZED_ERROR_NAMES)
