"""Calls of the deployment's own functions, which answer JSON."""

import base64
import json
from typing import Any

from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment


def call_function(
    deployment: Deployment, output: str, document: dict[str, Any], *, what: str, log: str
) -> dict[str, Any]:
    """The answer of the function that the stack's output names.

    Raises CliError when it fails: `what` failed, and `log` is the name that `dropserve logs` knows it by.
    """
    answer = deployment.aws.functions.invoke(
        FunctionName=deployment.outputs[output], Payload=json.dumps(document).encode()
    )
    return _payload(answer, what=what, log=log)


def call_function_with_log(
    deployment: Deployment, output: str, document: dict[str, Any], *, what: str, log: str
) -> tuple[dict[str, Any], str]:
    """The same, and the last 4 KB of what the call wrote into its log.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (LogType). Raises CliError as call_function.
    """
    answer = deployment.aws.functions.invoke(
        FunctionName=deployment.outputs[output], Payload=json.dumps(document).encode(), LogType="Tail"
    )
    written = base64.b64decode(answer.get("LogResult", ""))
    return _payload(answer, what=what, log=log), written.decode("utf-8", "replace")


def review_drift(deployment: Deployment, day: str) -> dict[str, Any]:
    """A day's document of schemas/drift_review.schema.json; `day` as 2026-01-31.

    Raises CliError when the function fails.
    """
    what, log = "The review of the drift", "drift_review"
    return call_function(deployment, "DriftReviewFunctionName", {"day": day}, what=what, log=log)


def approve_retraining(deployment: Deployment, text: str) -> dict[str, Any]:
    """`started`, `reason` and `execution_arn`. Raises CliError when the text is no approval."""
    what, log = "The approval", "drift_review"
    return call_function(deployment, "DriftReviewFunctionName", {"approve": text}, what=what, log=log)


def review_capacity(deployment: Deployment, *, days: int, apply: bool, reset: bool) -> dict[str, Any]:
    """The document of schemas/capacity_review.schema.json, with `review_uri`.

    Raises CliError when the function fails; that nothing was applied is said in the document.
    """
    event = {"days": days, "apply": apply, "reset": reset}
    what, log = "The capacity review", "capacity_review"
    return call_function(deployment, "CapacityReviewFunctionName", event, what=what, log=log)


def _payload(answer: Any, *, what: str, log: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise CliError(
            f"{what} failed: {payload.get('errorType')}: {payload.get('errorMessage')}",
            f"See `dropserve logs {log}`.",
        )
    return payload
