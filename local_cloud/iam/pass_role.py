"""Calls that hand a role to a service need `iam:PassRole` on that role.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_cloud.iam.permission import Permission

# action -> (the member that names the role, the service that gets it)
ROLE_MEMBERS = {
    "application-autoscaling:RegisterScalableTarget": ("RoleARN", "application-autoscaling.amazonaws.com"),
    "events:PutTargets": ("RoleArn", "events.amazonaws.com"),
    "lambda:CreateFunction": ("Role", "lambda.amazonaws.com"),
    "lambda:UpdateFunctionConfiguration": ("Role", "lambda.amazonaws.com"),
    "sagemaker:CreateModel": ("ExecutionRoleArn", "sagemaker.amazonaws.com"),
    "sagemaker:CreateTrainingJob": ("RoleArn", "sagemaker.amazonaws.com"),
    "states:CreateStateMachine": ("roleArn", "states.amazonaws.com"),
    "states:UpdateStateMachine": ("roleArn", "states.amazonaws.com"),
}
RUN_INSTANCES = "ec2:RunInstances"


def permissions(
    called: Sequence[Permission],
    body: bytes,
    parameters: Mapping[str, Sequence[str]],
    role_of_instance_profile: Callable[[str], str | None],
) -> list[Permission]:
    """The `iam:PassRole` that goes with the called actions; none for most."""
    if not called:
        return []
    action = called[0].action
    if action == RUN_INSTANCES:
        profile = parameters.get("IamInstanceProfile.Arn") or parameters.get("IamInstanceProfile.Name")
        role = role_of_instance_profile(profile[0]) if profile else None
        return [_pass_role(role, "ec2.amazonaws.com")] if role else []
    if action not in ROLE_MEMBERS:
        return []
    member, service = ROLE_MEMBERS[action]
    return [_pass_role(role, service) for role in sorted(_values(_document(body), member))]


def _pass_role(role_arn: str, service: str) -> Permission:
    return Permission("iam:PassRole", role_arn, {"iam:PassedToService": service})


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {}


def _values(document: Any, member: str) -> set[str]:
    if not isinstance(document, dict):
        return set()
    found = {document[member]} if isinstance(document.get(member), str) else set()
    for target in document.get("Targets", []):
        found |= _values(target, member)
    return found
