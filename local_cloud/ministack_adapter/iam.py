"""Identities: role sessions are known to IAM and STS, and a role says when it was last used."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from ministack.core import iam_actions, iam_evaluator
from ministack.core.router import detect_service
from ministack.services import ec2, iam, sts, tagging

from local_cloud.iam import service_permissions
from local_cloud.iam.activity import SeenRequest
from local_cloud.iam.identity import RoleSession
from local_cloud.iam.permission import Permission
from local_cloud.ministack_adapter import patch_points

USED_KEY = "RoleLastUsed"


def install() -> None:
    """Adds RoleLastUsed to GetRole and GetAccountAuthorizationDetails, and paths to the simulation."""
    for name in ("_roles", "_instance_profiles"):
        patch_points.take(iam, name)
    patch_points.take(iam_evaluator, "resolve_principal", "access_key_id", "account_id", "credential")
    patch_points.take(iam_evaluator, "evaluate", "ctx", "policies", "limits")
    patch_points.take(tagging, "resource_tags")
    patch_points.take(ec2, "_tags")
    patch_points.take(sts, "register_session", "access_key", "session")
    _tell_last_use_of_role()
    _tell_last_use_in_authorization_details()
    _simulate_identities_with_paths()


def _simulate_identities_with_paths() -> None:
    """SimulatePrincipalPolicy looks for an identity by its name: an ARN has its path before that."""

    def simulate(parameters: dict[str, Any]) -> Any:
        (source,) = parameters.get("PolicySourceArn") or [""]
        kind, _, path_and_name = source.partition("/")
        without_path = f"{kind}/{path_and_name.rpartition('/')[2]}" if path_and_name else source
        return original({**parameters, "PolicySourceArn": [without_path]})

    original = patch_points.replace_entry(iam, "_IAM_HANDLERS", "SimulatePrincipalPolicy", simulate)


def register(session: RoleSession) -> None:
    """Makes the keys of a role session known: GetCallerIdentity and policies then work for them."""
    sts.register_session(
        session.access_key_id,
        {
            "Arn": session.arn,
            "UserId": f"{session.role_name}:{session.session_name}",
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "IssuedAt": time.time(),
        },
    )


def role_of_instance_profile(name_or_arn: str) -> str | None:
    """The ARN of the role in an instance profile, or None when there is none."""
    name = name_or_arn.rsplit("/", 1)[-1]
    profile = iam._instance_profiles.get(name)
    for role_name in (profile or {}).get("Roles", []):
        role = iam._roles.get(role_name)
        if role:
            return str(role["Arn"])
    return None


class IamRecords:
    """What the activity log asks of IAM."""

    def note_use(self, session: RoleSession, moment: datetime, region: str) -> None:
        """Remembers on the role that it was used."""
        role = iam._roles.get_scoped(session.account_id, None, session.role_name)
        if role is not None:
            used = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            role[USED_KEY] = {"LastUsedDate": used, "Region": region}

    def permissions(self, request: SeenRequest) -> list[Permission]:
        """The IAM actions and resources that an ordinary request stands for; none when unknown."""
        parameters, where = request.parameters, (request.region, request.account_id)
        service = detect_service(request.method, request.path, request.headers, parameters)
        if service == "lambda":
            return service_permissions.lambda_call(request.method, request.path, parameters, *where)
        if service == "ec2":
            return service_permissions.ec2_call(parameters, *where)
        if service == "logs":
            action = request.headers.get("x-amz-target", "").rpartition(".")[2]
            return service_permissions.logs_call(action, _json(request.body), *where)
        arguments = (service, request.method, request.path, request.headers, request.body, parameters)
        action = iam_actions.extract_iam_action(*arguments)
        if action is None:
            return []
        resources = [iam_actions.extract_resource_arn(*arguments, *where) or "*"]
        if action == "iam:GenerateServiceLastAccessedDetails":
            resources = parameters.get("Arn", resources)
        if service == "dynamodb":
            resources = iam_actions.dynamodb_resource_arns(request.body, *where) or resources
        found = [Permission(action, resource) for resource in resources]
        if service == "s3":
            found = [_with_prefix(permission, request) for permission in found]
            found += _additional_s3_permissions(request)
        return found

    def with_context(self, permission: Permission) -> Permission:
        """The permission with the tags that its resource has now, condition keys in lower case."""
        context = {**_tags_of(permission.resource), **_lower(permission.context)}
        return replace(permission, context=context)

    def allows(self, session: RoleSession, permission: Permission, region: str) -> bool:
        """Whether the role's own policies and its boundary allow what `with_context` gave."""
        principal = iam_evaluator.resolve_principal(session.access_key_id, session.account_id)
        if isinstance(principal, iam_evaluator.AuthError) or principal.policies is None:
            return False
        context = iam_evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=permission.action,
            resource_arn=permission.resource,
            region=region,
            service_context=dict(permission.context),
            principal_keys=principal.keys,
        )
        result = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
        return bool(result.decision == "Allow")

    def role_of_instance_profile(self, name_or_arn: str) -> str | None:
        """The ARN of the role in an instance profile, or None when there is none."""
        return role_of_instance_profile(name_or_arn)


def _json(body: bytes) -> dict[str, Any]:
    """The parameters of a JSON request; of one that was too long to be kept whole, its texts."""
    try:
        document = json.loads(body)
    except ValueError:
        return dict(re.findall(r'"(\w+)"\s*:\s*"([^"\\]*)"', body.decode(errors="replace"))[::-1])
    return document if isinstance(document, dict) else {}


def _with_prefix(permission: Permission, request: SeenRequest) -> Permission:
    """A listing tells which keys it asks for: https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html"""
    if permission.action != "s3:ListBucket":
        return permission
    return replace(permission, context={"s3:prefix": request.query.get("prefix", [""])[0]})


def _additional_s3_permissions(request: SeenRequest) -> list[Permission]:
    """A copy reads its source too, a batch of deletions names many keys.

    That an object is not there, S3 says only to those who may list the bucket; others get 403:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    checks = iam_actions.s3_additional_checks(
        request.method, request.path, request.headers, request.body, request.parameters
    )
    found = [Permission(action, resource) for action, resource in checks]
    bucket, _, key = request.path.lstrip("/").partition("/")
    if request.status == 404 and key and request.method in {"GET", "HEAD"}:
        found.append(Permission("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    return found


def _tags_of(resource: str) -> dict[str, Any]:
    tags = tagging.resource_tags(resource) or _ec2_tags(resource)
    return {f"aws:resourcetag/{key}".lower(): value for key, value in tags.items()}


def _ec2_tags(resource: str) -> dict[str, str]:
    """The emulator keeps these apart, by the resource's id."""
    parts = resource.split(":", 5)
    if len(parts) != 6 or parts[2] != "ec2":
        return {}
    tags = ec2._tags.get_scoped(parts[4], parts[3], parts[5].rpartition("/")[2]) or []
    return {tag["Key"]: tag["Value"] for tag in tags}


def _lower(context: Mapping[str, Any]) -> dict[str, Any]:
    """IAM compares the names of condition keys without their case."""
    return {key.lower(): value for key, value in context.items()}


def _tell_last_use_of_role() -> None:
    def role_xml(name: str, boundary: bool = True) -> str:
        text: str = original(name, boundary=boundary)
        # ListRoles, the one caller without `boundary`, does not tell the last use on AWS either.
        return text + _last_used_xml(iam._roles[name]) if boundary else text

    original = patch_points.replace(iam, "_role_xml", role_xml, "name", "boundary")


def _tell_last_use_in_authorization_details() -> None:
    def details(parameters: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = original(parameters)
        text = re.sub(
            r"<member><RoleName>([^<]+)</RoleName><RoleId>[^<]+</RoleId><Arn>[^<]+</Arn><Path>[^<]+</Path>"
            r"<CreateDate>[^<]+</CreateDate><AssumeRolePolicyDocument>[^<]*</AssumeRolePolicyDocument>"
            r"(?=<RolePolicyList>)",
            lambda match: (
                match[0] + _boundary_xml(iam._roles[match[1]]) + _last_used_xml(iam._roles[match[1]])
            ),
            body.decode(),
        )
        return status, headers, text.encode()

    original = patch_points.replace_entry(iam, "_IAM_HANDLERS", "GetAccountAuthorizationDetails", details)


def _last_used_xml(role: dict[str, Any]) -> str:
    used = role.get(USED_KEY)
    if not used:
        return "<RoleLastUsed/>"
    return (
        f"<RoleLastUsed><LastUsedDate>{escape(used['LastUsedDate'])}</LastUsedDate>"
        f"<Region>{escape(used['Region'])}</Region></RoleLastUsed>"
    )


def _boundary_xml(role: dict[str, Any]) -> str:
    if not role.get("PermissionsBoundary"):
        return ""
    return (
        "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>"
        f"<PermissionsBoundaryArn>{escape(role['PermissionsBoundary'])}</PermissionsBoundaryArn>"
        "</PermissionsBoundary>"
    )
