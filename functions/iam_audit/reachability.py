"""Who can get at a role, and whether anybody does: what a finding on it is worth."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from functions.iam_audit.policy.patterns import is_everything
from functions.iam_audit.policy.policies import Statement
from functions.iam_audit.settings import SEVERITIES
from functions.iam_audit.snapshot import Role

# Conditions on these keys limit who the caller may be, or where from; others limit only how it calls.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
CALLER_KEYS = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principaltag/",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "sts:externalid",
    }
)
ASSUME_ACTIONS = ("sts:assumerole", "sts:assumerolewithwebidentity", "sts:assumerolewithsaml")
_ACCOUNT_OF_PRINCIPAL = re.compile(r"(?:arn:[^:]+:(?:iam|sts)::)?(\d{12})(?::.*)?")
# What IAM writes in the place of a deleted user's, role's or group's name.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
DELETED_PRINCIPAL = re.compile(r"(AIDA|AROA|AGPA|AIPA)[A-Z0-9]{12,}")


def open_statements(role: Role) -> Iterator[Statement]:
    """The role's Allow statements of trust; a Deny without conditions on any principal closes the role."""
    if not any(_closes(statement) for statement in role.trust):
        yield from (statement for statement in role.trust if statement.is_allow)


def _closes(statement: Statement) -> bool:
    denied = not statement.is_allow and not statement.conditions
    return denied and admits_anyone(statement) and statement.names_action("sts:AssumeRole")


def admits_anyone(statement: Statement) -> bool:
    """Whether the principal is anybody at all; everybody but a few is as open."""
    if statement.not_principals:
        return True
    principals = statement.principals
    return any(is_everything(name) for kind in ("AWS", "Federated") for name in principals.get(kind, ()))


def find_open(statements: Iterable[Statement], keys: frozenset[str] = CALLER_KEYS) -> Statement | None:
    """The first Allow that admits anyone, with no condition on the caller by one of these keys."""
    return next(
        (
            each
            for each in statements
            if each.is_allow and admits_anyone(each) and not each.is_narrowed_by(keys)
        ),
        None,
    )


def account_of(principal: str) -> str | None:
    """The account of an AWS principal: its id, or an ARN in it; None for what names no account."""
    match = _ACCOUNT_OF_PRINCIPAL.fullmatch(principal)
    return match[1] if match else None


@dataclass(frozen=True)
class Reach:
    """`text` is a sentence for the report; `step` is by how much a finding is graver (1) or milder (-1)."""

    text: str
    step: int


def reach_of(role: Role, *, taken_at: datetime, inactive_days: int) -> Reach:
    """Who may take the role, and when it was last used.

    A finding is graver where anybody, or another account without an external ID, may take the role. It is
    milder where nobody can, and where only services could and none did for `inactive_days`.
    """
    statements = tuple(open_statements(role))
    idle_days = (taken_at - (role.last_used_at or role.created_at)).days
    used = f"last used {idle_days} days ago" if role.last_used_at else f"never used in {idle_days} days"
    who, step = _who(role, statements)
    if step == 0 and who.startswith("Services only") and idle_days >= inactive_days:
        step = -1
    return Reach(f"{who}; {used}.", step)


def _who(role: Role, statements: tuple[Statement, ...]) -> tuple[str, int]:
    if any(admits_anyone(it) and not it.is_narrowed_by(CALLER_KEYS) for it in statements):
        return "Anybody may take the role", 1
    own = role.arn.split(":")[4]
    strangers = sorted({name for it in statements for name in _accounts(it) if name != own and _is_loose(it)})
    if strangers:
        return f"Account {', '.join(strangers)} may take the role without an external ID", 1
    names = sorted({name for it in statements for names in it.principals.values() for name in names})
    living = [name for name in names if not DELETED_PRINCIPAL.fullmatch(name)]
    if not living and not any(it.not_principals for it in statements):
        return "Nobody may take the role", -1
    if all(set(it.principals) == {"Service"} for it in statements):
        return f"Services only: {', '.join(living)}", 0
    return f"Taken by {', '.join(living[:3])}{' and others' if len(living) > 3 else ''}", 0


def _is_loose(statement: Statement) -> bool:
    return not statement.is_narrowed_by(CALLER_KEYS)


def _accounts(statement: Statement) -> Iterator[str]:
    for name in statement.principals.get("AWS", ()):
        if account := account_of(name):
            yield account


def shifted(severity: str, step: int) -> str:
    """The severity a step graver (1) or milder (-1); nothing becomes informational by its reach alone."""
    place = SEVERITIES.index(severity)
    if severity == "informational":
        return severity
    return SEVERITIES[min(max(place - step, 0), SEVERITIES.index("low"))]
