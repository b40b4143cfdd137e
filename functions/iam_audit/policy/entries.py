"""The shape of IAM's account document, as far as the audit reads it: a saved file may hold anything.

Shapes: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from functions.common.errors import DropserveError

_ARN = re.compile(r"arn:[^:]+:iam::[^:]*:.+", re.DOTALL)
_SHOWN_CHARACTERS = 60

Rule = Callable[[Any, str], None]
"""Checks a value; the text says where it stands. Raises EntryError."""


class EntryError(DropserveError):
    """A value of the document is not what IAM puts there; the message says where, and what belongs there."""


def check_entries(document: Mapping[str, Any]) -> None:
    """Check every value that the audit reads, policies' own text left out. Raises EntryError."""
    for name, rule in _LISTS.items():
        rule(document[name], name)


def _fail(value: Any, where: str, wanted: str) -> None:
    raise EntryError(f"{where} must be {wanted}, not {repr(value)[:_SHOWN_CHARACTERS]}")


def _is(wanted: str, *types: type) -> Rule:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, types):
            _fail(value, where, wanted)

    return check


def _arn(value: Any, where: str) -> None:
    if not isinstance(value, str) or not _ARN.fullmatch(value):
        _fail(value, where, "the ARN of something in IAM")


def _or_none(rule: Rule) -> Rule:
    def check(value: Any, where: str) -> None:
        if value is not None:
            rule(value, where)

    return check


def _list_of(rule: Rule) -> Rule:
    def check(value: Any, where: str) -> None:
        if not isinstance(value, list | tuple):
            _fail(value, where, "a list")
        for place, item in enumerate(value):
            rule(item, f"{where}[{place}]")

    return check


def _object(needed: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Rule:
    rules = {**needed, **(optional or {})}

    def check(value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            _fail(value, where, "an object")
        for name, rule in rules.items():
            if name in value:
                rule(value[name], f"{where}.{name}")
            elif name in needed:
                raise EntryError(f"{where} has no {name}")

    return check


_text = _is("text", str)
_number = _is("a number", int)
_switch = _is("true or false", bool)
_moment = _is("a date", str, datetime)
_document = _is("a policy", str, Mapping)
_boundary = _or_none(_object({}, {"PermissionsBoundaryArn": _or_none(_arn)}))
_attached = _list_of(_object({"PolicyName": _text, "PolicyArn": _arn}))
_inline = _list_of(_object({"PolicyName": _text, "PolicyDocument": _document}))
_version = _object({"VersionId": _text}, {"IsDefaultVersion": _switch, "Document": _document})
_LISTS = {
    "RoleDetailList": _list_of(
        _object(
            {"Arn": _arn, "RoleName": _text, "Path": _text, "CreateDate": _moment},
            {
                "AssumeRolePolicyDocument": _document,
                "RolePolicyList": _inline,
                "AttachedManagedPolicies": _attached,
                "PermissionsBoundary": _boundary,
                "RoleLastUsed": _or_none(_object({}, {"LastUsedDate": _or_none(_moment)})),
            },
        )
    ),
    "UserDetailList": _list_of(
        _object(
            {"Arn": _arn, "UserName": _text, "Path": _text},
            {
                "UserPolicyList": _inline,
                "AttachedManagedPolicies": _attached,
                "PermissionsBoundary": _boundary,
                "GroupList": _list_of(_text),
            },
        )
    ),
    "GroupDetailList": _list_of(
        _object(
            {"Arn": _arn, "GroupName": _text, "Path": _text},
            {"GroupPolicyList": _inline, "AttachedManagedPolicies": _attached},
        )
    ),
    "Policies": _list_of(
        _object(
            {"Arn": _arn, "PolicyName": _text},
            {
                "PolicyVersionList": _list_of(_version),
                "AttachmentCount": _number,
                "PermissionsBoundaryUsageCount": _number,
                "IsAttachable": _switch,
            },
        )
    ),
}
