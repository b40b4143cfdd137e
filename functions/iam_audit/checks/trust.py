"""Who may take a role."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from functions.iam_audit.checks.base import Check, Snippet, Violation
from functions.iam_audit.policy.policies import Statement
from functions.iam_audit.reachability import (
    CALLER_KEYS,
    DELETED_PRINCIPAL,
    account_of,
    admits_anyone,
    open_statements,
)
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import IAM_GAP, Account, Role

_OWN_ORGANISATION_KEYS = frozenset({"aws:principalorgid", "aws:principalorgpaths"})
_SOURCE_KEYS = frozenset({"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"})
_TRUST_POLICIES = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html"
_CONFUSED_DEPUTY = "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html"

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

# Identity providers that serve the whole world -> the claims that tell one's own people apart from strangers.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
_PUBLIC_PROVIDERS = {
    "token.actions.githubusercontent.com": ("sub",),
    "gitlab.com": ("sub",),
    "app.terraform.io": ("sub",),
    "agent.buildkite.com": ("sub",),
    "oidc.vercel.com": ("sub",),
    "api.bitbucket.org": ("sub", "aud"),
    "oidc.circleci.com": ("sub", "aud"),
    "accounts.google.com": ("sub", "aud", "oaud"),
    "cognito-identity.amazonaws.com": ("aud",),
    "graph.facebook.com": ("app_id",),
    "www.amazon.com": ("app_id",),
}
_PROVIDER = re.compile(r"arn:[^:]+:iam::\d{12}:oidc-provider/(.+)")


def _statements(account: Account) -> Iterator[tuple[Role, Statement]]:
    return ((role, statement) for role in account.roles for statement in open_statements(role))


def _lines(statement: Statement) -> tuple[str, ...]:
    return tuple(map(str, statement.conditions))


def _trust_snippet(statement: Statement, condition: dict[str, Any] | None = None) -> Snippet:
    """The statement as it is, with a condition added to those that it has."""
    snippet: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {kind: list(names) for kind, names in statement.principals.items()},
        "Action": list(statement.actions),
    }
    blocks: dict[str, dict[str, Any]] = {}
    for each in statement.conditions:
        operator, key = each.written
        blocks.setdefault(operator, {})[key] = list(each.values)
    for operator, keys in (condition or {}).items():
        blocks.setdefault(operator, {}).update(keys)
    return snippet | ({"Condition": blocks} if blocks else {})


def _named_principal(role: Role) -> Snippet:
    account_id = role.arn.split(":")[4]
    return {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_id}:role/NAME"},
        "Action": "sts:AssumeRole",
    }


class AnyPrincipalTrust(Check):
    id = "any-principal-trust"
    category = "trust"
    severity = "critical"
    title = "Anybody may take the role"
    risk = "Every AWS account in the world can act with this role's rights."
    remediation = "Name the principals that need the role in its trust policy."
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous",
        _TRUST_POLICIES,
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for role, statement in _statements(account):
            if admits_anyone(statement) and not statement.is_narrowed_by(CALLER_KEYS):
                yield Violation(
                    role.arn,
                    "Its trust policy admits any principal, with no condition on the caller.",
                    snippet=_named_principal(role),
                    conditions=_lines(statement),
                )


class AnyPrincipalTrustWithCondition(Check):
    id = "any-principal-trust-with-condition"
    category = "trust"
    severity = "medium"
    title = "Any principal that meets a condition may take the role"
    risk = "The condition is all that stands between the role and the rest of the world."
    remediation = "Name the principals that need the role; keep the condition as well."
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous",
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for role, statement in _statements(account):
            if admits_anyone(statement) and statement.is_narrowed_by(CALLER_KEYS):
                keys = sorted({condition.key for condition in statement.conditions})
                yield Violation(
                    role.arn,
                    f"Its trust policy admits any principal, limited by {', '.join(keys)}.",
                    snippet=_named_principal(role),
                    conditions=_lines(statement),
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
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html",
        _CONFUSED_DEPUTY,
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for role, statement in _statements(account):
            others = _other_accounts(role, statement)
            if others and not statement.is_narrowed_by({"sts:externalid", *_OWN_ORGANISATION_KEYS}):
                yield Violation(
                    role.arn,
                    f"Its trust policy admits account {', '.join(others)} with no sts:ExternalId.",
                    snippet=_trust_snippet(
                        statement, {"StringEquals": {"sts:ExternalId": "A-SHARED-SECRET"}}
                    ),
                    conditions=_lines(statement),
                )


def _other_accounts(role: Role, statement: Statement) -> list[str]:
    own = role.arn.split(":")[4]
    found = map(account_of, statement.principals.get("AWS", ()))
    return sorted({account_id for account_id in found if account_id and account_id != own})


class ServiceTrustWithoutSource(Check):
    id = "service-trust-without-source"
    category = "trust"
    severity = "low"
    title = "A service may take the role for any source"
    risk = "The service could be led to use the role on behalf of another account (the confused deputy)."
    remediation = "Add a condition on aws:SourceAccount, or on aws:SourceArn, to the trust policy."
    references = (_CONFUSED_DEPUTY,)

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for role, statement in _statements(account):
            services = sorted(_SERVICES_WITH_SOURCE.intersection(statement.principals.get("Service", ())))
            if services and not statement.is_narrowed_by(_SOURCE_KEYS):
                own = role.arn.split(":")[4]
                yield Violation(
                    role.arn,
                    f"It trusts {', '.join(services)} with no aws:SourceAccount or aws:SourceArn.",
                    snippet=_trust_snippet(statement, {"StringEquals": {"aws:SourceAccount": own}}),
                    conditions=_lines(statement),
                )


class FederatedTrust(Check):
    id = "federated-trust-without-subject"
    category = "trust"
    severity = "medium"
    title = "Everybody of an identity provider may take the role"
    risk = "A token that the provider gives to somebody else's project opens the role too."
    remediation = "Add a StringEquals condition on the token's subject: the repository, project or account."
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
        "https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments/configuring-openid-connect-in-amazon-web-services",
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for role, statement in _statements(account):
            for name in statement.principals.get("Federated", ()):
                provider = _provider(name)
                if provider and not _is_limited(statement, provider):
                    claims = _claims(provider)
                    public = _host(provider) in _PUBLIC_PROVIDERS
                    yield Violation(
                        role.arn,
                        f"It trusts {provider} with no real limit on {' or '.join(claims)}.",
                        severity="critical" if public else self.severity,
                        snippet=_trust_snippet(
                            statement, {"StringEquals": {f"{provider}:{claims[0]}": "WHO-MAY-TAKE-IT"}}
                        ),
                        conditions=_lines(statement),
                    )


def _provider(principal: str) -> str | None:
    """The host and path of an OIDC provider's ARN, or the name of one that AWS knows; None for SAML."""
    match = _PROVIDER.fullmatch(principal)
    if match:
        return match[1]
    return principal if principal in _PUBLIC_PROVIDERS else None


def _host(provider: str) -> str:
    return provider.partition("/")[0]


def _claims(provider: str) -> tuple[str, ...]:
    return _PUBLIC_PROVIDERS.get(_host(provider), ("sub",))


def _is_limited(statement: Statement, provider: str) -> bool:
    keys = {f"{provider}:{claim}".lower() for claim in _claims(provider)}
    return any(
        condition.key in keys and condition.narrows and not any(map(_is_open_subject, condition.values))
        for condition in statement.conditions
    )


def _is_open_subject(value: str) -> bool:
    """Whether a subject such as `repo:*` names nobody: a wildcard stands before any owner's name."""
    fixed = re.split(r"[*?]", value, maxsplit=1)[0]
    owner = fixed.removeprefix("repo:").removeprefix("project_path:").removeprefix("organization:")
    return not owner.strip(":/") or ("*" in value and value.startswith("repo:") and "/" not in owner)


class DeletedPrincipalTrust(Check):
    id = "deleted-principal-trust"
    category = "trust"
    severity = "low"
    title = "The role trusts somebody who no longer exists"
    risk = "Nobody looks after such a trust policy any more, and it does not say what it seems to say."
    remediation = "Take the deleted principal out of the trust policy, or name its successor."
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html",
    )

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        whole = bool(account.roles) and all(gap.name != IAM_GAP for gap in account.gaps)
        known = {identity.arn for identity in account.identities}
        for role, statement in _statements(account):
            names = statement.principals.get("AWS", ())
            gone = [name for name in names if DELETED_PRINCIPAL.fullmatch(name)]
            if whole:
                gone += [name for name in names if _was_of_this_account(name, role) and name not in known]
            if gone:
                left = tuple(name for name in names if name not in gone)
                yield Violation(
                    role.arn,
                    f"Its trust policy names {', '.join(gone)}, which is no user or role of the account.",
                    snippet=_trust_snippet(replace(statement, principals={"AWS": left})) if left else None,
                    conditions=_lines(statement),
                )


def _was_of_this_account(principal: str, role: Role) -> bool:
    parts = principal.split(":", 5)
    own = len(parts) == 6 and parts[2] == "iam" and parts[4] == role.arn.split(":")[4]
    # Service-linked roles are left out of the snapshot.
    return (
        own and parts[5].startswith(("user/", "role/")) and not parts[5].startswith("role/aws-service-role/")
    )
