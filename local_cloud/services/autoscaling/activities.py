"""DescribeScalingActivities, and the log that it reads."""

import copy
import threading
import uuid
from collections import deque
from typing import Any

from local_cloud.service import Call
from local_cloud.services.autoscaling.resources import DIMENSION, NAMESPACE, VariantResource, is_asked_for
from local_cloud.services.autoscaling.targets import one_page
from local_cloud.services.sagemaker.names import arn_prefix

# AWS keeps six weeks.
_KEPT = 1000


class Activities:
    """What was scaled, when and why; the latest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._activities: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def begin(self, resource: VariantResource, capacity: int, cause: str, now: float) -> str:
        """A change to `capacity` instances begins; returns the ActivityId."""
        activity = {
            "ActivityId": str(uuid.uuid4()),
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource.resource_id,
            "ScalableDimension": DIMENSION,
            "Description": f"Setting desired instance count to {capacity}.",
            "Cause": cause,
            "StartTime": now,
            "StatusCode": "InProgress",
            "StatusMessage": f"Successfully set desired instance count to {capacity}. "
            "Waiting for change to be fulfilled by sagemaker.",
        }
        with self._lock:
            self._activities.appendleft({"endpoint_arn": resource.endpoint_arn, "activity": activity})
        return str(activity["ActivityId"])

    def end(self, activity_id: str, capacity: int, failure: str | None, now: float) -> None:
        """The change is made, or it failed for the reason `failure`."""
        with self._lock:
            for item in self._activities:
                activity = item["activity"]
                if activity["ActivityId"] == activity_id:
                    activity["EndTime"] = now
                    activity["StatusCode"] = "Successful" if failure is None else "Failed"
                    activity["StatusMessage"] = (
                        f"Successfully set desired instance count to {capacity}. "
                        "Change successfully fulfilled by sagemaker."
                        if failure is None
                        else f"Failed to set desired instance count to {capacity}. Reason: {failure}"
                    )

    def describe(self, call: Call) -> dict[str, Any]:
        """DescribeScalingActivities."""
        prefix = arn_prefix(call, "endpoint")
        with self._lock:
            found = [
                copy.deepcopy(item["activity"])
                for item in self._activities
                if item["endpoint_arn"].startswith(prefix) and is_asked_for(item["activity"], call.parameters)
            ]
        return one_page(found, call.parameters, "ScalingActivities")

    def get_state(self) -> list[dict[str, Any]]:
        """The log, the latest first."""
        with self._lock:
            return copy.deepcopy(list(self._activities))

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Takes up what `get_state` gave."""
        with self._lock:
            self._activities = deque(state, maxlen=_KEPT)

    def reset(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._activities.clear()
