"""Ways from a few rights to many."""

from collections.abc import Iterator
from typing import NamedTuple

from functions.iam_audit.checks.base import Check, Problem
from functions.iam_audit.permissions import (
    boundary_note,
    find_effective_grants,
    find_grants,
    is_administrator,
    reaches_any,
)
from functions.iam_audit.policies import Statement, is_everything, matches
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account, Identity, Role

# Dangerous on the identity itself or its policies, and the more so on those of all others.
_SELF_WRITING_ACTIONS = (
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreatePolicyVersion",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
)
# Harmless on oneself (a user renews its own key), dangerous on everybody else.
_TAKE_OVER_ACTIONS = (
    "iam:AddUserToGroup",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
)
# Conditions on these keys are how such rights are delegated safely:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
_DELEGATION_KEYS = frozenset(
    {"iam:permissionsboundary", "iam:policyarn", "iam:resourcetag/", "aws:resourcetag/"}
)


class Launch(NamedTuple):
    """An action that starts code of the caller's choice under a role that the caller passes."""

    action: str
    service: str


_LAUNCHES = (
    Launch("cloudformation:CreateStack", "cloudformation.amazonaws.com"),
    Launch("codebuild:CreateProject", "codebuild.amazonaws.com"),
    Launch("ec2:RunInstances", "ec2.amazonaws.com"),
    Launch("ecs:RunTask", "ecs-tasks.amazonaws.com"),
    Launch("glue:CreateJob", "glue.amazonaws.com"),
    Launch("lambda:CreateFunction", "lambda.amazonaws.com"),
    Launch("sagemaker:CreateModel", "sagemaker.amazonaws.com"),
    Launch("sagemaker:CreateNotebookInstance", "sagemaker.amazonaws.com"),
    Launch("sagemaker:CreateProcessingJob", "sagemaker.amazonaws.com"),
    Launch("sagemaker:CreateTrainingJob", "sagemaker.amazonaws.com"),
    Launch("states:CreateStateMachine", "states.amazonaws.com"),
)


class WritesPermissions(Check):
    id = "writes-permissions"
    category = "privilege escalation"
    severity = "critical"
    title = "May give itself more permissions"
    risk = "One call to IAM makes this identity an administrator."
    remediation = "Take the IAM writing actions away, or name the few roles and policies that they may touch."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity in account.identities:
            if not is_administrator(identity):
                actions = [*_self_writing(identity), *_taking_over(identity)]
                if actions:
                    reason = f"Its policies allow {', '.join(actions)} on itself or on everybody."
                    yield Problem(identity.arn, reason + boundary_note(identity))


def _self_writing(identity: Identity) -> Iterator[str]:
    own_policies = (policy.arn for policy in identity.policies if policy.kind == "customer" and policy.arn)
    own_arns = (identity.arn, *own_policies)
    for action in _SELF_WRITING_ACTIONS:
        if any(
            _reaches_everybody(identity, statement) or any(statement.names_resource(arn) for arn in own_arns)
            for statement in _undelegated_statements(identity, action)
        ):
            yield action


def _taking_over(identity: Identity) -> Iterator[str]:
    for action in _TAKE_OVER_ACTIONS:
        if any(
            _reaches_everybody(identity, statement) for statement in _undelegated_statements(identity, action)
        ):
            yield action


def _undelegated_statements(identity: Identity, action: str) -> Iterator[Statement]:
    for grant in find_grants(identity, action):
        if not grant.statement.is_narrowed_by(_DELEGATION_KEYS):
            yield grant.statement


def _reaches_everybody(identity: Identity, statement: Statement) -> bool:
    return any(reaches_any(identity, statement, kind) for kind in ("role", "user", "group", "policy"))


class LaunchesUnderAnyRole(Check):
    id = "launches-under-any-role"
    category = "privilege escalation"
    severity = "high"
    title = "May run code under every role"
    risk = "Code of the caller's choice runs with the rights of the strongest role that the service may take."
    remediation = "Limit iam:PassRole to the roles that these jobs need."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity in account.identities:
            actions = [launch.action for launch in _LAUNCHES if _launches_under_any_role(identity, launch)]
            if actions and not is_administrator(identity):
                reason = f"It may pass every role, and call {', '.join(actions)}."
                yield Problem(identity.arn, reason + boundary_note(identity))


def _launches_under_any_role(identity: Identity, launch: Launch) -> bool:
    passing = any(
        reaches_any(identity, statement, "role") for statement in _passing_statements(identity, launch)
    )
    return passing and _may_call(identity, launch)


class LaunchesUnderAdministrator(Check):
    id = "launches-under-administrator"
    category = "privilege escalation"
    severity = "critical"
    title = "May run code under an administrator role"
    risk = "Code of the caller's choice runs as administrator: the identity is one in all but name."
    remediation = "Take the administrator's rights from the role that is passed, or stop passing it."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        administrators = [role for role in account.roles if is_administrator(role)]
        for identity in account.identities:
            if not is_administrator(identity):
                for role in administrators:
                    if action := _launch_under(identity, role):
                        reason = f"It may pass the administrator role {role.name} and call {action}."
                        yield Problem(identity.arn, reason + boundary_note(identity))


def _launch_under(identity: Identity, role: Role) -> str | None:
    """The first action by which the identity can run code under this role."""
    for launch in _LAUNCHES:
        passing = any(
            statement.names_resource(role.arn) for statement in _passing_statements(identity, launch)
        )
        if passing and _trusts(role, launch.service) and _may_call(identity, launch):
            return launch.action
    return None


def _may_call(identity: Identity, launch: Launch) -> bool:
    return any(True for _ in find_effective_grants(identity, launch.action))


def _passing_statements(identity: Identity, launch: Launch) -> Iterator[Statement]:
    """The statements that let the identity pass a role to the launch's service."""
    for grant in find_effective_grants(identity, "iam:PassRole"):
        services = [
            condition for condition in grant.statement.conditions if condition.key == "iam:passedtoservice"
        ]
        if all(
            not condition.narrows or any(matches(value, launch.service) for value in condition.values)
            for condition in services
        ):
            yield grant.statement


def _trusts(role: Role, service: str) -> bool:
    return any(
        statement.is_allow and any(is_everything(name) or name == service for name in names)
        for statement in role.trust
        for kind, names in statement.principals.items()
        if kind == "Service"
    )
