"""What is there and not used."""

from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Violation, deny_statement
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account

_UNUSED = "https://docs.aws.amazon.com/IAM/latest/UserGuide/what-is-access-analyzer.html#what-is-access-analyzer-unused-access-analysis"
_LAST_ACCESSED = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html"


class UnusedRole(Check):
    id = "unused-role"
    category = "usage"
    severity = "low"
    title = "Role is not used"
    risk = "A role that nobody misses is one that nobody watches."
    remediation = "Delete the role, or note why it must stay; until then nobody needs to be able to take it."
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#remove-credentials",
        _UNUSED,
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for role in account.roles:
            # A role that was never used is as old as its making: a new one has had no time to be of use.
            idle_days = (account.taken_at - (role.last_used_at or role.created_at)).days
            if idle_days >= settings.inactive_days:
                fault = "last used" if role.last_used_at else "never used since it was made"
                yield Violation(
                    role.arn,
                    f"It was {fault} {idle_days} days ago (limit {settings.inactive_days}).",
                    snippet={"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"},
                )


class UnusedPermissions(Check):
    id = "unused-permissions"
    category = "usage"
    severity = "low"
    title = "Services are granted and never used"
    risk = "What is granted and not needed is of use to a thief only."
    remediation = "Take the services out of the role's policies, or deny them until they are needed."
    references = (_LAST_ACCESSED, _UNUSED)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        unused: dict[str, list[str]] = {}
        for use in account.service_uses:
            role = account.roles_by_arn.get(use.role_arn)
            # A role younger than the limit has had no time to use everything.
            old = role is not None and (account.taken_at - role.created_at).days >= settings.inactive_days
            idle = use.used_at is None or (account.taken_at - use.used_at).days >= settings.inactive_days
            if old and idle:
                unused.setdefault(use.role_arn, []).append(use.service)
        for arn, services in unused.items():
            yield Violation(
                arn,
                f"In {settings.inactive_days} days it used nothing of {', '.join(sorted(services))}.",
                snippet=deny_statement([f"{service}:*" for service in sorted(services)]),
            )
