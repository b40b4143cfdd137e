"""How each kind of call is made: every Task gets a timeout, a bounded Retry with jitter and a Catch.

Error names: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html and, for the
`<Service>.<Error>Exception` form, https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from typing import Any

from contracts.workflow import DEPLOY_LOCK_ID
from state_machines.states_language import Catch, Retry, State, Task

# The longest that a Lambda function may run: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_LIMIT_S = 900
CALL_TIMEOUT_S = 60

_LAMBDA_TRANSIENT = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]


def retry(errors: list[str], *, attempts: int = 4, interval_s: int = 2, max_delay_s: int = 30) -> Retry:
    """Retry `errors` at most `attempts` times, after 2, 4, 8 ... seconds, spread by full jitter."""
    return Retry(
        error_equals=errors,
        interval_seconds=interval_s,
        max_attempts=attempts,
        backoff_rate=2.0,
        max_delay_seconds=max_delay_s,
        jitter_strategy="FULL",
    )


def catch(step: Any, errors: list[str] | None = None, *, result_path: str | None = "$.error") -> Catch:
    """Go to `step` on `errors` (all of them unless named), with the error under `result_path`."""
    return Catch(step, error_equals=errors or ["States.ALL"], result_path=result_path)


def read_with_function(name: str, function: str, *, on_error: State) -> Task:
    """A Lambda function's answer to the state's whole input, in its place; so is the error of a failed call.

    Named by its ARN, the function gets an input of any size and type that an execution may have; a payload of
    lambda:invoke would add to it.
    """
    return Task(
        name,
        resource=function,
        timeout_seconds=LAMBDA_LIMIT_S,
        retry=[retry(_LAMBDA_TRANSIENT)],
        catch=[catch(on_error, result_path="$")],
    )


def invoke_function(  # noqa: PLR0913  one keyword a field of the state
    name: str,
    function: str,
    payload: dict[str, Any],
    *,
    into: str,
    on_error: State,
    error_into: str | None = "$.error",
) -> Task:
    """A Lambda function's answer to `payload`, put at `into`; what it raises at `error_into`."""
    return Task(
        name,
        resource="arn:aws:states:::lambda:invoke",
        parameters={"FunctionName": function, "Payload": payload},
        result_selector={"answer.$": "$.Payload"},
        result_path=into,
        timeout_seconds=LAMBDA_LIMIT_S,
        retry=[retry(_LAMBDA_TRANSIENT)],
        catch=[catch(on_error, result_path=error_into)],
    )


def call(  # noqa: PLR0913  one keyword a field of the state
    name: str,
    api: str,
    parameters: dict[str, Any],
    *,
    on_error: State,
    select: dict[str, Any] | None = None,
    into: str | None = None,
    catches: list[Catch] | None = None,
    retries: list[Retry] | None = None,
    attempts: int = 4,
    error_into: str | None = "$.error",
    **fields: Any,
) -> Task:
    """A call of an AWS API, `api` being what follows `arn:aws:states:::`.

    `into` None drops the answer; `error_into` None the error, where the run goes on whatever it was.
    """
    selector = {"result_selector": select} if select else {}
    return Task(
        name,
        resource=f"arn:aws:states:::{api}",
        parameters=parameters,
        result_path=into,
        timeout_seconds=fields.pop("timeout_seconds", CALL_TIMEOUT_S),
        retry=[*(retries or []), retry(_transient_errors(api), attempts=attempts)],
        catch=[*(catches or []), catch(on_error, result_path=error_into)],
        **selector,
        **fields,
    )


def _transient_errors(api: str) -> list[str]:
    """The names under which throttling, server faults and broken connections of an API surface."""
    service = api.removeprefix("aws-sdk:").split(":")[0]
    prefix = _ERROR_PREFIX[api.startswith("aws-sdk:"), service]
    if prefix == "SageMaker" and not api.startswith("aws-sdk:"):
        return ["SageMaker.AmazonSageMakerException", "SageMaker.SdkClientException"]
    names = [f"{prefix}.ThrottlingException", f"{prefix}.{prefix}Exception", f"{prefix}.SdkClientException"]
    if service == "dynamodb":
        names.append(f"{prefix}.ProvisionedThroughputExceededException")
    return names


# (through aws-sdk?, service in the resource) -> what its error names begin with
_ERROR_PREFIX = {
    (False, "dynamodb"): "DynamoDB",
    (False, "sagemaker"): "SageMaker",
    (False, "sns"): "SNS",
    (True, "applicationautoscaling"): "ApplicationAutoScaling",
    (True, "ec2"): "Ec2",
    (True, "lambda"): "Lambda",
    (True, "s3"): "S3",
    (True, "sagemaker"): "SageMaker",
    (True, "sfn"): "Sfn",
    (True, "ssm"): "Ssm",
}


def update_item(name: str, key: dict[str, str], values: dict[str, dict[str, str]], **fields: Any) -> Task:
    """Set attributes of one item of the ledger; `condition` and its own `condition_values` are optional.

    Every attribute goes by an expression name, since some (`status`, `source`) are DynamoDB's reserved words.
    """
    condition = fields.pop("condition", None)
    parameters: dict[str, Any] = {
        "TableName": "${LedgerTable}",
        "Key": {"run_id": key},
        "UpdateExpression": "SET " + ", ".join(f"#{attribute} = :{attribute}" for attribute in values),
        "ExpressionAttributeNames": {f"#{attribute}": attribute for attribute in values},
        "ExpressionAttributeValues": {f":{attribute}": value for attribute, value in values.items()}
        | fields.pop("condition_values", {}),
    }
    if condition:
        parameters["ConditionExpression"] = condition
    return call(name, "dynamodb:updateItem", parameters, **fields)


THIS_RUN = {"S.$": "$.run.id"}
# What the ledger says of a run from its first moment.
RUN_ATTRIBUTES = {
    "source": {"S.$": "$.run.source"},
    "bucket": {"S.$": "$.run.bucket"},
    "drop_key": {"S.$": "$.run.key"},
    "version_id": {"S.$": "$.run.version_id"},
    "execution_arn": {"S.$": "$.run.execution_arn"},
    "started_at": {"S.$": "$.run.started_at"},
}
# The ledger's one item that is no run: who deploys now, and which drop was released last.
DEPLOY_LOCK = {"S": DEPLOY_LOCK_ID}
