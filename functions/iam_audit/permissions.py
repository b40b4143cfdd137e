"""What an identity may do: its Allow statements, less what an explicit Deny takes away.

Only a Deny without conditions is counted, and only where it surely covers the whole of the Allow: a
finding must not be hidden by a Deny that a request might pass by.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from functions.iam_audit.policies import Statement, covers, is_everything
from functions.iam_audit.snapshot import Identity, Policy


@dataclass(frozen=True)
class Grant:
    """An Allow statement and the policy that holds it."""

    policy: Policy
    statement: Statement


def find_grants(identity: Identity, action: str) -> Iterator[Grant]:
    """The identity's own statements that let it do this action, such as `iam:PassRole`, on some resource."""
    return _grants_among(identity.policies, identity, action)


def find_effective_grants(identity: Identity, action: str) -> Iterator[Grant]:
    """As `find_grants`, with what a user gets from its groups."""
    return _grants_among(identity.policies + identity.inherited, identity, action)


def _grants_among(policies: Iterable[Policy], identity: Identity, action: str) -> Iterator[Grant]:
    for policy in policies:
        for statement in policy.statements:
            allows = statement.is_allow and statement.names_action(action)
            if allows and not _is_denied(identity, action, statement):
                yield Grant(policy, statement)


def is_administrator(identity: Identity) -> bool:
    """Whether the identity may do everything, by its own policies or by those of its groups."""
    return any(
        _is_administrator_policy(identity, policy) for policy in (*identity.policies, *identity.inherited)
    )


def find_administrator_policy(identity: Identity) -> Policy | None:
    """The first policy, the identity's own, that allows every action on every resource."""
    return next((policy for policy in identity.policies if _is_administrator_policy(identity, policy)), None)


def _is_administrator_policy(identity: Identity, policy: Policy) -> bool:
    # AWS's own document may be missing from the answer; its name is enough.
    return (policy.kind == "aws" and policy.name == "AdministratorAccess") or any(
        grants_everything(statement) and not _is_denied(identity, "*", statement)
        for statement in policy.statements
    )


def reaches_any(identity: Identity, statement: Statement, kind: str) -> bool:
    """Whether the statement reaches every role (or user, group, policy: `kind`) of the identity's account.

    Asked with a name that nobody would give: a pattern that matches it was not written with names in mind.
    """
    account_arn = identity.arn.rpartition(":")[0]
    return statement.names_resource(f"{account_arn}:{kind}/no-such-path/no-such-name")


def written_grants(identity: Identity) -> Iterator[Grant]:
    """The Allow statements of inline and customer policies: those that the account's own people can narrow.

    Statements that grant everything are left out: the administrator check says all about them.
    """
    for policy in identity.policies:
        if policy.kind != "aws":
            for statement in policy.statements:
                if statement.is_allow and not grants_everything(statement):
                    yield Grant(policy, statement)


def granted_patterns(identity: Identity, grant: Grant) -> Iterator[str]:
    """The statement's action patterns that no Deny covers."""
    return (
        pattern for pattern in grant.statement.actions if not _is_denied(identity, pattern, grant.statement)
    )


def grants_everything(statement: Statement) -> bool:
    """`Allow *` on `*`, conditions or not."""
    every_action = any(is_everything(action) for action in statement.actions)
    return statement.is_allow and every_action and statement.names_every_resource


def boundary_note(identity: Identity) -> str:
    """A sentence for a finding's reason when a permissions boundary may take back what the policies give."""
    if identity.boundary_arn is None:
        return ""
    return f" The permissions boundary {identity.boundary_arn} may limit it."


def _is_denied(identity: Identity, action_pattern: str, allow: Statement) -> bool:
    return any(
        statement.effect == "Deny"
        and not statement.conditions
        and any(covers(denied.lower(), action_pattern.lower()) for denied in statement.actions)
        and _covers_resources(statement, allow)
        for policy in (*identity.policies, *identity.inherited)
        for statement in policy.statements
    )


def _covers_resources(deny: Statement, allow: Statement) -> bool:
    # "All but these" is only surely covered by a Deny on everything.
    allowed = allow.resources or ("*",)
    return all(any(covers(denied, resource) for denied in deny.resources) for resource in allowed)
