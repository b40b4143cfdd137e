"""Who may take a role."""

import re
from collections.abc import Iterator

from functions.iam_audit.checks.base import Check, Problem
from functions.iam_audit.policies import Statement, is_everything
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account, Role

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
_OWN_ORGANISATION_KEYS = frozenset({"aws:principalorgid", "aws:principalorgpaths"})
_SOURCE_KEYS = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"})

# Services that document aws:SourceArn and aws:SourceAccount in the trust policy of the roles that they take.
# EC2 sends neither: an instance takes its role by itself.
_SERVICES_WITH_SOURCE = frozenset(
    {
        "bedrock.amazonaws.com",
        "cloudformation.amazonaws.com",
        "ecs-tasks.amazonaws.com",
        "events.amazonaws.com",
        "pipes.amazonaws.com",
        "sagemaker.amazonaws.com",
        "scheduler.amazonaws.com",
        "states.amazonaws.com",
    }
)
_ACCOUNT_OF_PRINCIPAL = re.compile(r"(?:arn:[^:]+:(?:iam|sts)::)?(\d{12})(?::.*)?")


def _statements(account: Account) -> Iterator[tuple[Role, Statement]]:
    """Each role's Allow statements of trust; a Deny without conditions on any principal closes the role."""
    for role in account.roles:
        if not any(_closes(statement) for statement in role.trust):
            yield from ((role, statement) for statement in role.trust if statement.is_allow)


def _closes(statement: Statement) -> bool:
    denied = statement.effect == "Deny" and not statement.conditions
    return denied and admits_anyone(statement) and statement.names_action("sts:AssumeRole")


def admits_anyone(statement: Statement) -> bool:
    """Whether the principal is anybody at all; everybody but a few is as open."""
    named = (name for kind in ("AWS", "Federated") for name in statement.principals.get(kind, ()))
    return bool(statement.not_principals) or any(is_everything(name) for name in named)


class AnyPrincipalTrust(Check):
    id = "any-principal-trust"
    category = "trust"
    severity = "critical"
    title = "Anybody may take the role"
    risk = "Every AWS account in the world can act with this role's rights."
    remediation = "Name the principals that need the role in its trust policy."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for role, statement in _statements(account):
            if admits_anyone(statement) and not statement.is_narrowed_by(CALLER_KEYS):
                yield Problem(
                    role.arn, "Its trust policy admits any principal, with no condition on the caller."
                )


class AnyPrincipalTrustWithCondition(Check):
    id = "any-principal-trust-with-condition"
    category = "trust"
    severity = "medium"
    title = "Any principal that meets a condition may take the role"
    risk = "The condition is all that stands between the role and the rest of the world."
    remediation = "Name the principals that need the role; keep the condition as well."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for role, statement in _statements(account):
            if admits_anyone(statement) and statement.is_narrowed_by(CALLER_KEYS):
                keys = sorted({condition.key for condition in statement.conditions})
                yield Problem(
                    role.arn, f"Its trust policy admits any principal, limited by {', '.join(keys)}."
                )


class CrossAccountTrust(Check):
    id = "cross-account-trust"
    category = "trust"
    severity = "medium"
    title = "Another account may take the role without an external ID"
    risk = "A third party that serves many customers can be tricked into using your role for somebody else."
    remediation = (
        "Add a condition on sts:ExternalId, or on aws:PrincipalOrgID for accounts of your organisation."
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for role, statement in _statements(account):
            others = _other_accounts(role, statement)
            if others and not statement.is_narrowed_by({"sts:externalid", *_OWN_ORGANISATION_KEYS}):
                reason = f"Its trust policy admits account {', '.join(others)} with no sts:ExternalId."
                yield Problem(role.arn, reason)


def _other_accounts(role: Role, statement: Statement) -> list[str]:
    own = role.arn.split(":")[4]
    found = (_ACCOUNT_OF_PRINCIPAL.fullmatch(name) for name in statement.principals.get("AWS", ()))
    return sorted({match[1] for match in found if match and match[1] != own})


class ServiceTrustWithoutSource(Check):
    id = "service-trust-without-source"
    category = "trust"
    severity = "low"
    title = "A service may take the role for any source"
    risk = "The service could be led to use the role on behalf of another account (the confused deputy)."
    remediation = "Add a condition on aws:SourceAccount, or on aws:SourceArn, to the trust policy."

    def find(self, account: Account, settings: Settings) -> Iterator[Problem]:
        for role, statement in _statements(account):
            services = sorted(_SERVICES_WITH_SOURCE.intersection(statement.principals.get("Service", ())))
            if services and not statement.is_narrowed_by(_SOURCE_KEYS):
                names = ", ".join(services)
                yield Problem(role.arn, f"It trusts {names} with no aws:SourceAccount or aws:SourceArn.")
