"""What roles may do after a deployment that they could not do before, and the other way round, in words."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

# role -> the sentences that say what it may do.
Rights = dict[str, set[str]]


def permission_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """A sentence a right, by role; both templates as they are written, before any value is filled in."""
    old, new = _rights(before), _rights(after)
    lines = []
    for role in sorted({*old, *new}):
        gained, lost = (
            new.get(role, set()) - old.get(role, set()),
            old.get(role, set()) - new.get(role, set()),
        )
        lines += [f"{role} {right}" for right in sorted(gained)]
        lines += [f"{role} no longer {right}" for right in sorted(lost)]
    return lines


def _rights(template: Mapping[str, Any]) -> Rights:
    found: Rights = defaultdict(set)
    for name, resource in template["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::IAM::Role":
            trusted = properties["AssumeRolePolicyDocument"]["Statement"]
            found[name] |= {f"may be taken by {_text(each.get('Principal'))}" for each in trusted}
            found[name] |= {f"has the policy {_text(arn)}" for arn in properties.get("ManagedPolicyArns", [])}
            for policy in properties.get("Policies", []):
                found[name] |= _allowed(policy["PolicyDocument"])
        elif resource["Type"] == "AWS::IAM::Policy":
            for role in properties["Roles"]:
                found[role["Ref"]] |= _allowed(properties["PolicyDocument"])
    return found


def _allowed(document: Mapping[str, Any]) -> set[str]:
    return {sentence for statement in document["Statement"] for sentence in _sentences(statement)}


def _sentences(statement: Mapping[str, Any]) -> set[str]:
    """One for each action and resource of a statement."""
    verb = "may" if statement["Effect"] == "Allow" else "must not"
    action_key = "Action" if "Action" in statement else "NotAction"
    resource_key = "Resource" if "Resource" in statement else "NotResource"
    but = {"NotAction": "all but ", "NotResource": "all but "}
    condition = f", where {_text(statement['Condition'])}" if "Condition" in statement else ""
    return {
        f"{verb} {but.get(action_key, '')}{action} on {but.get(resource_key, '')}{_text(resource)}{condition}"
        for action in _list(statement[action_key])
        for resource in _list(statement[resource_key])
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """A value of a template, short: `${DataBucket.Arn}/runs/*` for what Fn::Sub, Ref and Fn::GetAtt make."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            ((name, inner),) = value.items()
            if name == "Fn::Sub":
                return str(inner)
            if name == "Ref":
                return f"${{{inner}}}"
            if name == "Fn::GetAtt":
                return "${" + ".".join(_list(inner)) + "}"
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    return str(value)
