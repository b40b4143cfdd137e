"""Measures the traffic of each registered variant and moves its capacity."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from local_cloud.service import AwsError
from local_cloud.services.autoscaling.activities import Activities
from local_cloud.services.autoscaling.cooldown import Cooldown
from local_cloud.services.autoscaling.policies import Policies
from local_cloud.services.autoscaling.resources import VariantResource
from local_cloud.services.autoscaling.target_tracking import (
    DEFAULT_COOLDOWN_S,
    LOW_PERIODS,
    Measurement,
    desired_capacity,
)
from local_cloud.services.autoscaling.targets import Targets
from local_cloud.services.sagemaker.hosting.endpoint import HostedEndpoint
from local_cloud.services.sagemaker.hosting.endpoint_api import Endpoints

_logger = logging.getLogger(__name__)


class _Watch:
    """What the scaler remembers of one variant between two ticks."""

    def __init__(self, total: int, now: float) -> None:
        self.total = total
        self.at = now
        self.periods: deque[Measurement | None] = deque(maxlen=LOW_PERIODS)
        self.cooldowns: dict[str, Cooldown] = {}


class Scaler:
    """One `tick` ends one period. Not to be called from two threads at once, `keep_bounds` apart."""

    def __init__(
        self,
        endpoints: Endpoints,
        targets: Targets,
        policies: Policies,
        activities: Activities,
        clock: Callable[[], float],
    ) -> None:
        self._endpoints = endpoints
        self._targets = targets
        self._policies = policies
        self._activities = activities
        self._clock = clock
        self._watches: dict[str, _Watch] = {}

    def tick(self) -> None:
        """Ends a period of every variant; what fails for one does not touch the others."""
        resources = self._targets.resources()
        self._watches = {item.key: self._watches[item.key] for item in resources if item.key in self._watches}
        for resource in resources:
            try:
                self._tick(resource)
            except Exception:
                _logger.exception("The scaler could not look after %s", resource.resource_id)

    def keep_bounds(self, resource: VariantResource) -> bool:
        """Moves a capacity outside MinCapacity and MaxCapacity back between them; tells whether it had to."""
        endpoint, target = self._endpoints.find(resource.endpoint_arn), self._targets.get(resource.key)
        if endpoint is None or target is None:
            return False
        current = _capacity(endpoint, resource.variant)
        bounded = _bounded(current, target)
        if bounded == current:
            return False
        bound = "minimum" if bounded > current else "maximum"
        self._move(endpoint, resource, bounded, f"{bound} capacity was set to {bounded}")
        return True

    def _tick(self, resource: VariantResource) -> None:
        endpoint, target = self._endpoints.find(resource.endpoint_arn), self._targets.get(resource.key)
        if endpoint is None or target is None or endpoint.deployment is None:
            return
        watch = self._measure(endpoint, resource)
        if endpoint.status == "InService" and not self.keep_bounds(resource):
            self._follow_policies(endpoint, resource, target, watch)

    def _measure(self, endpoint: HostedEndpoint, resource: VariantResource) -> _Watch:
        now, total = self._clock(), endpoint.traffic.total(resource.variant)
        watch = self._watches.get(resource.key)
        if watch is None:
            watch = self._watches[resource.key] = _Watch(total, now)
            return watch
        seen, elapsed_s = total - watch.total, now - watch.at
        if elapsed_s > 0:
            instances = _capacity(endpoint, resource.variant)
            watch.periods.append(Measurement(seen * 60 / elapsed_s, instances) if seen else None)
            watch.total, watch.at = total, now
        return watch

    def _follow_policies(
        self, endpoint: HostedEndpoint, resource: VariantResource, target: dict[str, Any], watch: _Watch
    ) -> None:
        current, now = _capacity(endpoint, resource.variant), self._clock()
        for policy in self._policies.of(resource):
            configuration = policy["TargetTrackingScalingPolicyConfiguration"]
            wanted = desired_capacity(list(watch.periods), configuration["TargetValue"], current)
            step = _bounded(wanted, target) - current
            cooldown = watch.cooldowns.setdefault(policy["PolicyName"], Cooldown(0, 0))
            cooldown.out_s = configuration.get("ScaleOutCooldown", DEFAULT_COOLDOWN_S)
            cooldown.in_s = configuration.get("ScaleInCooldown", DEFAULT_COOLDOWN_S)
            if step == 0 or _is_suspended(step, target, configuration) or not cooldown.allows(step, now):
                continue
            alarm = policy["Alarms"][0 if step > 0 else 1]["AlarmName"]
            cause = f"monitor alarm {alarm} in state ALARM triggered policy {policy['PolicyName']}"
            if self._move(endpoint, resource, current + step, cause):
                cooldown.note(step, now)
            return

    def _move(self, endpoint: HostedEndpoint, resource: VariantResource, capacity: int, cause: str) -> bool:
        plan = endpoint.plan.with_capacity(resource.variant, count=capacity)
        activity = self._activities.begin(resource, capacity, cause, self._clock())

        def done(failure: str | None) -> None:
            self._activities.end(activity, capacity, failure, self._clock())

        try:
            endpoint.rescale(plan, done)
        except AwsError as error:
            # Another change is under way: the next tick tries again.
            done(error.message)
            return False
        return True


def _capacity(endpoint: HostedEndpoint, variant: str) -> int:
    return next((item.instance_count for item in endpoint.plan.variants if item.name == variant), 0)


def _bounded(capacity: int, target: dict[str, Any]) -> int:
    return int(min(max(capacity, target["MinCapacity"]), target["MaxCapacity"]))


def _is_suspended(step: int, target: dict[str, Any], configuration: dict[str, Any]) -> bool:
    suspended = target["SuspendedState"]
    if step > 0:
        return bool(suspended.get("DynamicScalingOutSuspended"))
    return bool(suspended.get("DynamicScalingInSuspended") or configuration.get("DisableScaleIn"))
