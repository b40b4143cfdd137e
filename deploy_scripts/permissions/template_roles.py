"""The roles of the template, statement by statement, as a deployment made them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy_scripts.errors import CliError
from deploy_scripts.permissions.template_values import condition_holds, fill_in


@dataclass(frozen=True)
class Statement:
    """One statement of an inline policy; absent elements are empty."""

    policy: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Any]

    def document(self, actions: tuple[str, ...], resources: tuple[str, ...]) -> dict[str, Any]:
        """The statement with only these actions and resources, as IAM writes it."""
        condition = {"Condition": self.condition} if self.condition else {}
        return {"Effect": self.effect, "Action": list(actions), "Resource": list(resources), **condition}


@dataclass(frozen=True)
class Role:
    """`name` is the role's name in the template."""

    name: str
    statements: tuple[Statement, ...]


def read_roles(template: Mapping[str, Any], values: Mapping[str, str]) -> list[Role]:
    """Every role of the template with the values in place, sorted by name; its inline policies come first.

    An AWS::IAM::Policy counts where its condition holds. Raises CliError for what cannot be judged: managed
    policies, NotAction, NotResource.
    """
    attached = _attached(template["Resources"].values(), values)
    return [
        Role(name, _statements(name, fill_in(resource["Properties"], values), attached[name]))
        for name, resource in sorted(template["Resources"].items())
        if resource["Type"] == "AWS::IAM::Role"
    ]


def _attached(
    resources: Iterable[Mapping[str, Any]], values: Mapping[str, str]
) -> defaultdict[str, list[Mapping[str, Any]]]:
    """Role -> the policies that stand beside it in the template."""
    found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for resource in resources:
        if resource["Type"] == "AWS::IAM::Policy" and condition_holds(resource.get("Condition"), values):
            properties = resource["Properties"]
            policy = fill_in({key: properties[key] for key in ("PolicyName", "PolicyDocument")}, values)
            for role in properties["Roles"]:
                found[role["Ref"]].append(policy)
    return found


def _statements(
    role: str, properties: Mapping[str, Any], attached: Iterable[Mapping[str, Any]]
) -> tuple[Statement, ...]:
    if properties.get("ManagedPolicyArns"):
        raise CliError(
            f"{role} attaches a managed policy, whose actions the template does not show.",
            "Write what the role needs as an inline policy.",
        )
    return tuple(
        _statement(role, policy["PolicyName"], statement)
        for policy in [*properties.get("Policies", []), *attached]
        for statement in policy["PolicyDocument"]["Statement"]
    )


def _statement(role: str, policy: str, statement: Mapping[str, Any]) -> Statement:
    for element in ("NotAction", "NotResource"):
        if element in statement:
            raise CliError(f"{role} uses {element} in {policy}.", "Name what is allowed, not what is not.")
    return Statement(
        policy=policy,
        effect=statement["Effect"],
        actions=_texts(statement["Action"]),
        resources=_texts(statement["Resource"]),
        condition=statement.get("Condition", {}),
    )


def _texts(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
