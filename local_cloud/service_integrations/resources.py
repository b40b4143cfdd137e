"""The Resource of a Task state, taken apart."""

import re
from dataclasses import dataclass

from local_cloud.service_integrations.errors import TaskError

_INTEGRATION = re.compile(
    r"arn:aws[\w-]*:states:[\w-]*:\d*:(?P<sdk>aws-sdk:)?(?P<service>[\w-]+):(?P<action>\w+)"
    r"(?P<pattern>\.sync:2|\.sync|\.waitForTaskToken)?"
)
_FUNCTION = re.compile(r"arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:.+")
_ACTIVITY = re.compile(r"arn:aws[\w-]*:states:[\w-]+:\d{12}:activity:.+")

# https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
OPTIMIZED_ACTIONS = {
    "dynamodb": {"getItem", "putItem", "updateItem", "deleteItem"},
    "events": {"putEvents"},
    "lambda": {"invoke"},
    "sagemaker": {
        "createEndpoint",
        "createEndpointConfig",
        "createHyperParameterTuningJob",
        "createLabelingJob",
        "createModel",
        "createProcessingJob",
        "createTrainingJob",
        "createTransformJob",
        "updateEndpoint",
    },
    "sns": {"publish"},
    "sqs": {"sendMessage"},
    "states": {"startExecution"},
}
# The jobs that this cloud can wait for.
WAITS_FOR = {("sagemaker", "createTrainingJob"), ("states", "startExecution")}


@dataclass(frozen=True)
class Resource:
    """What a task does: `kind` is function, activity, optimized or sdk."""

    kind: str
    arn: str
    service: str = ""
    action: str = ""
    pattern: str = ""

    @property
    def waits_for_token(self) -> bool:
        return self.pattern == ".waitForTaskToken"

    @property
    def waits_for_job(self) -> bool:
        return self.pattern.startswith(".sync")


def parse_resource(arn: str) -> Resource:
    """Takes a Resource apart. Raises TaskError `States.Runtime` for what Step Functions does not know."""
    if _FUNCTION.fullmatch(arn):
        return Resource("function", arn, "lambda", "invoke")
    if _ACTIVITY.fullmatch(arn):
        return Resource("activity", arn, "activity", arn.rsplit(":", 1)[-1])
    match = _INTEGRATION.fullmatch(arn)
    if not match:
        raise TaskError("States.Runtime", f"The resource provided {arn} is not recognized.")
    kind = "sdk" if match["sdk"] else "optimized"
    resource = Resource(kind, arn, match["service"], match["action"], match["pattern"] or "")
    _check(resource)
    return resource


def _check(resource: Resource) -> None:
    service, action = resource.service, resource.action
    if resource.kind == "sdk":
        if resource.waits_for_job:
            raise TaskError("States.Runtime", f"{resource.arn}: an AWS SDK integration has no .sync")
        return
    if action not in OPTIMIZED_ACTIONS.get(service, ()):
        raise TaskError("States.Runtime", f"The resource provided {resource.arn} is not recognized.")
    if resource.waits_for_job and (service, action) not in WAITS_FOR:
        raise TaskError("States.Runtime", f"{resource.arn}: this cloud cannot wait for that kind of job")
