"""The live endpoint's scaling target and policy: what they are, and the change of both."""

from typing import Any

from contracts.workflow import SCALING_TARGET, scaling_policy, scaling_resource
from functions.common.applied_capacity import Capacity


def read_scaling(endpoint: str, *, autoscaling: Any) -> tuple[int, int, int] | None:
    """Fewest and most instances, and the target; None for an endpoint that nothing scales."""
    resource = scaling_resource(endpoint)
    targets = autoscaling.describe_scalable_targets(
        ServiceNamespace=SCALING_TARGET["ServiceNamespace"], ResourceIds=[resource]
    )["ScalableTargets"]
    policies = autoscaling.describe_scaling_policies(
        ServiceNamespace=SCALING_TARGET["ServiceNamespace"], ResourceId=resource
    )["ScalingPolicies"]
    if not targets or not policies:
        return None
    configuration = policies[0]["TargetTrackingScalingPolicyConfiguration"]
    return targets[0]["MinCapacity"], targets[0]["MaxCapacity"], int(configuration["TargetValue"])


def set_scaling(endpoint: str, capacity: Capacity, *, autoscaling: Any) -> None:
    """Register the target anew, which moves the instances between the bounds at once; then the policy."""
    target = {**SCALING_TARGET, "ResourceId": scaling_resource(endpoint)}
    autoscaling.register_scalable_target(
        **target, MinCapacity=capacity.min_instances, MaxCapacity=capacity.max_instances
    )
    autoscaling.put_scaling_policy(**target, **scaling_policy(capacity.target_invocations_per_instance))
