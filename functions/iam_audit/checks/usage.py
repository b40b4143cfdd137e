"""What is there and not used."""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Problem
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account


class UnusedRole(Check):
    id = "unused-role"
    category = "usage"
    severity = "low"
    title = "Role is not used"
    risk = "A role that nobody misses is one that nobody watches."
    remediation = "Delete the role, or note why it must stay."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for role in account.roles:
            # A role that was never used is as old as its making: a new one has had no time to be of use.
            idle_days = (account.taken_at - (role.last_used_at or role.created_at)).days
            if idle_days >= settings.inactive_days:
                fault = "last used" if role.last_used_at else "never used since it was made"
                yield Problem(
                    role.arn, f"It was {fault} {idle_days} days ago (limit {settings.inactive_days})."
                )
