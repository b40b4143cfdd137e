"""Whether the endpoint of the live release can still answer."""

from typing import Any

from botocore.exceptions import ClientError

from contracts.workflow import NO_ENDPOINT


def why_live_endpoint_is_lost(pointer: dict[str, Any] | None, *, sagemaker: Any) -> str | None:
    """Why nobody is answered any more; None while it serves or changes, while it is paused, or without one.

    Raises ClientError when SageMaker does not tell.
    """
    if not pointer or "paused_at" in pointer:
        return None
    endpoint = f"the endpoint of the live release {pointer['release']}"
    try:
        status = sagemaker.describe_endpoint(EndpointName=pointer["endpoint_name"])["EndpointStatus"]
    except ClientError as error:
        if NO_ENDPOINT in error.response["Error"]["Message"]:
            return f"{endpoint} is gone"
        raise
    return f"{endpoint} has failed" if status == "Failed" else None
