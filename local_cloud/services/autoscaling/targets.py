"""RegisterScalableTarget, DescribeScalableTargets, DeregisterScalableTarget."""

import copy
import secrets
import threading
import time
from typing import Any

from local_cloud.service import AwsError, Call
from local_cloud.services.autoscaling.resources import (
    VariantResource,
    invalid,
    is_asked_for,
    not_found,
    not_here,
    resource_of,
)
from local_cloud.services.paging import page
from local_cloud.services.sagemaker.hosting.endpoint_api import Endpoints
from local_cloud.services.sagemaker.hosting.variant_plan import is_serverless

_PAGE_SIZE = 50


class Targets:
    """The registered variants and between which capacities each may move."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._lock = threading.Lock()
        self._targets: dict[str, dict[str, Any]] = {}
        self._resources: dict[str, VariantResource] = {}

    def register(self, call: Call) -> VariantResource:
        """Registers a variant or changes its bounds. Raises AwsError."""
        request = call.parameters
        resource = resource_of(call)
        if "Tags" in request:
            raise not_here("Tags of a scalable target")
        endpoint = self._endpoints.find(resource.endpoint_arn)
        deployment = None if endpoint is None else endpoint.deployment
        if deployment is None or deployment.fleet(resource.variant) is None:
            raise invalid(f"SageMaker endpoint variant doesn't exist: {resource.resource_id}")
        if is_serverless(deployment.plan, resource.variant):
            raise invalid(f"A serverless variant has no instances to scale: {resource.resource_id}")
        with self._lock:
            known = self._targets.get(resource.key) or _new_target(call)
            target = {**known, **{name: request[name] for name in _CHANGEABLE if name in request}}
            _check_bounds(target)
            self._targets[resource.key] = target
            self._resources[resource.key] = resource
        return resource

    def deregister(self, call: Call) -> VariantResource:
        """Forgets a target. Raises AwsError ObjectNotFoundException."""
        resource = resource_of(call)
        with self._lock:
            if self._targets.pop(resource.key, None) is None:
                raise not_found("No scalable target found", call.parameters)
            del self._resources[resource.key]
        return resource

    def deregister_endpoint(self, endpoint_arn: str) -> list[VariantResource]:
        """Forgets the targets of an endpoint; returns them."""
        with self._lock:
            gone = [item for item in self._resources.values() if item.endpoint_arn == endpoint_arn]
            for resource in gone:
                del self._targets[resource.key], self._resources[resource.key]
        return gone

    def get(self, key: str) -> dict[str, Any] | None:
        """A copy of the target, or None."""
        with self._lock:
            return copy.deepcopy(self._targets.get(key))

    def resources(self) -> list[VariantResource]:
        """Every registered variant."""
        with self._lock:
            return list(self._resources.values())

    def describe(self, call: Call) -> dict[str, Any]:
        """DescribeScalableTargets."""
        request = call.parameters
        wanted = request.get("ResourceIds")
        prefix = f"arn:aws:application-autoscaling:{call.region}:{call.account_id}:"
        with self._lock:
            found = [
                copy.deepcopy(target)
                for target in self._targets.values()
                if target["ScalableTargetARN"].startswith(prefix)
                and is_asked_for(target, request)
                and (wanted is None or target["ResourceId"] in wanted)
            ]
        return one_page(found, request, "ScalableTargets")

    def get_state(self) -> dict[str, Any]:
        """Key -> target and resource."""
        with self._lock:
            return {
                key: {"target": copy.deepcopy(target), "resource": vars(self._resources[key])}
                for key, target in self._targets.items()
            }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up what `get_state` gave."""
        with self._lock:
            self._targets = {key: item["target"] for key, item in state.items()}
            self._resources = {key: VariantResource(**item["resource"]) for key, item in state.items()}

    def reset(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._targets.clear()
            self._resources.clear()


_CHANGEABLE = ("MinCapacity", "MaxCapacity", "SuspendedState")


def _new_target(call: Call) -> dict[str, Any]:
    request = call.parameters
    for bound in ("MinCapacity", "MaxCapacity"):
        if bound not in request:
            raise invalid(f"{bound} is required to register a new scalable target")
    service = "sagemaker.application-autoscaling.amazonaws.com"
    return {
        "ScalableTargetARN": (
            f"arn:aws:application-autoscaling:{call.region}:{call.account_id}:"
            f"scalable-target/{secrets.token_hex(16)}"
        ),
        "ServiceNamespace": request["ServiceNamespace"],
        "ResourceId": request["ResourceId"],
        "ScalableDimension": request["ScalableDimension"],
        "RoleARN": (
            f"arn:aws:iam::{call.account_id}:role/aws-service-role/{service}/"
            "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        ),
        "CreationTime": time.time(),
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
    }


def _check_bounds(target: dict[str, Any]) -> None:
    if target["MinCapacity"] < 1:
        raise invalid("Minimum capacity must be greater than or equal to 1")
    if target["MaxCapacity"] < target["MinCapacity"]:
        raise invalid("Maximum capacity cannot be less than minimum capacity")


def one_page(found: list[dict[str, Any]], request: dict[str, Any], result: str) -> dict[str, Any]:
    """The answer of a Describe action, with NextToken when there is more."""
    size = min(request.get("MaxResults", _PAGE_SIZE), _PAGE_SIZE)
    bad_token = AwsError("InvalidNextTokenException", "The next token supplied was invalid.")
    items, token = page(found, request.get("NextToken"), size, bad_token)
    return {result: items, **({"NextToken": token} if token else {})}
