"""What a call can end in, by the names that Retry and Catch know."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from functions.accept_model.agreement import AcceptanceError
from local_cloud.service_integrations.errors import optimized_error_name, sdk_error_name
from state_machines.language.arguments import service_model

# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_RESERVED = {"States.ALL", "States.Timeout", "States.TaskFailed", "States.HeartbeatTimeout"}
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
_OF_LAMBDA = {
    f"Lambda.{name}Exception" for name in ("ClientExecutionTimeout", "Service", "AWSLambda", "SdkClient")
}

# What a function raises comes under the name of its class:
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_RAISED = {AcceptanceError.__name__}


def named_errors(task: Mapping[str, Any]) -> set[str]:
    """Every name in a Task's Retry and Catch."""
    handlers = [*task.get("Retry", []), *task.get("Catch", [])]
    return {error for handler in handlers for error in handler["ErrorEquals"]}


def impossible_errors(task: Mapping[str, Any]) -> set[str]:
    """The names in a Task's Retry and Catch that AWS never sends for its call."""
    resource = task["Resource"]
    allowed = possible_errors(resource) | _RESERVED
    if resource.startswith(("${", "arn:aws:states:::lambda:")):
        allowed |= _OF_LAMBDA | _RAISED
    return named_errors(task) - allowed


@cache
def possible_errors(resource: str) -> set[str]:
    """What the integration may end in, by botocore's model of the API that it calls."""
    api = resource.removeprefix("arn:aws:states:::")
    if api.startswith("${"):  # a function by its ARN
        api = "lambda:invoke"
    service, _, _operation = api.removeprefix("aws-sdk:").partition(":")
    model = service_model(service)
    codes = [shape.name for shape in model.error_shapes]
    unmodelled = "AnErrorThatNoModelKnows"
    if api.startswith("aws-sdk:"):
        found = {sdk_error_name(model, code) for code in [*codes, unmodelled]}
    else:
        found = {optimized_error_name(service, model, code) for code in [*codes, unmodelled]}
    prefixes = {name.partition(".")[0] for name in found}
    return found | {f"{prefix}.SdkClientException" for prefix in prefixes}
