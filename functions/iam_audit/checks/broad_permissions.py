"""Policies that grant more than anything needs."""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Problem
from functions.iam_audit.permissions import (
    Grant,
    boundary_note,
    find_administrator_policy,
    granted_patterns,
    written_grants,
)
from functions.iam_audit.policies import matches_action
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account, Identity

# Actions that change or read what an account holds, and that can be granted on named resources.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
NARROWABLE_ACTIONS = (
    *(
        f"dynamodb:{name}"
        for name in ("BatchGetItem", "BatchWriteItem", "DeleteItem", "DeleteTable", "GetItem")
    ),
    *(f"dynamodb:{name}" for name in ("PutItem", "Query", "Scan", "UpdateItem", "UpdateTable")),
    *(f"ec2:{name}" for name in ("RunInstances", "StartInstances", "StopInstances", "TerminateInstances")),
    *(f"ecr:{name}" for name in ("DeleteRepository", "PutImage", "SetRepositoryPolicy")),
    *(f"events:{name}" for name in ("DeleteRule", "PutEvents", "PutRule", "PutTargets", "RemoveTargets")),
    *(f"iam:{name}" for name in ("CreateRole", "CreateUser", "DeleteRole", "DeleteUser", "TagRole")),
    *(f"kms:{name}" for name in ("CreateGrant", "Decrypt", "PutKeyPolicy", "ScheduleKeyDeletion")),
    *(f"lambda:{name}" for name in ("AddPermission", "CreateFunction", "DeleteFunction", "InvokeFunction")),
    *(f"lambda:{name}" for name in ("UpdateFunctionCode", "UpdateFunctionConfiguration")),
    *(f"logs:{name}" for name in ("DeleteLogGroup", "PutRetentionPolicy")),
    *(f"s3:{name}" for name in ("DeleteBucket", "DeleteObject", "DeleteObjectVersion", "GetObject")),
    *(f"s3:{name}" for name in ("GetObjectVersion", "PutBucketPolicy", "PutObject", "PutObjectAcl")),
    *(f"sagemaker:{name}" for name in ("CreateEndpoint", "CreateEndpointConfig", "CreateModel")),
    *(f"sagemaker:{name}" for name in ("CreateNotebookInstance", "CreatePresignedNotebookInstanceUrl")),
    *(f"sagemaker:{name}" for name in ("CreateProcessingJob", "CreateTrainingJob", "DeleteEndpoint")),
    *(f"sagemaker:{name}" for name in ("DeleteModel", "InvokeEndpoint", "UpdateEndpoint")),
    *(f"secretsmanager:{name}" for name in ("DeleteSecret", "GetSecretValue", "PutSecretValue")),
    *(f"sns:{name}" for name in ("DeleteTopic", "Publish", "SetTopicAttributes", "Subscribe")),
    *(f"sqs:{name}" for name in ("DeleteQueue", "ReceiveMessage", "SendMessage", "SetQueueAttributes")),
    *(
        f"ssm:{name}"
        for name in ("GetParameter", "GetParameters", "PutParameter", "SendCommand", "StartSession")
    ),
    *(f"states:{name}" for name in ("CreateStateMachine", "DeleteStateMachine", "StartExecution")),
    "states:UpdateStateMachine",
)

# These AWS managed policies are as broad, but are named otherwise.
_OTHER_FULL_ACCESS = frozenset({"PowerUserAccess", "SystemAdministrator", "DatabaseAdministrator"})


def _own_grants(account: Account) -> Iterator[tuple[Identity, Grant]]:
    return ((identity, grant) for identity in account.identities for grant in written_grants(identity))


def _problem(identity: Identity, grant: Grant, fault: str) -> Problem:
    return Problem(identity.arn, f"Policy {grant.policy.name} {fault}.{boundary_note(identity)}")


def _service_wildcards(identity: Identity, grant: Grant) -> str:
    """The statement's `service:*` patterns, as text."""
    patterns = granted_patterns(identity, grant)
    return ", ".join(pattern for pattern in patterns if pattern.endswith(":*") and pattern.strip("*:"))


class AdministratorAccess(Check):
    id = "administrator-access"
    category = "broad permissions"
    severity = "critical"
    title = "Full administrator access"
    risk = "Whoever controls this identity controls the whole account."
    remediation = "Detach the policy and grant the few actions that the work needs, on named resources."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity in account.identities:
            if policy := find_administrator_policy(identity):
                fault = f"Policy {policy.name} allows every action on every resource."
                yield Problem(identity.arn, fault + boundary_note(identity))


class FullAccessPolicy(Check):
    id = "full-access-policy"
    category = "broad permissions"
    severity = "high"
    title = "AWS managed policy with full access"
    risk = "The policy allows every action of a service on everything in it, deleting and sharing included."
    remediation = "Replace it with a policy that names the actions in use and the resources that they touch."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity in account.identities:
            for policy in identity.policies:
                broad = "FullAccess" in policy.name or policy.name in _OTHER_FULL_ACCESS
                # AdministratorAccess-Amplify and its like; AdministratorAccess itself has its own check.
                if policy.kind == "aws" and (broad or policy.name.startswith("AdministratorAccess-")):
                    fault = f"The managed policy {policy.name} is attached."
                    yield Problem(identity.arn, fault + boundary_note(identity))


class ServiceWildcard(Check):
    id = "service-wildcard"
    category = "broad permissions"
    severity = "high"
    title = "Every action of a service on every resource"
    risk = "Actions that nobody thought of, and ones that AWS adds later, are granted too."
    remediation = "Name the actions in use and the resources that they touch."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity, grant in _own_grants(account):
            wildcards = _service_wildcards(identity, grant)
            if wildcards and grant.statement.names_whole_service:
                yield _problem(identity, grant, f"allows {wildcards} on every resource")


class ServiceWildcardOnResource(Check):
    id = "service-wildcard-on-resource"
    category = "broad permissions"
    severity = "medium"
    title = "Every action of a service on named resources"
    risk = "The named resources may be deleted, reconfigured or shared by something that only uses them."
    remediation = "Name the actions in use."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity, grant in _own_grants(account):
            wildcards = _service_wildcards(identity, grant)
            if wildcards and not grant.statement.names_whole_service:
                yield _problem(
                    identity, grant, f"allows {wildcards} on {', '.join(grant.statement.resources)}"
                )


class AllowNotAction(Check):
    id = "allow-not-action"
    category = "broad permissions"
    severity = "high"
    title = "Allow with NotAction"
    risk = "Everything but the listed actions is granted, also what AWS adds later."
    remediation = "Turn the statement round: list the actions to allow under Action."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity, grant in _own_grants(account):
            if grant.statement.not_actions:
                yield _problem(identity, grant, f"allows all but {', '.join(grant.statement.not_actions)}")


class AllowNotResource(Check):
    id = "allow-not-resource"
    category = "broad permissions"
    severity = "high"
    title = "Allow with NotResource"
    risk = "Every resource but the listed ones is reached, also those that are made later."
    remediation = "Turn the statement round: list the resources to allow under Resource."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity, grant in _own_grants(account):
            if grant.statement.not_resources:
                yield _problem(identity, grant, f"reaches all but {', '.join(grant.statement.not_resources)}")


class NeedlessWildcardResource(Check):
    id = "needless-wildcard-resource"
    category = "broad permissions"
    severity = "medium"
    title = "Write or data access on every resource"
    risk = "Data and services far from this identity's work may be read, changed or deleted."
    remediation = "Name the resources, or add a condition on their tags; these actions accept both."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity, grant in _own_grants(account):
            actions = _narrowable_patterns(identity, grant)
            if actions and grant.statement.names_whole_service and not grant.statement.is_narrowed:
                yield _problem(identity, grant, f"allows {actions} on every resource")


def _narrowable_patterns(identity: Identity, grant: Grant) -> str:
    """The statement's patterns that reach an action of NARROWABLE_ACTIONS, less `service:*`."""
    return ", ".join(
        pattern
        for pattern in granted_patterns(identity, grant)
        if not pattern.endswith(":*")
        and any(matches_action(pattern, action) for action in NARROWABLE_ACTIONS)
    )
