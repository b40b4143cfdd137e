"""Ways from a few rights to many, by the table in `escalation_paths.py`."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import ClassVar

from functions.iam_audit.checks.base import Check, Snippet, Violation, deny_statement
from functions.iam_audit.escalation_paths import PASS_ROLE, PATHS_BY_KIND, EscalationPath
from functions.iam_audit.policy.conditions import Condition
from functions.iam_audit.policy.grants import Grant
from functions.iam_audit.policy.patterns import is_everything, matches
from functions.iam_audit.policy.permissions import (
    boundary_note,
    find_grants,
    is_told_at_a_group,
    named_actions,
    passing_grants,
    reaches,
    reaches_any,
)
from functions.iam_audit.policy.policies import Statement
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account, Identity, Role

# Conditions on these keys are how such rights are delegated safely:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
_DELEGATION_KEYS = frozenset(
    {"iam:permissionsboundary", "iam:policyarn", "iam:resourcetag/", "aws:resourcetag/"}
)
_CATALOGUE = (
    "https://pathfinding.cloud/paths/",
    "https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/",
)
_ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
# What IAM keeps, as its ARNs say it.
_KINDS = ("role", "user", "group", "policy", "saml-provider", "oidc-provider")
_PASS_ROLE = PASS_ROLE.lower()
OpenPath = tuple[EscalationPath, tuple[Grant, ...]]
"""A path and the grants that open it."""


@cache
def _paths_of(kinds: tuple[str, ...]) -> tuple[tuple[EscalationPath, ...], frozenset[str]]:
    """The paths of these kinds, and every action that one of them needs."""
    paths = tuple(path for kind in kinds for path in PATHS_BY_KIND[kind])
    return paths, frozenset().union(*(path.needs for path in paths))


class PathCheck(Check):
    """A check of some kinds of paths: one finding an identity, with every such path that is open to it."""

    category = "privilege escalation"
    references: ClassVar[tuple[str, ...]] = _CATALOGUE
    weighs_reach = True
    kinds: ClassVar[tuple[str, ...]]

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        for identity in account.identities:
            found = [
                each for each in self.open_to(account, identity) if not is_told_at_a_group(identity, each[1])
            ]
            if found:
                yield self._violation(account, identity, found)

    def open_to(self, account: Account, identity: Identity) -> list[OpenPath]:
        """The paths that are open to the identity; to an administrator they lead nowhere."""
        paths, asked = _paths_of(self.kinds)
        actions = identity.sensitive_actions & asked
        if not actions or identity.arn in account.administrators:
            return []
        return [
            (path, grants)
            for path in paths
            if path.needs <= actions and (grants := self.open_by(account, identity, path))
        ]

    @abstractmethod
    def open_by(self, account: Account, identity: Identity, path: EscalationPath) -> tuple[Grant, ...]:
        """The grants that open the path to the identity; none when it is closed."""

    def grave(self, account: Account, path: EscalationPath) -> str:
        """The severity of this path in this account."""
        return self.severity

    def _violation(self, account: Account, identity: Identity, found: list[OpenPath]) -> Violation:
        paths = [path for path, _ in found]
        ways = [f"{path.how} ({', '.join(path.actions)})" for path in paths]
        grants = tuple({id(grant): grant for _, grants in found for grant in grants}.values())
        graver = any(self.grave(account, path) == "critical" for path in paths)
        return Violation(
            identity.arn,
            f"It may {named_actions(ways, most=4)}.{boundary_note(identity)}",
            severity="critical" if graver else self.severity,
            snippet=_stop_gap(paths),
            grants=grants,
        )


def _stop_gap(paths: Iterable[EscalationPath]) -> Snippet:
    """A Deny that closes the paths at once, until the policies are fixed: one action of each."""
    return deny_statement(sorted({path.actions[-1] for path in paths}))


def _undelegated(identity: Identity, action: str) -> Iterator[Grant]:
    for grant in find_grants(identity, action):
        if not any(map(delegates, grant.statement.conditions)):
            yield grant


def delegates(condition: Condition) -> bool:
    """Whether the condition limits what the right is good for; AdministratorAccess is no limit."""
    strongest = any(matches(value, _ADMINISTRATOR_ACCESS) for value in condition.values)
    return condition.narrows and condition.is_on(_DELEGATION_KEYS) and not strongest


# Action prefix -> the services whose resources its actions are granted on, where these differ.
_RESOURCES_OF = {"ssm": ("ssm", "ec2"), "ec2-instance-connect": ("ec2",)}


def names_whole_kind(statement: Statement, action: str) -> bool:
    """Whether the resources leave no name out: `*`, `arn:aws:lambda:*:*:function:*`, all but a few."""
    prefix = action.partition(":")[0]
    services = _RESOURCES_OF.get(prefix, (prefix,))
    return statement.names_every_resource or any(
        _is_nameless(resource, services) for resource in statement.resources
    )


def _is_nameless(resource: str, services: tuple[str, ...]) -> bool:
    parts = resource.split(":", maxsplit=5)
    if len(parts) < 6 or not any(matches(parts[2], service) for service in services):
        return is_everything(resource)
    _, separator, name = parts[5].replace(":", "/").partition("/")
    return is_everything(parts[5]) or (bool(separator) and is_everything(name))


def _reaches_everybody(identity: Identity, statement: Statement) -> bool:
    return any(reaches_any(identity, statement, kind) for kind in _KINDS)


class WritesPermissions(PathCheck):
    id = "writes-permissions"
    severity = "critical"
    title = "May give itself more permissions"
    risk = "One call to IAM makes this identity an administrator."
    remediation = (
        "Take the IAM writing actions away, or name the few roles and policies that they may touch, or "
        "demand a boundary by a condition on iam:PermissionsBoundary."
    )
    references = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate",
        *_CATALOGUE,
    )
    kinds = ("own", "others")

    def open_by(self, account: Account, identity: Identity, path: EscalationPath) -> tuple[Grant, ...]:
        own = _own_arns(identity) if path.kind == "own" else ()
        return tuple(
            grant
            for action in path.needs
            for grant in _undelegated(identity, action)
            if _reaches_everybody(identity, grant.statement)
            or names_whole_kind(grant.statement, action)
            or any(reaches(identity, grant.statement, arn) for arn in own)
            or _reaches_an_administrator(account, identity, grant.statement)
        )


def _own_arns(identity: Identity) -> tuple[str, ...]:
    """Itself, its groups' and its own customer policies: writing to any of these gives it rights."""
    policies = (*identity.policies, *identity.inherited)
    return (identity.arn, *(policy.arn for policy in policies if policy.kind == "customer" and policy.arn))


def _reaches_an_administrator(account: Account, identity: Identity, statement: Statement) -> bool:
    exact = [resource for resource in statement.resources if "*" not in resource and "?" not in resource]
    if len(exact) == len(statement.resources):
        return any(resource in account.administrators for resource in exact)
    return any(reaches(identity, statement, arn) for arn in account.administrators)


class LaunchesUnderAnyRole(PathCheck):
    id = "launches-under-any-role"
    severity = "high"
    title = "May run code under every role"
    risk = "Code of the caller's choice runs with the rights of the strongest role that the service may take."
    remediation = "Limit iam:PassRole to the roles that these jobs need."
    references = ("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html", *_CATALOGUE)
    kinds = ("launch",)

    def open_by(self, account: Account, identity: Identity, path: EscalationPath) -> tuple[Grant, ...]:
        passing = [
            grant
            for grant in passing_grants(identity, path.services)
            if reaches_any(identity, grant.statement, "role")
        ]
        return (*passing, *_calling(identity, path)) if passing else ()

    def _violation(self, account: Account, identity: Identity, found: list[OpenPath]) -> Violation:
        violation = super()._violation(account, identity, found)
        return violation._replace(
            reason=violation.reason.replace("It may ", "It may pass every role, and ", 1),
            snippet=_stop_passing(),
        )


def _calling(identity: Identity, path: EscalationPath) -> list[Grant]:
    return [grant for action in path.needs if action != _PASS_ROLE for grant in find_grants(identity, action)]


def _stop_passing() -> Snippet:
    return deny_statement(["iam:PassRole"])


class LaunchesUnderAdministrator(Check):
    id = "launches-under-administrator"
    category = "privilege escalation"
    severity = "critical"
    title = "May run code under an administrator role"
    risk = "Code of the caller's choice runs as administrator: the identity is one in all but name."
    remediation = "Take the administrator's rights from the role that is passed, or stop passing it."
    references = ("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html", *_CATALOGUE)
    weighs_reach = True

    def find(self, account: Account, settings: Settings) -> Iterator[Violation]:
        strong = account.administrator_roles
        if not strong:
            return
        for identity in account.identities:
            if _PASS_ROLE in identity.sensitive_actions and identity.arn not in account.administrators:
                found = _first_launch(identity, strong)
                if found and not is_told_at_a_group(identity, found[2]):
                    path, role, grants = found
                    action = path.actions[-1]
                    reason = f"It may pass the administrator role {role.name}, and {path.how} ({action})."
                    yield Violation(
                        identity.arn,
                        reason + boundary_note(identity),
                        snippet={"Effect": "Deny", "Action": ["iam:PassRole"], "Resource": [role.arn]},
                        grants=grants,
                    )


def _first_launch(
    identity: Identity, strong: Mapping[str, Sequence[Role]]
) -> tuple[EscalationPath, Role, tuple[Grant, ...]] | None:
    """The first path by which the identity can run code under one of the roles."""
    for path in PATHS_BY_KIND["launch"]:
        if path.needs <= identity.sensitive_actions:
            for grant in passing_grants(identity, path.services):
                for service in path.services:
                    for role in (*strong.get(service, ()), *strong.get("*", ())):
                        if grant.statement.names_resource(role.arn):
                            return path, role, (grant, *_calling(identity, path))
    return None
