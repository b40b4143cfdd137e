"""Calls of the deployment's own functions, which answer JSON."""

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
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise CliError(
            f"{what} failed: {payload.get('errorType')}: {payload.get('errorMessage')}",
            f"See `dropserve logs {log}`.",
        )
    return payload
