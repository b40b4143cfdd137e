"""IAM policy documents, read in every form that AWS gives them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from functions.common.errors import DropserveError
from functions.common.json_text import parse_json
from functions.iam_audit.policy.actions import sensitive_actions
from functions.iam_audit.policy.conditions import Condition
from functions.iam_audit.policy.patterns import is_everything, matches, matches_action


class PolicyError(DropserveError):
    """A policy document is not one that IAM would accept."""


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

    @cached_property
    def sensitive_actions(self) -> frozenset[str]:
        """Which of the actions that the checks ask for by name it speaks of, in lower case."""
        if self.not_actions:
            return sensitive_actions("*").difference(*map(sensitive_actions, self.not_actions))
        if len(self.actions) == 1:
            return sensitive_actions(self.actions[0])
        return frozenset().union(*map(sensitive_actions, self.actions))

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
    def names_every_action(self) -> bool:
        """Whether the action is `*`; all but a few is not."""
        return any(is_everything(action) for action in self.actions)

    @cached_property
    def names_every_resource(self) -> bool:
        """Whether the resource is `*`, or all but a few."""
        return bool(self.not_resources) or any(is_everything(resource) for resource in self.resources)

    @cached_property
    def names_everything(self) -> bool:
        """`*` on `*`, conditions or not."""
        return self.names_every_action and self.names_every_resource

    @cached_property
    def names_whole_service(self) -> bool:
        """As `names_every_resource`, or an ARN that leaves out nothing of a service: `arn:aws:s3:::*`."""
        return self.names_every_resource or any(_is_whole_service(resource) for resource in self.resources)

    def is_narrowed_by(self, keys: Iterable[str]) -> bool:
        """Whether a condition on one of these keys is a real limit; lower case, `x/` for all below it."""
        return any(condition.narrows and condition.is_on(keys) for condition in self.conditions)

    @cached_property
    def is_narrowed(self) -> bool:
        """Whether a condition is a real limit on what the identity that has this statement may do with it."""
        return any(condition.narrows_identity for condition in self.conditions)


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
        return parse_json(text if text.lstrip().startswith("{") else unquote(text))
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
        conditions=_parse_conditions(statement.get("Condition")),
    )


def _parse_principals(principals: Any) -> dict[str, tuple[str, ...]]:
    if principals is None:
        return {}
    if isinstance(principals, Mapping):
        return {str(kind): _strings(names) for kind, names in principals.items()}
    return {"AWS": _strings(principals)}


def _parse_conditions(conditions: Any) -> tuple[Condition, ...]:
    if not conditions:
        return ()
    if not isinstance(conditions, Mapping) or not all(
        isinstance(keys, Mapping) for keys in conditions.values()
    ):
        raise PolicyError(f"a Condition must map operators to keys and values: {conditions!r}")
    return tuple(
        Condition(str(operator).lower(), str(key).lower(), _strings(values), (str(operator), str(key)))
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _as_list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _strings(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    # A condition may hold true or 5: IAM compares them as text.
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in _as_list(value))


def _is_whole_service(arn: str) -> bool:
    parts = arn.split(":", maxsplit=5)
    return len(parts) == 6 and "*" in parts[5] and not parts[5].strip("*/")
