"""IAM's own document of an account (GetAccountAuthorizationDetails) as a snapshot."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from functions.common.errors import DropserveError
from functions.iam_audit.policies import PolicyError, Statement, parse_policy
from functions.iam_audit.snapshot import Account, Gap, Identity, Policy, Role

SERVICE_LINKED_PATH = "/aws-service-role/"
LISTS = ("RoleDetailList", "UserDetailList", "GroupDetailList", "Policies")

_AWS_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/")


class AuthorizationDetailsError(DropserveError):
    """The document is not what `aws iam get-account-authorization-details` prints."""


def account_from_authorization_details(
    document: Mapping[str, Any], *, taken_at: datetime | None = None
) -> Account:
    """The snapshot in a saved `aws iam get-account-authorization-details`, or in boto3's answer.

    `taken_at` is the moment that ages are counted to (now, unless told). An unreadable policy is a gap.
    Raises AuthorizationDetailsError when a list of roles, users, groups or policies is missing or malformed.
    """
    for name in LISTS:
        if not isinstance(document, Mapping) or not isinstance(document.get(name), list):
            raise AuthorizationDetailsError(
                f"the document has no list {name}; save one with `aws iam get-account-authorization-details`"
            )
    try:
        return _Reader(document).read(taken_at or datetime.now(UTC))
    except (KeyError, TypeError, ValueError) as error:
        raise AuthorizationDetailsError(
            f"the account's authorization details are malformed: {error!r}"
        ) from error


class _Reader:
    """Turns IAM's lists into a snapshot, and notes what it could not read."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.gaps: dict[str, Gap] = {}
        self.managed = {
            managed["Arn"]: self._statements(_default_version(managed), of=managed["Arn"])
            for managed in document["Policies"]
        }
        self.groups = {group["GroupName"]: self._group(group) for group in document["GroupDetailList"]}

    def read(self, taken_at: datetime) -> Account:
        roles = tuple(
            self._role(role)
            for role in self.document["RoleDetailList"]
            if not role["Path"].startswith(SERVICE_LINKED_PATH)
        )
        users = tuple(self._user(user) for user in self.document["UserDetailList"])
        return Account(
            account_id=_account_id(self.document),
            taken_at=taken_at,
            roles=roles,
            users=users,
            groups=tuple(self.groups.values()),
            gaps=tuple(self.gaps.values()),
        )

    def _role(self, role: Mapping[str, Any]) -> Role:
        trust_name = f"trust policy of {role['Arn']}"
        return Role(
            arn=role["Arn"],
            name=role["RoleName"],
            path=role["Path"],
            policies=self._policies(role, inline="RolePolicyList"),
            boundary_arn=_boundary(role),
            trust=self._statements(role.get("AssumeRolePolicyDocument", {}), of=trust_name),
            created_at=_moment(role["CreateDate"]),
            last_used_at=_optional_moment(role.get("RoleLastUsed", {}).get("LastUsedDate")),
        )

    def _user(self, user: Mapping[str, Any]) -> Identity:
        groups = (self.groups[name] for name in user.get("GroupList", ()) if name in self.groups)
        return Identity(
            kind="user",
            arn=user["Arn"],
            name=user["UserName"],
            path=user["Path"],
            policies=self._policies(user, inline="UserPolicyList"),
            inherited=tuple(policy for group in groups for policy in group.policies),
            boundary_arn=_boundary(user),
        )

    def _group(self, group: Mapping[str, Any]) -> Identity:
        return Identity(
            kind="group",
            arn=group["Arn"],
            name=group["GroupName"],
            path=group["Path"],
            policies=self._policies(group, inline="GroupPolicyList"),
        )

    def _policies(self, identity: Mapping[str, Any], *, inline: str) -> tuple[Policy, ...]:
        own = (
            Policy(
                name=policy["PolicyName"],
                kind="inline",
                statements=self._statements(
                    policy["PolicyDocument"], of=f"inline policy {policy['PolicyName']} of {identity['Arn']}"
                ),
            )
            for policy in identity.get(inline, ())
        )
        attached = (self._attached(policy) for policy in identity.get("AttachedManagedPolicies", ()))
        return (*own, *attached)

    def _attached(self, policy: Mapping[str, Any]) -> Policy:
        arn = policy["PolicyArn"]
        if arn not in self.managed:
            self._add_gap(arn, "the managed policy is attached, but IAM's answer does not hold its document")
        return Policy(
            name=policy["PolicyName"],
            kind="aws" if _AWS_POLICY_ARN.match(arn) else "customer",
            statements=self.managed.get(arn, ()),
            arn=arn,
        )

    def _statements(self, document: str | Mapping[str, Any], *, of: str) -> tuple[Statement, ...]:
        try:
            return parse_policy(document)
        except PolicyError as error:
            self._add_gap(of, str(error))
            return ()

    def _add_gap(self, name: str, reason: str) -> None:
        self.gaps[name] = Gap(name, reason)


def _default_version(managed: Mapping[str, Any]) -> str | Mapping[str, Any]:
    versions: Iterable[Mapping[str, Any]] = managed.get("PolicyVersionList", ())
    documents = [version["Document"] for version in versions if version.get("IsDefaultVersion")]
    document: str | Mapping[str, Any] = documents[0] if documents else ""
    return document


def _boundary(identity: Mapping[str, Any]) -> str | None:
    arn: str | None = identity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return arn


def _moment(value: datetime | str) -> datetime:
    """boto3 gives a datetime, the command line ISO 8601 text."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _optional_moment(value: datetime | str | None) -> datetime | None:
    return None if value is None else _moment(value)


def _account_id(document: Mapping[str, Any]) -> str | None:
    entities = (entity for name in LISTS for entity in document[name])
    ids = (entity["Arn"].split(":")[4] for entity in entities)
    return next((account_id for account_id in ids if account_id.isdecimal()), None)
