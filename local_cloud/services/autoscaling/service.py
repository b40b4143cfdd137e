"""Application Auto Scaling as one service: the table of its actions, its loop, its state."""

import functools
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from local_cloud.service import ActionHandler, Call, RouteHandler
from local_cloud.services.autoscaling.activities import Activities
from local_cloud.services.autoscaling.alarms import Alarms
from local_cloud.services.autoscaling.policies import Policies
from local_cloud.services.autoscaling.scaler import Scaler
from local_cloud.services.autoscaling.targets import Targets
from local_cloud.services.aws_clients import ClientFactory, client_for_role
from local_cloud.services.request_validation import check_request
from local_cloud.services.sagemaker import SageMaker

# On AWS a period is a minute, so that scaling out takes three and scaling in fifteen. Here all is six times
# as quick; the rates are counted by the minute all the same.
PERIOD_S = 10.0


class ApplicationAutoScaling:
    """Scales the endpoint variants of `sagemaker`; `tick_s` is the length of a period in seconds."""

    name = "application-autoscaling"
    target_prefix = "AnyScaleFrontendService"

    def __init__(
        self,
        sagemaker: SageMaker,
        *,
        tick_s: float = PERIOD_S,
        clock: Callable[[], float] = time.time,
        clients: ClientFactory = client_for_role,
    ) -> None:
        self._tick_s = tick_s
        self._targets = Targets(sagemaker.endpoints)
        self._policies = Policies(self._targets, Alarms(clients))
        self._activities = Activities()
        self._scaler = Scaler(sagemaker.endpoints, self._targets, self._policies, self._activities, clock)
        self._ended = threading.Event()
        sagemaker.endpoints.scaling = self
        threading.Thread(target=self._loop, name="application-autoscaling", daemon=True).start()

    def actions(self) -> Mapping[str, ActionHandler]:
        """API action name -> its handler; each checks its request against the API's model first."""
        handlers: dict[str, ActionHandler] = {
            "RegisterScalableTarget": self._register,
            "DescribeScalableTargets": self._targets.describe,
            "DeregisterScalableTarget": self._deregister,
            "PutScalingPolicy": self._policies.put,
            "DescribeScalingPolicies": self._policies.describe,
            "DeleteScalingPolicy": self._policies.delete,
            "DescribeScalingActivities": self._activities.describe,
        }
        return {action: functools.partial(_checked, handler) for action, handler in handlers.items()}

    def routes(self) -> Mapping[str, RouteHandler]:
        """The API has none."""
        return {}

    def tick(self) -> None:
        """Ends one period: measures, and scales what is to be scaled."""
        self._scaler.tick()

    def is_registered(self, endpoint_arn: str, variant: str) -> bool:
        """Whether the variant is a scalable target."""
        return self._targets.get(f"{endpoint_arn}/variant/{variant}") is not None

    def deregister_endpoint(self, endpoint_arn: str) -> None:
        """The endpoint is deleted: its targets and their policies go with it."""
        for resource in self._targets.deregister_endpoint(endpoint_arn):
            self._policies.forget(resource)

    def get_state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {
            "targets": self._targets.get_state(),
            "policies": self._policies.get_state(),
            "activities": self._activities.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up the state of the server that ran before."""
        self._targets.restore(state["targets"])
        self._policies.restore(state["policies"])
        self._activities.restore(state["activities"])

    def reset(self) -> None:
        """Forgets everything."""
        self._targets.reset()
        self._policies.reset()
        self._activities.reset()

    def stop(self) -> None:
        """Ends the loop."""
        self._ended.set()

    def _register(self, call: Call) -> dict[str, Any]:
        resource = self._targets.register(call)
        self._scaler.keep_bounds(resource)
        target = self._targets.get(resource.key)
        return {"ScalableTargetARN": target["ScalableTargetARN"]} if target else {}

    def _deregister(self, call: Call) -> dict[str, Any]:
        self._policies.forget(self._targets.deregister(call))
        return {}

    def _loop(self) -> None:
        while not self._ended.wait(self._tick_s):
            self.tick()


def _checked(handler: ActionHandler, call: Call) -> dict[str, Any]:
    check_request("application-autoscaling", call.action, call.parameters)
    return handler(call)
