"""EventBridge starts a state machine as the role of the rule's target, by a call like any other.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-iam-roles.html
"""

import contextvars
import logging
import threading
from contextvars import ContextVar
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.services import eventbridge

from local_cloud.ministack_adapter import patch_points
from local_cloud.service_integrations.api_calls import ApiCalls

logger = logging.getLogger(__name__)

_role_arn: ContextVar[str] = ContextVar("role_arn", default="")


def install() -> None:
    """Replaces the start of a state machine by a target that names a role."""
    calls = ApiCalls()

    def invoke(target: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        token = _role_arn.set(target.get("RoleArn", ""))
        try:
            return invoke_original(target, *arguments, **options)
        finally:
            _role_arn.reset(token)

    def start(arn: str, payload: str) -> None:
        role_arn = _role_arn.get()
        if not role_arn:
            start_original(arn, payload)
            return
        # The request that made the event must not wait: it may hold up the very server that is called.
        context = contextvars.copy_context()
        arguments = (_start_execution, calls, arn, payload, role_arn)
        threading.Thread(target=context.run, args=arguments, name="event-target", daemon=True).start()

    invoke_original = patch_points.replace(
        eventbridge, "_invoke_target", invoke, "target", "event", "rule", "view"
    )
    start_original = patch_points.replace(eventbridge, "_dispatch_to_stepfunctions", start, "arn", "payload")


def _start_execution(calls: ApiCalls, arn: str, payload: str, role_arn: str) -> None:
    request = {"stateMachineArn": arn, "input": payload}
    try:
        calls.raw("stepfunctions", "StartExecution", request, role_arn, arn.split(":")[3])
    except (ClientError, BotoCoreError) as error:
        logger.warning("EventBridge could not start %s as %s: %s", arn, role_arn, error)
