"""PutScalingPolicy, DescribeScalingPolicies, DeleteScalingPolicy."""

import copy
import threading
import time
import uuid
from typing import Any

from local_cloud.service import Call
from local_cloud.services.autoscaling.alarms import Alarms
from local_cloud.services.autoscaling.resources import (
    VariantResource,
    invalid,
    is_asked_for,
    not_found,
    not_here,
    resource_of,
)
from local_cloud.services.autoscaling.targets import Targets, one_page

METRIC = "SageMakerVariantInvocationsPerInstance"
_CONFIGURATION = "TargetTrackingScalingPolicyConfiguration"


class Policies:
    """The target-tracking policies of each registered variant."""

    def __init__(self, targets: Targets, alarms: Alarms) -> None:
        self._targets = targets
        self._alarms = alarms
        self._lock = threading.Lock()
        self._policies: dict[str, dict[str, dict[str, Any]]] = {}

    def put(self, call: Call) -> dict[str, Any]:
        """PutScalingPolicy: makes a policy or changes it. Raises AwsError."""
        request = call.parameters
        resource = resource_of(call)
        if self._targets.get(resource.key) is None:
            raise not_found("No scalable target registered", request)
        name = request["PolicyName"]
        with self._lock:
            others = self._policies.setdefault(resource.key, {})
            known = others.get(name)
            configuration = _checked_configuration(request, known)
            if any(other != name for other in others):
                raise invalid(
                    "Only one TargetTrackingScaling policy for a given metric specification is allowed."
                )
        arn = known["PolicyARN"] if known else _policy_arn(call)
        alarms = self._alarms.put(resource, arn, configuration["TargetValue"])
        policy = {
            "PolicyARN": arn,
            "PolicyName": name,
            "ServiceNamespace": request["ServiceNamespace"],
            "ResourceId": request["ResourceId"],
            "ScalableDimension": request["ScalableDimension"],
            "PolicyType": "TargetTrackingScaling",
            _CONFIGURATION: configuration,
            "Alarms": alarms,
            "CreationTime": known["CreationTime"] if known else time.time(),
        }
        with self._lock:
            self._policies[resource.key][name] = policy
        return {"PolicyARN": arn, "Alarms": alarms}

    def describe(self, call: Call) -> dict[str, Any]:
        """DescribeScalingPolicies."""
        request = call.parameters
        names = request.get("PolicyNames")
        prefix = f"arn:aws:autoscaling:{call.region}:{call.account_id}:"
        with self._lock:
            found = [
                copy.deepcopy(policy)
                for policies in self._policies.values()
                for policy in policies.values()
                if policy["PolicyARN"].startswith(prefix)
                and is_asked_for(policy, request)
                and (names is None or policy["PolicyName"] in names)
            ]
        return one_page(found, request, "ScalingPolicies")

    def delete(self, call: Call) -> dict[str, Any]:
        """DeleteScalingPolicy. Raises AwsError ObjectNotFoundException."""
        resource = resource_of(call)
        name = call.parameters["PolicyName"]
        with self._lock:
            policy = self._policies.get(resource.key, {}).pop(name, None)
        if policy is None:
            raise not_found(f"No scaling policy found with name {name}", call.parameters)
        self._alarms.delete(resource, policy["Alarms"])
        return {}

    def forget(self, resource: VariantResource) -> None:
        """The target is gone: so are its policies and their alarms."""
        with self._lock:
            policies = self._policies.pop(resource.key, {})
        for policy in policies.values():
            self._alarms.delete(resource, policy["Alarms"])

    def of(self, resource: VariantResource) -> list[dict[str, Any]]:
        """Copies of the policies of a variant."""
        with self._lock:
            return copy.deepcopy(list(self._policies.get(resource.key, {}).values()))

    def get_state(self) -> dict[str, Any]:
        """Target key -> policy name -> policy."""
        with self._lock:
            return copy.deepcopy(self._policies)

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up what `get_state` gave."""
        with self._lock:
            self._policies = copy.deepcopy(state)

    def reset(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._policies.clear()


def _checked_configuration(request: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
    if (
        request.get("PolicyType", "TargetTrackingScaling" if known else "StepScaling")
        != "TargetTrackingScaling"
    ):
        raise not_here(f"PolicyType {request.get('PolicyType', 'StepScaling')}")
    configuration: dict[str, Any] | None = request.get(_CONFIGURATION) or (known or {}).get(_CONFIGURATION)
    if configuration is None:
        raise invalid(f"{_CONFIGURATION} must be given when PolicyType is TargetTrackingScaling")
    if "CustomizedMetricSpecification" in configuration:
        raise not_here("CustomizedMetricSpecification")
    metric = configuration.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    if metric is None:
        raise invalid("A predefined or a customized metric specification must be given")
    if metric != METRIC:
        raise not_here(f"PredefinedMetricType {metric}")
    if configuration["TargetValue"] <= 0:
        raise invalid("TargetValue must be greater than 0")
    return configuration


def _policy_arn(call: Call) -> str:
    request = call.parameters
    return (
        f"arn:aws:autoscaling:{call.region}:{call.account_id}:scalingPolicy:{uuid.uuid4()}:"
        f"resource/{request['ServiceNamespace']}/{request['ResourceId']}:policyName/{request['PolicyName']}"
    )
