"""Identities that may hand on roles, or take them."""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Problem
from functions.iam_audit.permissions import Grant, boundary_note, find_grants, grants_everything, reaches_any
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account, Identity


def _written_grants_of(account: Account, action: str) -> Iterator[tuple[Identity, Grant]]:
    """Grants of one action in inline and customer policies, less the ones that grant everything."""
    for identity in account.identities:
        for grant in find_grants(identity, action):
            if grant.policy.kind != "aws" and not grants_everything(grant.statement):
                yield identity, grant


class PassAnyRole(Check):
    id = "pass-any-role"
    category = "role passing"
    severity = "high"
    title = "May pass every role to a service"
    risk = "A service can be given a role with more rights than this identity has, and used to act with them."
    remediation = (
        "Name the roles to pass under Resource, and the service in a condition on iam:PassedToService."
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity, grant in _written_grants_of(account, "iam:PassRole"):
            if reaches_any(identity, grant.statement, "role"):
                fault = f"Policy {grant.policy.name} allows iam:PassRole on every role."
                yield Problem(identity.arn, fault + boundary_note(identity))


class PassRoleToAnyService(Check):
    id = "pass-role-to-any-service"
    category = "role passing"
    severity = "medium"
    title = "May pass a role to every service"
    risk = "The role may be handed to a service for which it was never meant."
    remediation = "Add a StringEquals condition on iam:PassedToService with the services that need the role."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity, grant in _written_grants_of(account, "iam:PassRole"):
            named = not reaches_any(identity, grant.statement, "role")
            if named and not grant.statement.is_narrowed_by({"iam:passedtoservice"}):
                roles = ", ".join(grant.statement.resources)
                fault = (
                    f"Policy {grant.policy.name} allows iam:PassRole on {roles} without iam:PassedToService."
                )
                yield Problem(identity.arn, fault + boundary_note(identity))


class AssumeAnyRole(Check):
    id = "assume-any-role"
    category = "role passing"
    severity = "high"
    title = "May take every role"
    risk = "Every role that trusts this account, here or elsewhere, is open to the identity."
    remediation = "Name the roles to take under Resource."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for identity, grant in _written_grants_of(account, "sts:AssumeRole"):
            if reaches_any(identity, grant.statement, "role") and not grant.statement.is_narrowed:
                fault = f"Policy {grant.policy.name} allows sts:AssumeRole on every role."
                yield Problem(identity.arn, fault + boundary_note(identity))
