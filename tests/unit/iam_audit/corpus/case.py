"""One labelled account."""

from dataclasses import dataclass, field
from typing import Any

from functions.iam_audit.snapshot import Account
from tests.unit.iam_audit.account_documents import account, role


@dataclass(frozen=True)
class Case:
    """`finds` is every check that must find something in the account: any other finding is a false one.

    `nearly` is the check that a near miss is close to.
    """

    label: str
    account: Account = field(repr=False)
    finds: frozenset[str] = frozenset()
    nearly: str | None = None


def bad(label: str, finds: str, *statements: dict[str, Any], **more: Any) -> Case:
    """A role with these statements, and the checks, a blank between them, that must find it."""
    policies = more.pop("policies", ())
    return Case(
        label, account(role("worker", *statements, **more), policies=policies), frozenset(finds.split())
    )


def near(label: str, nearly: str, *statements: dict[str, Any], **more: Any) -> Case:
    """A role with these statements, which looks like what `nearly` finds and must be found for nothing.

    `also`: the milder checks that it must be found for instead.
    """
    also, policies = more.pop("also", ""), more.pop("policies", ())
    return Case(
        label,
        account(role("worker", *statements, **more), policies=policies),
        frozenset(also.split()),
        nearly,
    )
