"""Identities that may hand on roles, or take them."""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Snippet, Violation, allow_statement
from functions.iam_audit.escalation_paths import PATHS_BY_KIND
from functions.iam_audit.policy.grants import Grant
from functions.iam_audit.policy.patterns import overlaps
from functions.iam_audit.policy.permissions import boundary_note, reaches_any
from functions.iam_audit.policy.policies import Statement
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account, Identity

_PASS_ROLE, _ASSUME_ROLE = "iam:passrole", "sts:assumerole"
_PASSING = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"


def _grants_of(account: Account, action: str) -> Iterator[tuple[Identity, Grant]]:
    """Grants of one action, less the ones that grant everything."""
    for identity in account.identities:
        if action in identity.sensitive_actions:
            for grant in identity.narrower_grants:
                if action in grant.sensitive_actions:
                    yield identity, grant


def _narrow_passing(identity: Identity, resources: tuple[str, ...]) -> Snippet:
    """PassRole to the services that this identity can make use of, ready but for the role's name."""
    services = sorted(
        {
            service
            for path in PATHS_BY_KIND["launch"]
            if path.needs <= identity.sensitive_actions
            for service in path.services
        }
    )
    condition = {"StringEquals": {"iam:PassedToService": services or ["SERVICE.amazonaws.com"]}}
    account_id = identity.arn.split(":")[4]
    roles = list(resources) or [f"arn:aws:iam::{account_id}:role/NAME"]
    return allow_statement(["iam:PassRole"], roles, Condition=condition)


class PassAnyRole(Check):
    id = "pass-any-role"
    category = "role passing"
    severity = "high"
    title = "May pass every role to a service"
    risk = "A service can be given a role with more rights than this identity has, and used to act with them."
    remediation = (
        "Name the roles to pass under Resource, and the service in a condition on iam:PassedToService."
    )
    references = (_PASSING,)
    weighs_reach = True

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for identity, grant in _grants_of(account, _PASS_ROLE):
            if reaches_any(identity, grant.statement, "role"):
                fault = f"Policy {grant.policy.name} allows iam:PassRole on every role."
                yield Violation(
                    identity.arn,
                    fault + boundary_note(identity),
                    snippet=_narrow_passing(identity, ()),
                    grants=(grant,),
                )


def _names_roles(identity: Identity, statement: Statement) -> bool:
    """Whether the statement reaches some roles, but not every one."""
    roles = f"{identity.arn.rpartition(':')[0]}:role/*"
    some = any(overlaps(resource, roles) for resource in statement.resources)
    return some and not reaches_any(identity, statement, "role")


class PassRoleToAnyService(Check):
    id = "pass-role-to-any-service"
    category = "role passing"
    severity = "medium"
    title = "May pass a role to every service"
    risk = "The role may be handed to a service for which it was never meant."
    remediation = "Add a StringEquals condition on iam:PassedToService with the services that need the role."
    references = (_PASSING,)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for identity, grant in _grants_of(account, _PASS_ROLE):
            if _names_roles(identity, grant.statement) and not grant.statement.is_narrowed_by(
                {"iam:passedtoservice"}
            ):
                roles = ", ".join(grant.statement.resources)
                fault = (
                    f"Policy {grant.policy.name} allows iam:PassRole on {roles} without iam:PassedToService."
                )
                yield Violation(
                    identity.arn,
                    fault + boundary_note(identity),
                    snippet=_narrow_passing(identity, grant.statement.resources),
                    grants=(grant,),
                )


class AssumeAnyRole(Check):
    id = "assume-any-role"
    category = "privilege escalation"
    severity = "high"
    title = "May take every role"
    risk = "Every role that trusts this account, here or elsewhere, is open to the identity."
    remediation = "Name the roles to take under Resource."
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_permissions-to-switch.html",
        "https://pathfinding.cloud/paths/sts-001",
    )
    weighs_reach = True

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for identity, grant in _grants_of(account, _ASSUME_ROLE):
            if reaches_any(identity, grant.statement, "role") and not grant.statement.is_narrowed:
                fault = f"Policy {grant.policy.name} allows sts:AssumeRole on every role."
                account_id = identity.arn.split(":")[4]
                roles = [f"arn:aws:iam::{account_id}:role/NAME"]
                yield Violation(
                    identity.arn,
                    fault + boundary_note(identity),
                    snippet=allow_statement(["sts:AssumeRole"], roles),
                    grants=(grant,),
                )
