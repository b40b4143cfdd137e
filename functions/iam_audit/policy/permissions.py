"""Questions about what an identity may do, asked by many checks."""

from collections.abc import Iterable, Iterator

from functions.iam_audit.escalation_paths import PASS_ROLE
from functions.iam_audit.policy.conditions import Condition, Context, all_hold, substitute
from functions.iam_audit.policy.grants import Grant
from functions.iam_audit.policy.patterns import matches
from functions.iam_audit.policy.policies import Statement
from functions.iam_audit.snapshot import Identity

_PASS_ROLE = PASS_ROLE.lower()


def find_grants(identity: Identity, action: str, context: Context | None = None) -> Iterator[Grant]:
    """The grants of one sensitive action, such as `iam:passrole`, whose conditions the context may meet.

    `action` is in lower case. What a user gets from its groups counts.
    """
    if action not in identity.sensitive_actions:
        return
    for grant in identity.grants:
        if action in grant.sensitive_actions and may_hold(grant.statement, context or {}):
            yield grant


def may_hold(statement: Statement, context: Context) -> bool:
    """Whether a request of which this much is known may meet the statement's conditions."""
    return not statement.conditions or all_hold(statement.conditions, context) is not False


def passing_grants(identity: Identity, services: Iterable[str]) -> Iterator[Grant]:
    """The grants that let the identity pass a role to one of the services."""
    seen: set[int] = set()
    for service in services:
        for grant in find_grants(identity, _PASS_ROLE, {"iam:passedtoservice": service}):
            if id(grant) not in seen:
                seen.add(id(grant))
                yield grant


def reaches_any(identity: Identity, statement: Statement, kind: str) -> bool:
    """Whether the statement reaches every role (or user, group, policy: `kind`) of the identity's account.

    Asked with a name that nobody would give: a pattern that matches it was not written with names in mind.
    """
    account_arn = identity.arn.rpartition(":")[0]
    return statement.names_resource(f"{account_arn}:{kind}/no-such-path/no-such-name")


def reaches(identity: Identity, statement: Statement, arn: str) -> bool:
    """Whether the statement, written for this identity, names the resource: its user name is put in."""
    if statement.names_resource(arn):
        return True
    if identity.kind != "user" or not any("${" in resource for resource in statement.resources):
        return False
    context = {"aws:username": identity.name}
    return any(matches(substitute(resource, context), arn) for resource in statement.resources)


def is_told_at_a_group(identity: Identity, grants: Iterable[Grant]) -> bool:
    """Whether all these grants are of one of a user's groups: then the finding is the group's."""
    policies = {id(grant.policy) for grant in grants}
    return bool(policies) and any(policies <= set(map(id, group.policies)) for group in identity.groups)


def boundary_note(identity: Identity) -> str:
    """A sentence for a finding's reason: what the permissions boundary did, or that it could not be read."""
    if identity.boundary_arn is None:
        return ""
    if identity.boundary is None:
        return f" The permissions boundary {identity.boundary_arn} could not be read and may limit it."
    return f" The permissions boundary {identity.boundary_arn} allows it."


def conditions_of(grants: Iterable[Grant]) -> tuple[str, ...]:
    """A line for each condition of the grants: what it says, and what it is worth."""
    conditions = dict.fromkeys(condition for grant in grants for condition in grant.statement.conditions)
    return tuple(f"{condition}: {_worth(condition)}" for condition in conditions)


def _worth(condition: Condition) -> str:
    if not condition.narrows_identity:
        return "no real limit"
    if condition.narrows_circumstances_only:
        return "limits where from or how the caller calls, not what it may do"
    return "a real limit, counted"


def named_actions(patterns: Iterable[str], most: int = 6) -> str:
    """Actions as text, the first few named and the rest counted."""
    unique = list(dict.fromkeys(patterns))
    more = f" and {len(unique) - most} more" if len(unique) > most else ""
    return ", ".join(unique[:most]) + more
