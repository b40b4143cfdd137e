"""An alarm that changes its state tells EventBridge, as CloudWatch does.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from ministack.services import cloudwatch, eventbridge

from local_cloud.ministack_adapter import patch_points


def install() -> None:
    """Sends the event beside the actions of the alarm, whether these are enabled or not."""

    def act(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
        act_original(alarm, old_state, new_state, reason)
        dispatch(_event(alarm, old_state, new_state, reason))

    act_original = patch_points.replace(
        cloudwatch, "_dispatch_alarm_actions", act, "alarm", "old_state", "new_state", "reason"
    )

    def dispatch(event: dict[str, Any]) -> None:
        patch_points.take(eventbridge, "_dispatch_event")(event)


def _event(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> dict[str, Any]:
    arn: str = alarm["AlarmArn"]
    region, account = arn.split(":")[3:5]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    detail = {
        "alarmName": alarm["AlarmName"],
        "state": {"value": new_state, "reason": reason, "timestamp": now},
        "previousState": {"value": old_state},
        "configuration": {"description": alarm.get("AlarmDescription", "")},
    }
    return {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Detail": json.dumps(detail),
        "EventBusName": "default",
        "Time": now,
        "Resources": [arn],
        "Account": account,
        "Region": region,
    }
