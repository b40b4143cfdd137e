"""What policies really grant: Allow statements, less what Deny statements and a boundary surely take away.

A Deny counts only without conditions, and only where it surely covers the whole of an Allow: a finding must
not be hidden by a Deny that a request might pass by. A boundary counts in full: what it does not allow is not
granted, and a narrower resource or condition of the boundary narrows the grant.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from functions.iam_audit.policy.patterns import covers, is_everything, overlaps
from functions.iam_audit.policy.policies import Statement


@dataclass(frozen=True)
class Policy:
    """`kind` is inline, customer (a managed policy of this account) or aws (one that AWS writes)."""

    name: str
    kind: str
    statements: tuple[Statement, ...] = ()
    arn: str | None = None

    @cached_property
    def grants(self) -> "tuple[Grant, ...]":
        """Its Allow statements, before any Deny or boundary."""
        return tuple(
            Grant(self, statement, statement.sensitive_actions)
            for statement in self.statements
            if statement.is_allow
        )

    @cached_property
    def denies(self) -> tuple[Statement, ...]:
        """The Deny statements that can be counted on: those without conditions."""
        return tuple(
            statement for statement in self.statements if not statement.is_allow and not statement.conditions
        )


@dataclass(frozen=True)
class Grant:
    """What is left of an Allow statement, and the policy that holds it.

    `sensitive_actions` are those of `actions.sensitive_actions` that it grants, in lower case. `denied` holds
    the Deny statements with Action that cover all its resources: they may take some of its patterns.
    """

    policy: Policy
    statement: Statement
    sensitive_actions: frozenset[str]
    denied: tuple[Statement, ...] = field(default=(), compare=False)

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """The statement's action patterns of which a Deny leaves something."""
        return tuple(
            pattern
            for pattern in self.statement.actions
            if not any(_takes_pattern(deny, pattern) for deny in self.denied)
        )

    @property
    def is_empty(self) -> bool:
        if self.statement.not_actions:
            return any(_takes_pattern(deny, "*") for deny in self.denied)
        return not self.patterns


def effective_grants(policies: Iterable[Policy], boundary: Policy | None) -> tuple[Grant, ...]:
    """Every grant of the policies together; a Deny in one of them, or in the boundary, counts for all."""
    policies = tuple(policies)
    bounded = (*policies, boundary) if boundary else policies
    denies = [deny for policy in bounded for deny in policy.denies]
    grants: Iterable[Grant] = (grant for policy in policies for grant in policy.grants)
    if boundary is not None:
        grants = (narrow for grant in grants for narrow in _within(grant, boundary))
    if denies:
        grants = (left for grant in grants if not (left := _after(grant, denies)).is_empty)
    return tuple(grants)


def _after(grant: Grant, denies: Iterable[Statement]) -> Grant:
    covering = tuple(deny for deny in denies if _covers_resources(deny, grant.statement))
    taken = frozenset().union(*(deny.sensitive_actions for deny in covering))
    statement = grant.statement
    for deny in covering:
        if deny.not_actions:
            # What a Deny with NotAction leaves is what it spares.
            actions, not_actions = _meet_elements(
                statement.actions, statement.not_actions, deny.not_actions, (), lower=True
            )
            statement = replace(statement, actions=actions, not_actions=not_actions)
    return replace(
        grant,
        statement=statement,
        sensitive_actions=grant.sensitive_actions - taken,
        denied=tuple(deny for deny in covering if deny.actions),
    )


def _takes_pattern(deny: Statement, pattern: str) -> bool:
    return any(covers(denied.lower(), pattern.lower()) for denied in deny.actions)


def _covers_resources(deny: Statement, allow: Statement) -> bool:
    # "All but these" is only surely covered by a Deny on everything.
    allowed = allow.resources or ("*",)
    if deny.not_resources:
        return not any(overlaps(spared, resource) for spared in deny.not_resources for resource in allowed)
    return all(any(covers(denied, resource) for denied in deny.resources) for resource in allowed)


# ------------------------------------------------------------------ boundaries


def _within(grant: Grant, boundary: Policy) -> Iterator[Grant]:
    """The parts of the grant that single statements of the boundary allow."""
    for limit in boundary.grants:
        statement = _meet(grant.statement, limit.statement)
        if statement is not None:
            yield replace(
                grant,
                statement=statement,
                sensitive_actions=grant.sensitive_actions & limit.sensitive_actions,
            )


def _meet(allow: Statement, limit: Statement) -> Statement | None:
    """What both allow, as one statement: a little wider where that cannot be written; None if nothing."""
    actions, not_actions = _meet_elements(
        allow.actions, allow.not_actions, limit.actions, limit.not_actions, lower=True
    )
    resources, not_resources = _meet_elements(
        allow.resources, allow.not_resources, limit.resources, limit.not_resources, lower=False
    )
    if not (actions or not_actions) or not (resources or not_resources):
        return None
    return replace(
        allow,
        actions=actions,
        not_actions=not_actions,
        resources=resources,
        not_resources=not_resources,
        conditions=(*allow.conditions, *limit.conditions),
    )


def _meet_elements(
    allowed: tuple[str, ...],
    not_allowed: tuple[str, ...],
    limit: tuple[str, ...],
    not_limit: tuple[str, ...],
    *,
    lower: bool,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The meeting of `X or all but Y` with `X or all but Y`, in the same form."""
    if not_allowed and not_limit:
        return (), (*not_allowed, *not_limit)
    if not_limit:
        return _less(allowed, not_limit, lower=lower)
    if not_allowed:
        return _less(limit, not_allowed, lower=lower)
    met = (_meet_patterns(one, other, lower=lower) for one in allowed for other in limit)
    return tuple(dict.fromkeys(pattern for pattern in met if pattern is not None)), ()


def _less(
    patterns: tuple[str, ...], left_out: tuple[str, ...], *, lower: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The patterns without what is left out."""
    if any(is_everything(pattern) for pattern in patterns):
        return (), left_out

    def fold(text: str) -> str:
        return text.lower() if lower else text

    kept = (pattern for pattern in patterns if not any(covers(fold(out), fold(pattern)) for out in left_out))
    return tuple(kept), ()


def _meet_patterns(one: str, other: str, *, lower: bool) -> str | None:
    left, right = (one.lower(), other.lower()) if lower else (one, other)
    if covers(right, left):
        return one
    if covers(left, right):
        return other
    return one if overlaps(left, right) else None
