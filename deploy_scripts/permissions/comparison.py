"""What each role is allowed against what it used.

A statement that no call needs in full is too wide: each of its actions and each of its resources must be
used by some call, or be exempt in writing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from deploy_scripts.permissions.exemptions import Exemption
from deploy_scripts.permissions.judging import allows, policy_of
from deploy_scripts.permissions.recording import Call
from deploy_scripts.permissions.template_roles import Role, Statement
from functions.iam_audit.policy.policies import parse_policy


@dataclass(frozen=True)
class Unused:
    """An action, or a resource, of one statement, that no call needed; `reason` exempts it."""

    policy: str
    action: str
    resource: str
    reason: str | None

    @property
    def name(self) -> str:
        """The action, or the resource, whichever it is about."""
        return self.resource if self.action == "*" else self.action


@dataclass(frozen=True)
class RoleUse:
    """One row of the table. `used` counts calls by action; `lacking` are calls that nothing allows."""

    role: Role
    used: dict[str, int]
    unused: list[Unused]
    lacking: list[Call]

    @property
    def is_proved(self) -> bool:
        return not self.lacking and all(each.reason for each in self.unused)


@dataclass(frozen=True)
class Comparison:
    """`needless`: exemptions for what was used after all, or is not allowed at all."""

    roles: list[RoleUse]
    needless: list[Exemption]

    @property
    def is_proved(self) -> bool:
        return not self.needless and all(role.is_proved for role in self.roles)


def compare(roles: Iterable[Role], calls: Sequence[Call], exemptions: Sequence[Exemption]) -> Comparison:
    """Hold every role to its calls."""
    rows = [
        _compare_role(
            role,
            [call for call in calls if call.role == role.name],
            [exemption for exemption in exemptions if exemption.role == role.name],
        )
        for role in roles
    ]
    needed = {(row.role.name, each.action, each.resource) for row in rows for each in row.unused}
    needless = [each for each in exemptions if (each.role, each.action, each.resource) not in needed]
    return Comparison(rows, needless)


def _compare_role(role: Role, calls: Sequence[Call], exemptions: Sequence[Exemption]) -> RoleUse:
    policy = policy_of(role)
    lacking = [call for call in calls if not allows(policy, call)]
    used: Counter[str] = Counter()
    for call in calls:
        if call not in lacking:
            used[call.action] += call.count
    reasons = {(each.action, each.resource): each.reason for each in exemptions}
    unused = [
        Unused(statement.policy, action, resource, reasons.get((action, resource)))
        for statement in role.statements
        if statement.effect == "Allow"
        for action, resource in _unused_parts(statement, calls)
    ]
    return RoleUse(role, dict(sorted(used.items())), unused, lacking)


def _unused_parts(statement: Statement, calls: Sequence[Call]) -> list[tuple[str, str]]:
    """(action, `*`) for each action that no call needed; for the others, (`*`, resource) in the same way."""
    pairs = []
    for action, resource in product(statement.actions, statement.resources):
        policy = parse_policy({"Statement": statement.document((action,), (resource,))})
        if any(allows(policy, call) for call in calls):
            pairs.append((action, resource))
    actions, resources = {action for action, _ in pairs}, {resource for _, resource in pairs}
    idle = [(action, "*") for action in statement.actions if action not in actions]
    if actions:
        idle += [("*", resource) for resource in statement.resources if resource not in resources]
    return idle
