"""IAM's own document of an account (GetAccountAuthorizationDetails) as a snapshot."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from functions.common.errors import DropserveError
from functions.common.json_text import parse_json
from functions.iam_audit.policy.entries import EntryError, check_entries
from functions.iam_audit.policy.grants import Policy
from functions.iam_audit.policy.policies import PolicyError, Statement, parse_policy
from functions.iam_audit.snapshot import Account, Gap, Identity, ManagedPolicy, Role

SERVICE_LINKED_PATH = "/aws-service-role/"
LISTS = ("RoleDetailList", "UserDetailList", "GroupDetailList", "Policies")

_ADMINISTRATOR = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/AdministratorAccess")
_AWS_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/")


class AuthorizationDetailsError(DropserveError):
    """The document is not what `aws iam get-account-authorization-details` prints."""


def read_saved_details(file: Path) -> dict[str, Any]:
    """The document of a file that `aws iam get-account-authorization-details` wrote.

    Raises AuthorizationDetailsError when the file cannot be read, or is no JSON object.
    """
    try:
        document = parse_json(file.read_bytes())
    except OSError as error:
        raise AuthorizationDetailsError(f"{file} could not be read: {error.strerror}") from error
    except ValueError as error:
        raise AuthorizationDetailsError(
            f"{file} is not JSON ({error}); save the account's authorization details with "
            "`aws iam get-account-authorization-details > FILE`"
        ) from error
    if not isinstance(document, dict):
        raise AuthorizationDetailsError(f"{file} holds no authorization details: it must be a JSON object")
    return document


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
    _check_entries(document)
    try:
        return _Reader(document).read(taken_at or datetime.now(UTC))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AuthorizationDetailsError(
            f"the account's authorization details are malformed: {error!r}"
        ) from error
    except RecursionError as error:
        raise AuthorizationDetailsError(
            "the account's authorization details are malformed: a value in them is nested too deeply"
        ) from error


def _check_entries(document: Mapping[str, Any]) -> None:
    try:
        check_entries(document)
    except EntryError as error:
        raise AuthorizationDetailsError(
            f"the account's authorization details are malformed: {error}; save them anew with "
            "`aws iam get-account-authorization-details > FILE`"
        ) from error
    except RecursionError as error:
        raise AuthorizationDetailsError(
            "the account's authorization details are malformed: a value in them is nested too deeply"
        ) from error


class _Reader:
    """Turns IAM's lists into a snapshot, and notes what it could not read."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.gaps: dict[str, Gap] = {}
        self.managed = {managed["Arn"]: self._managed(managed) for managed in document["Policies"]}
        self.unknown: dict[str, Policy] = {}
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
            managed=tuple(self.managed.values()),
            gaps=tuple(self.gaps.values()),
        )

    def _role(self, role: Mapping[str, Any]) -> Role:
        trust_name = f"trust policy of {role['Arn']}"
        return Role(
            arn=role["Arn"],
            name=role["RoleName"],
            path=role["Path"],
            policies=self._policies(role, inline="RolePolicyList"),
            boundary_arn=_boundary_arn(role),
            boundary=self._boundary(role),
            trust=self._statements(role.get("AssumeRolePolicyDocument", {}), of=trust_name),
            created_at=_moment(role["CreateDate"]),
            last_used_at=_optional_moment((role.get("RoleLastUsed") or {}).get("LastUsedDate")),
        )

    def _user(self, user: Mapping[str, Any]) -> Identity:
        names = user.get("GroupList", ())
        return Identity(
            kind="user",
            arn=user["Arn"],
            name=user["UserName"],
            path=user["Path"],
            policies=self._policies(user, inline="UserPolicyList"),
            groups=tuple(self.groups[name] for name in names if name in self.groups),
            boundary_arn=_boundary_arn(user),
            boundary=self._boundary(user),
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

    def _attached(self, attachment: Mapping[str, Any]) -> Policy:
        arn = attachment["PolicyArn"]
        known = self.managed.get(arn)
        return known.policy if known else self._unknown(arn, attachment["PolicyName"])

    def _boundary(self, identity: Mapping[str, Any]) -> Policy | None:
        arn = _boundary_arn(identity)
        if arn is None:
            return None
        if known := self.managed.get(arn):
            return known.policy
        self._add_gap(arn, "it is a permissions boundary, but IAM's answer does not hold its document")
        return None

    def _unknown(self, arn: str, name: str) -> Policy:
        """An attached policy without a document; one policy object for all that have it."""
        if arn not in self.unknown:
            statements: tuple[Statement, ...] = ()
            if _ADMINISTRATOR.fullmatch(arn):
                statements = (Statement(effect="Allow", actions=("*",), resources=("*",)),)
            else:
                self._add_gap(
                    arn, "the managed policy is attached, but IAM's answer does not hold its document"
                )
            self.unknown[arn] = Policy(name, _kind(arn), statements, arn)
        return self.unknown[arn]

    def _managed(self, managed: Mapping[str, Any]) -> ManagedPolicy:
        arn, versions = managed["Arn"], managed.get("PolicyVersionList", ())
        none: Mapping[str, Any] = {}
        default = next((version for version in versions if version.get("IsDefaultVersion")), none)
        statements = self._statements(default.get("Document", ""), of=arn)
        return ManagedPolicy(
            policy=Policy(managed["PolicyName"], _kind(arn), statements, arn),
            arn=arn,
            default_version=default.get("VersionId", ""),
            newest_version=max(
                (version["VersionId"] for version in versions), key=_version_number, default=""
            ),
            attachments=managed.get("AttachmentCount", 1),
            boundary_uses=managed.get("PermissionsBoundaryUsageCount", 0),
            attachable=managed.get("IsAttachable", True),
        )

    def _statements(self, document: str | Mapping[str, Any], *, of: str) -> tuple[Statement, ...]:
        try:
            return parse_policy(document)
        except PolicyError as error:
            self._add_gap(of, str(error))
            return ()

    def _add_gap(self, name: str, reason: str) -> None:
        self.gaps[name] = Gap(name, reason)


def _kind(arn: str) -> str:
    return "aws" if _AWS_POLICY_ARN.match(arn) else "customer"


def _version_number(version_id: str) -> int:
    """`v12` -> 12."""
    number = version_id.removeprefix("v")
    return int(number) if number.isdecimal() else 0


def _boundary_arn(identity: Mapping[str, Any]) -> str | None:
    arn: str | None = (identity.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
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
