"""How each kind of call is made: every Task gets a timeout, a bounded Retry with jitter and a Catch."""

from collections.abc import Sequence
from typing import Any

from state_machines.language.sdk import Assign, Catch, Retry, State, Task, jsonata
from state_machines.language.transient_errors import transient_errors

# The longest that a Lambda function may run: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_LIMIT_S = 900
CALL_TIMEOUT_S = 60
# The caught error, for "Read failure".
KEEP_ERROR = {"error": jsonata("$states.errorOutput")}


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


def catch(
    step: State,
    errors: list[str] | None = None,
    *,
    assign: Assign | None = None,
    output: str | None = None,
) -> Catch:
    """Go to `step` on `errors` (all of them unless named), with the error as its input, or `output`."""
    return Catch(step, error_equals=errors or ["States.ALL"], assign=assign, output=output)


def read_with_function(name: str, function: str, *, assign: Assign) -> Task:
    """A Lambda function that gets the execution's input as it is; best_effort() adds its Catch.

    Named by its ARN, the function gets an input of any size and type that an execution may have; a payload of
    lambda:invoke would add to it.
    """
    return Task(
        name,
        resource=function,
        assign=assign,
        timeout_seconds=LAMBDA_LIMIT_S,
        retry=[retry(transient_errors("lambda:invoke"))],
    )


def invoke_function(  # noqa: PLR0913  one keyword a field of the state
    name: str,
    function: str,
    payload: dict[str, Any],
    *,
    assign: Assign,
    on_error: State | None,
    error_assign: Assign | None = KEEP_ERROR,
) -> Task:
    """A Lambda function's answer to `payload`: `$states.result.Payload` in `assign`.

    `on_error` None leaves the Catch to best_effort().
    """
    return Task(
        name,
        resource="arn:aws:states:::lambda:invoke",
        arguments={"FunctionName": function, "Payload": payload},
        assign=assign,
        timeout_seconds=LAMBDA_LIMIT_S,
        retry=[retry(transient_errors("lambda:invoke"))],
        catch=[catch(on_error, assign=error_assign)] if on_error else [],
    )


def call(  # noqa: PLR0913  one keyword a field of the state
    name: str,
    api: str,
    arguments: dict[str, Any] | str,
    *,
    on_error: State | None,
    assign: Assign | None = None,
    error_assign: Assign | None = KEEP_ERROR,
    catches: Sequence[Catch] = (),
    retries: Sequence[Retry] = (),
    attempts: int = 4,
    **fields: Any,
) -> Task:
    """A call of an AWS API, `api` being what follows `arn:aws:states:::`.

    `arguments` are fields, or what without_nothing() makes of them.
    The answer is `$states.result` in `assign`. `on_error` None leaves the Catch to best_effort().
    """
    general = [catch(on_error, assign=error_assign)] if on_error else []
    return Task(
        name,
        resource=f"arn:aws:states:::{api}",
        arguments=arguments,
        assign=assign,
        timeout_seconds=fields.pop("timeout_seconds", CALL_TIMEOUT_S),
        retry=[*retries, retry(transient_errors(api), attempts=attempts)],
        catch=[*catches, *general],
        **fields,
    )


def update_item(name: str, key: str, values: dict[str, dict[str, str]], **fields: Any) -> Task:
    """Set attributes of one item of the ledger; `condition` and its own `condition_values` are optional.

    `initial` has attributes that are set where the item does not have them; `returned` is ReturnValues.
    Every attribute goes by an expression name, since some (`status`, `source`) are DynamoDB's reserved words.
    """
    condition, returned = fields.pop("condition", None), fields.pop("returned", None)
    initial: dict[str, dict[str, str]] = fields.pop("initial", {})
    given = {**initial, **values}
    settings = [f"#{name} = :{name}" for name in values]
    settings += [f"#{name} = if_not_exists(#{name}, :{name})" for name in initial]
    arguments: dict[str, Any] = {
        "TableName": "${LedgerTable}",
        "Key": {"run_id": {"S": key}},
        "UpdateExpression": f"SET {', '.join(settings)}",
        "ExpressionAttributeNames": {f"#{name}": name for name in given},
        "ExpressionAttributeValues": {f":{name}": value for name, value in given.items()}
        | fields.pop("condition_values", {}),
    }
    if condition:
        arguments["ConditionExpression"] = condition
    if returned:
        arguments["ReturnValues"] = returned
    return call(name, "dynamodb:updateItem", arguments, **fields)


def text(expression: str) -> dict[str, str]:
    """An attribute of the ledger: a text."""
    return {"S": jsonata(expression)}


def number(expression: str) -> dict[str, str]:
    """An attribute of the ledger: a number, which DynamoDB takes as a text."""
    return {"N": jsonata(f"$string({expression})")}


THIS_RUN = jsonata("$run.id")
# What the ledger says of a run from its first moment.
RUN_ATTRIBUTES = {
    "source": text("$run.source"),
    "bucket": text("$run.bucket"),
    "drop_key": text("$run.key"),
    "version_id": text("$run.version_id"),
    "execution_arn": text("$run.execution_arn"),
    "started_at": text("$run.started_at"),
}
