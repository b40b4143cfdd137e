"""Policies that grant more than anything needs."""

from abc import abstractmethod
from collections.abc import Iterator
from functools import cache
from typing import ClassVar

from functions.iam_audit.checks.base import Check, Snippet, Violation, allow_statement
from functions.iam_audit.policy.actions import TAGGING, WRITE, narrowable_actions
from functions.iam_audit.policy.grants import Grant
from functions.iam_audit.policy.permissions import boundary_note, named_actions
from functions.iam_audit.policy.risky_actions import CREDENTIAL_ACTIONS
from functions.iam_audit.reachability import shifted
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account, Identity

_LEAST_PRIVILEGE = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"
)
_ELEMENTS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements"

# These AWS managed policies are as broad, but are named otherwise.
_OTHER_FULL_ACCESS = frozenset({"PowerUserAccess", "SystemAdministrator", "DatabaseAdministrator"})


def named_resources(identity: Identity, patterns: list[str]) -> list[str]:
    """ARNs to fill in for the services of the action patterns; `NAME` stands for what only people know."""
    account_id = identity.arn.split(":")[4]
    services = dict.fromkeys(pattern.partition(":")[0] for pattern in patterns)
    return [
        "arn:aws:s3:::NAME/*" if service == "s3" else f"arn:aws:{service}:*:{account_id}:NAME"
        for service in services
    ]


class PerPolicyCheck(Check):
    """A check of single grants, that makes one finding of all that an identity's policies do wrong.

    Only AWS's own policies at fault: a step milder, since nobody here wrote them too wide.
    """

    weighs_reach = True

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for identity in account.identities:
            if faults := self._faults_by_policy(identity):
                grants = tuple(grant for policy_faults in faults.values() for grant, _ in policy_faults)
                sentences = [
                    f"Policy {policy} {self.verb} {named_actions(_flat(policy_faults))}{self.tail}."
                    for policy, policy_faults in faults.items()
                ]
                written_here = any(grant.policy.kind != "aws" for grant in grants)
                yield Violation(
                    identity.arn,
                    " ".join(sentences) + boundary_note(identity),
                    severity=self.severity if written_here else shifted(self.severity, -1),
                    snippet=self.snippet(identity, grants),
                    grants=grants,
                )

    def _faults_by_policy(self, identity: Identity) -> dict[str, list[tuple[Grant, tuple[str, ...]]]]:
        faults: dict[str, list[tuple[Grant, tuple[str, ...]]]] = {}
        for grant in identity.narrower_grants:
            if found := self.faults(grant):
                faults.setdefault(grant.policy.name, []).append((grant, found))
        return faults

    verb: ClassVar[str] = "allows"
    tail: ClassVar[str] = " on every resource"

    @abstractmethod
    def faults(self, grant: Grant) -> tuple[str, ...]:
        """The action patterns (or else what `verb` tells of) at fault in this grant."""

    def snippet(self, identity: Identity, grants: tuple[Grant, ...]) -> Snippet:
        patterns = list(dict.fromkeys(pattern for grant in grants for pattern in self.faults(grant)))
        return allow_statement(patterns, named_resources(identity, patterns))


def _flat(faults: list[tuple[Grant, tuple[str, ...]]]) -> list[str]:
    return [pattern for _, patterns in faults for pattern in patterns]


def _service_wildcards(grant: Grant) -> tuple[str, ...]:
    """The grant's `service:*` patterns."""
    return tuple(pattern for pattern in grant.patterns if pattern.endswith(":*") and pattern.strip("*:"))


class AdministratorAccess(Check):
    id = "administrator-access"
    category = "broad permissions"
    severity = "critical"
    title = "Full administrator access"
    risk = "Whoever controls this identity controls the whole account."
    remediation = "Detach the policy and grant the few actions that the work needs, on named resources."
    references = (_LEAST_PRIVILEGE,)
    weighs_reach = True

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for identity in account.administrators.values():
            if grants := identity.administrator_grants:
                fault = f"Policy {grants[0].policy.name} allows every action on every resource."
                snippet = allow_statement(["SERVICE:ACTION"], ["arn:aws:SERVICE:*:ACCOUNT:NAME"])
                yield Violation(identity.arn, fault + boundary_note(identity), snippet=snippet, grants=grants)


class FullAccessPolicy(Check):
    id = "full-access-policy"
    category = "broad permissions"
    severity = "high"
    title = "AWS managed policy with full access"
    risk = "The policy allows every action of a service on everything in it, deleting and sharing included."
    remediation = "Replace it with a policy that names the actions in use and the resources that they touch."
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html",
        _LEAST_PRIVILEGE,
    )
    weighs_reach = True

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for identity in account.identities:
            names = [policy.name for policy in identity.policies if _is_full_access(policy.name, policy.kind)]
            if names:
                reason = (
                    f"Of AWS's own policies {', '.join(names)} {'is' if len(names) == 1 else 'are'} attached."
                )
                yield Violation(identity.arn, reason + _boundary_limit(identity))


def _boundary_limit(identity: Identity) -> str:
    return f" The permissions boundary {identity.boundary_arn} may limit it." if identity.boundary_arn else ""


def _is_full_access(name: str, kind: str) -> bool:
    broad = "FullAccess" in name or name in _OTHER_FULL_ACCESS
    # AdministratorAccess-Amplify and its like; AdministratorAccess itself has its own check.
    return kind == "aws" and (broad or name.startswith("AdministratorAccess-"))


class ServiceWildcard(PerPolicyCheck):
    id = "service-wildcard"
    category = "broad permissions"
    severity = "high"
    title = "Every action of a service on every resource"
    risk = "Actions that nobody thought of, and ones that AWS adds later, are granted too."
    remediation = "Name the actions in use and the resources that they touch."
    references = (f"{_ELEMENTS}_action.html", _LEAST_PRIVILEGE)

    def faults(self, grant: Grant) -> tuple[str, ...]:
        wide = grant.statement.names_whole_service and not grant.statement.is_narrowed
        return _service_wildcards(grant) if wide else ()

    def snippet(self, identity: Identity, grants: tuple[Grant, ...]) -> Snippet:
        wildcards = [pattern for grant in grants for pattern in self.faults(grant)]
        named = [f"{pattern.removesuffix('*')}ACTION" for pattern in dict.fromkeys(wildcards)]
        return allow_statement(named, named_resources(identity, named))


class ServiceWildcardOnResource(PerPolicyCheck):
    id = "service-wildcard-on-resource"
    category = "broad permissions"
    severity = "medium"
    title = "Every action of a service on named resources"
    risk = "The named resources may be deleted, reconfigured or shared by something that only uses them."
    remediation = "Name the actions in use."
    references = (f"{_ELEMENTS}_action.html",)
    tail = " on named resources, or under a condition"

    def faults(self, grant: Grant) -> tuple[str, ...]:
        wide = grant.statement.names_whole_service and not grant.statement.is_narrowed
        return () if wide else _service_wildcards(grant)

    def snippet(self, identity: Identity, grants: tuple[Grant, ...]) -> Snippet:
        wildcards = dict.fromkeys(pattern for grant in grants for pattern in self.faults(grant))
        resources = dict.fromkeys(resource for grant in grants for resource in grant.statement.resources)
        return allow_statement([f"{each.removesuffix('*')}ACTION" for each in wildcards], list(resources))


class AllowNotAction(PerPolicyCheck):
    id = "allow-not-action"
    category = "broad permissions"
    severity = "high"
    title = "Allow with NotAction"
    risk = "Everything but the listed actions is granted, also what AWS adds later."
    remediation = "Turn the statement round: list the actions to allow under Action."
    references = (f"{_ELEMENTS}_notaction.html",)
    verb = "allows everything but"
    tail = ""

    def faults(self, grant: Grant) -> tuple[str, ...]:
        return grant.statement.not_actions

    def snippet(self, identity: Identity, grants: tuple[Grant, ...]) -> Snippet:
        return allow_statement(["SERVICE:ACTION"], list(grants[0].statement.resources) or ["ARN"])


class AllowNotResource(PerPolicyCheck):
    id = "allow-not-resource"
    category = "broad permissions"
    severity = "high"
    title = "Allow with NotResource"
    risk = "Every resource but the listed ones is reached, also those that are made later."
    remediation = "Turn the statement round: list the resources to allow under Resource."
    references = (f"{_ELEMENTS}_notresource.html",)
    verb = "reaches everything but"
    tail = ""

    def faults(self, grant: Grant) -> tuple[str, ...]:
        return grant.statement.not_resources

    def snippet(self, identity: Identity, grants: tuple[Grant, ...]) -> Snippet:
        patterns = list(grants[0].statement.actions) or ["SERVICE:ACTION"]
        return allow_statement(patterns, named_resources(identity, patterns))


class NeedlessWildcardResource(PerPolicyCheck):
    id = "needless-wildcard-resource"
    category = "broad permissions"
    severity = "medium"
    title = "Changes allowed on every resource"
    risk = "Services far from this identity's work may be changed or deleted."
    remediation = "Name the resources, or add a condition on their tags; these actions accept both."
    references = (f"{_ELEMENTS}_resource.html", _LEAST_PRIVILEGE)

    def faults(self, grant: Grant) -> tuple[str, ...]:
        statement = grant.statement
        if not statement.names_whole_service or statement.is_narrowed:
            return ()
        return tuple(pattern for pattern in grant.patterns if _changes_something(pattern))


# Other checks tell of these.
_TOLD_ELSEWHERE = frozenset(map(str.lower, (*CREDENTIAL_ACTIONS, "sts:AssumeRole")))


@cache
def _changes_something(pattern: str) -> bool:
    """Whether a pattern, less `service:*`, names a change that could be granted on named resources."""
    if pattern.endswith(":*"):
        return False
    changes = narrowable_actions(pattern, WRITE) | narrowable_actions(pattern, TAGGING)
    return not changes <= _TOLD_ELSEWHERE
