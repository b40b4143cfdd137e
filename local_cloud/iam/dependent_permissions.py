"""What AWS asks of the caller besides the call's own action, as documented or as CloudTrail has shown it.

Application Auto Scaling reads and sets what it scales, and keeps its two alarms, with the caller's rights:
https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html
It tries these rights on an endpoint of a random name, so a policy on a name or a prefix does not do:
https://github.com/aws-controllers-k8s/community/issues/2110
"""

from collections.abc import Mapping
from typing import Any

from local_cloud.iam.permission import Permission

# Stands for the random name.
PROBE = "7f4e1944-1817-4891-9bef-e055a90787a4"
_SCALING = {
    "RegisterScalableTarget": (
        ("sagemaker:DescribeEndpoint", "endpoint"),
        ("sagemaker:DescribeEndpointConfig", "endpoint-config"),
        ("sagemaker:UpdateEndpointWeightsAndCapacities", "endpoint"),
    ),
    "PutScalingPolicy": (
        ("cloudwatch:DescribeAlarms", "*"),
        ("cloudwatch:PutMetricAlarm", "alarm"),
        ("cloudwatch:DeleteAlarms", "alarm"),
    ),
}


def scaling_permissions(
    action: str, parameters: Mapping[str, Any], region: str, account_id: str
) -> tuple[Permission, ...]:
    """Those of a call of Application Auto Scaling for an endpoint."""
    if parameters.get("ServiceNamespace") != "sagemaker":
        return ()
    resources = {
        "*": "*",
        "alarm": f"arn:aws:cloudwatch:{region}:{account_id}:alarm:TargetTracking-{PROBE}",
        **{
            kind: f"arn:aws:sagemaker:{region}:{account_id}:{kind}/{PROBE}"
            for kind in ("endpoint", "endpoint-config")
        },
    }
    return tuple(Permission(name, resources[kind]) for name, kind in _SCALING.get(action, ()))
