"""IAM policy documents: read in every form that AWS gives them, and matched as AWS matches them."""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote

from functions.common.errors import DropserveError

# Operators under which an absent key, or a value outside the list, refuses the request.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_NARROWING_OPERATORS = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"}
)
_EVERY_ADDRESS = frozenset({"0.0.0.0/0", "::/0"})
_ESCAPED_VARIABLES = {"${*}": "*", "${?}": "?", "${$}": "$"}


class PolicyError(DropserveError):
    """A policy document is not one that IAM would accept."""


@dataclass(frozen=True)
class Condition:
    """One key under one operator; `operator` and `key` are lower case."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def narrows(self) -> bool:
        """Whether it lets only listed values pass: no IfExists, no ForAllValues, no bare wildcard."""
        quantifier, _, base = self.operator.rpartition(":")
        listed = bool(self.values) and not any(
            is_everything(value) or value in _EVERY_ADDRESS for value in self.values
        )
        return base in _NARROWING_OPERATORS and quantifier != "forallvalues" and listed


@dataclass(frozen=True)
class Statement:
    """One statement, every element as a tuple; an absent element is an empty tuple.

    `principals` maps AWS, Service, Federated or CanonicalUser to names; `"*"` reads as `{"AWS": ("*",)}`.
    """

    effect: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    not_principals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()

    @property
    def is_allow(self) -> bool:
        return self.effect == "Allow"

    def names_action(self, action: str) -> bool:
        """Whether the statement speaks of this one action, such as `iam:PassRole`."""
        if self.not_actions:
            return not any(matches_action(pattern, action) for pattern in self.not_actions)
        return any(matches_action(pattern, action) for pattern in self.actions)

    def names_resource(self, arn: str) -> bool:
        """Whether the statement speaks of this one resource."""
        if self.not_resources:
            return not any(matches(pattern, arn) for pattern in self.not_resources)
        return any(matches(pattern, arn) for pattern in self.resources)

    @property
    def names_every_resource(self) -> bool:
        """Whether the resource is `*`, or all but a few."""
        return bool(self.not_resources) or any(is_everything(resource) for resource in self.resources)

    @property
    def names_whole_service(self) -> bool:
        """As `names_every_resource`, or an ARN that leaves out nothing of a service: `arn:aws:s3:::*`."""
        return self.names_every_resource or any(_is_whole_service(resource) for resource in self.resources)

    def is_narrowed_by(self, keys: Collection[str]) -> bool:
        """Whether a condition on one of these keys is a real limit; lower case, `x/` for all below it."""
        return any(
            condition.narrows and (condition.key in keys or f"{condition.key.partition('/')[0]}/" in keys)
            for condition in self.conditions
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether any condition at all is a real limit."""
        return any(condition.narrows for condition in self.conditions)


def parse_policy(document: str | Mapping[str, Any]) -> tuple[Statement, ...]:
    """The statements of a policy: a mapping, or JSON text, as it is or percent-encoded as IAM sends it.

    Raises PolicyError when it is neither, or when a statement has no valid Effect.
    """
    policy = _load(document) if isinstance(document, str) else document
    if not isinstance(policy, Mapping):
        raise PolicyError(f"a policy must be a JSON object, not {type(policy).__name__}")
    return tuple(_parse_statement(statement) for statement in _as_list(policy.get("Statement", ())))


def _load(text: str) -> Any:
    try:
        return json.loads(text if text.lstrip().startswith("{") else unquote(text))
    except ValueError as error:
        raise PolicyError(f"a policy is not JSON: {error}") from error


def _parse_statement(statement: Any) -> Statement:
    if not isinstance(statement, Mapping) or statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(
            f"a policy statement must be an object whose Effect is Allow or Deny: {statement!r}"
        )
    return Statement(
        effect=statement["Effect"],
        actions=_strings(statement.get("Action", ())),
        not_actions=_strings(statement.get("NotAction", ())),
        resources=_strings(statement.get("Resource", ())),
        not_resources=_strings(statement.get("NotResource", ())),
        principals=_parse_principals(statement.get("Principal")),
        not_principals=_parse_principals(statement.get("NotPrincipal")),
        conditions=_parse_conditions(statement.get("Condition") or {}),
    )


def _parse_principals(principals: Any) -> dict[str, tuple[str, ...]]:
    if principals is None:
        return {}
    if isinstance(principals, Mapping):
        return {str(kind): _strings(names) for kind, names in principals.items()}
    return {"AWS": _strings(principals)}


def _parse_conditions(conditions: Any) -> tuple[Condition, ...]:
    if not isinstance(conditions, Mapping) or not all(
        isinstance(keys, Mapping) for keys in conditions.values()
    ):
        raise PolicyError(f"a Condition must map operators to keys and values: {conditions!r}")
    return tuple(
        Condition(operator=str(operator).lower(), key=str(key).lower(), values=_strings(values))
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _as_list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _strings(value: Any) -> tuple[str, ...]:
    # A condition may hold true or 5: IAM compares them as text.
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in _as_list(value))


def is_everything(pattern: str) -> bool:
    """Whether an action, resource or principal pattern leaves nothing out: `*`, `**`, `*:*`."""
    return "*" in pattern and not pattern.strip("*:")


def _is_whole_service(arn: str) -> bool:
    parts = arn.split(":", maxsplit=5)
    return len(parts) == 6 and "*" in parts[5] and not parts[5].strip("*/")


def matches(pattern: str, value: str) -> bool:
    """Whether a pattern with `*` and `?` matches the whole value, upper and lower case told apart.

    `${*}`, `${?}` and `${$}` stand for the characters themselves. Other policy variables are taken as text:
    their value is known only at the time of a request.
    """
    return _expression(pattern).fullmatch(value) is not None


def matches_action(pattern: str, action: str) -> bool:
    """As `matches`, with upper and lower case alike, which is how IAM compares actions."""
    return matches(pattern.lower(), action.lower())


def covers(pattern: str, other: str) -> bool:
    """Whether everything that the pattern `other` matches is matched by `pattern` too.

    Never wrongly true; it may be false for a pair that only a cleverer comparison could tell.
    """
    # The other's "*" may stand for many characters, which a "?" cannot cover.
    return _expression(pattern, any_one="[^*]").fullmatch(other) is not None


@cache
def _expression(pattern: str, any_one: str = ".") -> re.Pattern[str]:
    parts = re.split(r"(\$\{[*?$]\}|\*|\?)", pattern)
    wildcards = {"*": ".*", "?": any_one}
    return re.compile(
        "".join(wildcards.get(part) or re.escape(_ESCAPED_VARIABLES.get(part, part)) for part in parts),
        re.DOTALL,
    )
