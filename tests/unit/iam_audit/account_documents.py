"""Builders of `aws iam get-account-authorization-details` documents, and of what the audit makes of them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from functions.iam_audit.audit import find_violations
from functions.iam_audit.checks import ALL_CHECKS
from functions.iam_audit.reading.authorization_details import account_from_authorization_details
from functions.iam_audit.settings import Settings
from functions.iam_audit.snapshot import Account

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACCOUNT = "123456789012"
SETTINGS = Settings(data_bucket="data", pipeline_role_path="/dropserve/")

LAMBDA_TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": actions, "Resource": resources, **more}


def encoded(document: dict[str, Any]) -> str:
    """As IAM's own API sends a policy."""
    return quote(json.dumps(document), safe="")


def managed_policy(name: str, *statements: dict[str, Any], owner: str = ACCOUNT) -> dict[str, Any]:
    """A managed policy whose older version grants everything, as a trap."""
    versions = [
        {"VersionId": "v1", "IsDefaultVersion": False, "Document": policy(allow("*"))},
        {"VersionId": "v2", "IsDefaultVersion": True, "Document": policy(*statements)},
    ]
    return {
        "PolicyName": name,
        "Arn": f"arn:aws:iam::{owner}:policy/{name}",
        "Path": "/",
        "DefaultVersionId": "v2",
        "PolicyVersionList": versions,
    }


def attachment(name: str, owner: str = "aws") -> dict[str, str]:
    return {"PolicyName": name, "PolicyArn": f"arn:aws:iam::{owner}:policy/{name}"}


def role(
    name: str = "worker",
    *statements: dict[str, Any],
    path: str = "/",
    trust: Any = (LAMBDA_TRUST,),
    attached: Any = (),
    created: str = "2026-11-20T08:00:00+00:00",
    used: str | None = None,
    boundary: str | None = None,
) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "RoleName": name,
        "Path": path,
        "Arn": f"arn:aws:iam::{ACCOUNT}:role{path}{name}",
        "CreateDate": created,
        "AssumeRolePolicyDocument": policy(*trust),
        "RolePolicyList": [{"PolicyName": "inline", "PolicyDocument": policy(*statements)}]
        if statements
        else [],
        "AttachedManagedPolicies": list(attached),
        "RoleLastUsed": {"LastUsedDate": used, "Region": "us-east-1"} if used else {},
    }
    if boundary:
        detail["PermissionsBoundary"] = {"PermissionsBoundaryArn": boundary}
    return detail


def user(
    name: str = "kim", *statements: dict[str, Any], groups: Any = (), attached: Any = ()
) -> dict[str, Any]:
    return {
        "UserName": name,
        "Path": "/",
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "CreateDate": "2026-01-01T00:00:00+00:00",
        "UserPolicyList": [{"PolicyName": "inline", "PolicyDocument": policy(*statements)}]
        if statements
        else [],
        "GroupList": list(groups),
        "AttachedManagedPolicies": list(attached),
    }


def group(name: str, *statements: dict[str, Any], attached: Any = ()) -> dict[str, Any]:
    return {
        "GroupName": name,
        "Path": "/",
        "Arn": f"arn:aws:iam::{ACCOUNT}:group/{name}",
        "CreateDate": "2026-01-01T00:00:00+00:00",
        "GroupPolicyList": [{"PolicyName": "inline", "PolicyDocument": policy(*statements)}]
        if statements
        else [],
        "AttachedManagedPolicies": list(attached),
    }


def details(
    *roles: dict[str, Any], users: Any = (), groups: Any = (), policies: Any = ()
) -> dict[str, list[dict[str, Any]]]:
    return {
        "RoleDetailList": list(roles),
        "UserDetailList": list(users),
        "GroupDetailList": list(groups),
        "Policies": list(policies),
    }


def account(
    *roles: dict[str, Any], users: Any = (), groups: Any = (), policies: Any = (), **more: Any
) -> Account:
    document = details(*roles, users=users, groups=groups, policies=policies)
    return replace(account_from_authorization_details(document, taken_at=NOW), **more)


def found(check_id: str, account: Account, settings: Settings = SETTINGS) -> list[dict[str, Any]]:
    """The findings of one check."""
    check = next(check for check in ALL_CHECKS if check.id == check_id)
    return find_violations(account, settings, [check])


def findings(account: Account, settings: Settings = SETTINGS) -> list[dict[str, Any]]:
    return find_violations(account, settings, ALL_CHECKS)
