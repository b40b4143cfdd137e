"""Every statement of every role against AWS's service reference: actions, resources, condition keys.

parliament, which asks the same, is left out: it is hardly maintained any more
(https://github.com/duo-labs/parliament/pull/232), its data is of 2025 with a known fault
(https://github.com/duo-labs/parliament/issues/254), and five of its six findings here were false: it wants
every kind of resource that an action may have in one statement.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from deploy_scripts.permissions.template_roles import Role, Statement, read_roles
from deploy_scripts.verify_aws.accepted import Finding, read_accepted, sift
from deploy_scripts.verify_aws.check import Result, Subject
from deploy_scripts.verify_aws.template.example_values import example_values
from deploy_scripts.verify_aws.template.service_reference import Action, service

# Of an ARN before the resource, none of which holds a colon.
_PARTS = 5


def check(subject: Subject) -> Result:
    """Every statement allows something, on what its actions know, under conditions that they know."""
    roles = [role for template in subject.templates.values() for role in roles_of(template)]
    statements = [(role.name, statement) for role in roles for statement in role.statements]
    findings = [finding for role in roles for finding in _of_role(role)]
    accepted, problems = sift(findings, read_accepted("policies"))
    return Result(
        f"{len(statements)} statements of {len(roles)} roles, {accepted} findings accepted", problems
    )


def roles_of(template: Mapping[str, Any]) -> list[Role]:
    """Every role of a template with all that any choice allows it, and with example values."""
    resources = {
        name: {key: each for key, each in resource.items() if key != "Condition"}
        for name, resource in template["Resources"].items()
    }
    return read_roles({"Resources": resources}, example_values(template))


def _of_role(role: Role) -> Iterator[Finding]:
    for statement in role.statements:
        where = f"{role.name}/{statement.policy}"
        known = {name: found for name in statement.actions if (found := _action(name))}
        for name in statement.actions:
            if name not in known:
                yield Finding("unknown-action", where, f"there is no action {name}")
        for resource in statement.resources:
            if not any(_takes(action, resource) for action in known.values()):
                yield Finding("useless-resource", where, f"no action of its statement is about {resource}")
        for name, action in known.items():
            yield from (Finding(rule, where, text) for rule, text in _of_action(name, action, statement))


def _of_action(name: str, action: Action, statement: Statement) -> Iterator[tuple[str, str]]:
    if not any(_takes(action, resource) for resource in statement.resources):
        yield "useless-action", f"{name} is about none of the resources of its statement"
    if "*" in statement.resources and action.resources and statement.effect == "Allow":
        yield "star", f"{name} could be allowed on named resources: {', '.join(action.resources)}"
    for keys in statement.condition.values():
        for key in keys:
            if not action.knows(key):
                yield "unknown-key", f"{name} knows no condition key {key}"


def _action(name: str) -> Action | None:
    prefix, _, action = name.partition(":")
    return service(prefix).action(action)


def _takes(action: Action, resource: str) -> bool:
    """Whether the action can be asked about it: by one of its kinds of ARN, or by none, as `*`."""
    parts = resource.split(":", _PARTS)
    return resource == "*" or any(
        all(map(overlap, parts, pattern.split(":", _PARTS))) for pattern in action.resources
    )


def overlap(one: str, other: str) -> bool:
    """Whether some text matches both patterns, in which `*` stands for any text."""

    @cache
    def from_here(i: int, j: int) -> bool:
        if i == len(one) or j == len(other):
            return set(one[i:] + other[j:]) <= {"*"}
        if one[i] == "*":
            return from_here(i + 1, j) or from_here(i, j + 1)
        if other[j] == "*":
            return from_here(i, j + 1) or from_here(i + 1, j)
        return one[i] == other[j] and from_here(i + 1, j + 1)

    return from_here(0, 0)
