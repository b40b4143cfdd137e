"""Requests that AWS refuses and ministack takes: texts that are no JSON, names, sizes.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html and
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

import json
import re
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import eventbridge, lambda_svc
from ministack.services import stepfunctions as sfn

from local_cloud import json_text
from local_cloud.ministack_adapter import patch_points

Reply = tuple[int, dict[str, str], bytes]

MAX_INPUT_BYTES = 262_144
MAX_NAME_CHARACTERS = 80
FORBIDDEN_IN_NAMES = re.compile(
    r'[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff\U0010ffff]'
)
# Of a call that waits for the answer, and of one that does not.
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
MAX_ASYNC_PAYLOAD_BYTES = 1024 * 1024
INVOCATION = re.compile(r"/2015-03-31/functions/[^/]+/invocations/?")
REQUIRED_OF_EVENTS = ("Source", "DetailType", "Detail")


def install() -> None:
    """Puts the checks before ministack's own handlers."""
    _check_executions()
    _check_invocations()
    _check_events()


def check_text(value: str, member: str) -> Reply | None:
    """The refusal of an `input` or `output` that is longer than the API takes; None when it is not."""
    if json_text.utf8_bytes(value) <= MAX_INPUT_BYTES:
        return None
    return _error(
        "ValidationException",
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
        f"Member must have length less than or equal to {MAX_INPUT_BYTES}",
    )


def _check_executions() -> None:
    for name in ("_start_execution", "_start_sync_execution"):
        _check_start(name)
    patch_points.take(sfn, "_executions")
    patch_points.take(sfn, "_resolve_state_machine_arn", "arn")


def _check_start(name: str) -> None:
    original = patch_points.take(sfn, name, "data")

    def start(data: Any) -> Reply:
        if isinstance(data, dict):
            # A member that is null is one that was left out.
            data = {member: value for member, value in data.items() if value is not None}
        refusal = _refuse_start(data)
        if refusal:
            return refusal
        running = _running_twin(data) if name == "_start_execution" else None
        reply: Reply = running or original(data)
        return reply

    patch_points.replace(sfn, name, start, "data")


def _wrong_type(data: Any) -> str | None:
    if not isinstance(data, dict):
        return "the body is no JSON object"
    fields = ("stateMachineArn", "name", "input")
    wrong = [field for field in fields if not isinstance(data.get(field, ""), str)]
    return f"{wrong[0]} is no string" if wrong else None


def _refuse_start(data: dict[str, Any]) -> Reply | None:
    wrong = _wrong_type(data)
    if wrong:
        return _error("SerializationException", wrong)
    name, text = data.get("name"), data.get("input", "{}")
    if name is not None and len(name) > MAX_NAME_CHARACTERS:
        return _error(
            "ValidationException",
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_NAME_CHARACTERS}",
        )
    too_long = check_text(text, "input")
    if too_long:
        return too_long
    if name is not None and (not name or FORBIDDEN_IN_NAMES.search(name)):
        return _error("InvalidName", f"Invalid Name: '{name}'")
    try:
        json_text.parse(text)
    except ValueError as error:
        return _error("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'")
    return None


def _running_twin(data: dict[str, Any]) -> Reply | None:
    """The same name and input as a running execution: the same answer."""
    machine = sfn._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if not data.get("name") or not machine:
        return None
    arn = machine.replace(":stateMachine:", ":execution:") + f":{data['name']}"
    execution = sfn._executions.get(arn)
    if not execution or execution["status"] != "RUNNING" or execution["input"] != data.get("input", "{}"):
        return None
    reply: Reply = json_response({"executionArn": arn, "startDate": execution["startDate"]})
    return reply


def _check_invocations() -> None:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Any:
        refusal = _refuse_payload(headers, body) if INVOCATION.fullmatch(path) and method == "POST" else None
        return refusal or await original(method, path, headers, body, query_params)

    original = patch_points.replace(
        lambda_svc, "handle_request", handle, "method", "path", "headers", "body", "query_params"
    )


def _refuse_payload(headers: dict[str, str], body: bytes) -> Reply | None:
    lower = {name.lower(): value for name, value in headers.items()}
    is_async = lower.get("x-amz-invocation-type") == "Event"
    limit_bytes = MAX_ASYNC_PAYLOAD_BYTES if is_async else MAX_PAYLOAD_BYTES
    if len(body) > limit_bytes:
        return _error(
            "RequestTooLargeException",
            f"Request must be smaller than {limit_bytes} bytes for the InvokeFunction operation",
            413,
        )
    try:
        # Not told from the bytes, as json.loads would: Lambda takes UTF-8 alone.
        json_text.parse(body.decode("utf-8") or "{}")
    except ValueError as error:
        return _error("InvalidRequestContentException", f"Could not parse request body into json: {error}")
    return None


def _check_events() -> None:
    def put(data: dict[str, Any], allow_aws_source: bool = False) -> Reply:
        entries = data.get("Entries", [])
        refusals = [_refuse_event(entry) for entry in entries]
        sound = [entry for entry, refusal in zip(entries, refusals, strict=True) if not refusal]
        if len(sound) == len(entries):
            untouched: Reply = original(data, allow_aws_source)
            return untouched
        status, headers, body = original({**data, "Entries": sound}, allow_aws_source)
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        taken = iter(answer["Entries"])
        reply: Reply = json_response(
            {
                "FailedEntryCount": answer["FailedEntryCount"] + len(entries) - len(sound),
                "Entries": [refusal or next(taken) for refusal in refusals],
            }
        )
        return reply

    original = patch_points.replace(eventbridge, "_put_events", put, "data", "allow_aws_source")


def _refuse_event(entry: dict[str, Any]) -> dict[str, str] | None:
    for field in REQUIRED_OF_EVENTS:
        if not entry.get(field):
            message = f"Parameter {field} is not valid. Reason: {field} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": message}
    try:
        is_object = isinstance(json_text.parse(entry["Detail"]), dict)
    except ValueError:
        is_object = False
    return None if is_object else {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


def _error(code: str, message: str, status: int = 400) -> Reply:
    reply: Reply = error_response_json(code, message, status)
    return reply
