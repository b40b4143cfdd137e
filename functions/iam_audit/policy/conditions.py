"""Conditions of policy statements: whether they hold for a request, and whether they limit a grant at all.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from functions.iam_audit.policy.patterns import is_everything, matches

# What is known of a request: lower-case keys; None is a key that the request surely lacks. A key that is not
# there is one of which nothing is known.
Context = Mapping[str, str | tuple[str, ...] | None]

# Operators under which an absent key, or a value outside the list, refuses the request.
_NARROWING_OPERATORS = frozenset(
    {"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"}
)
# Networks with more addresses than these hold a great part of the internet.
_WIDEST_NETWORK_BITS = {4: 8, 6: 16}

# Conditions on these keys say where a call comes from or how its caller signed in, not what it may do. They
# stop a thief, not the caller.
_CALLER_CIRCUMSTANCES = frozenset(
    {
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpcarn",
        "aws:sourcevpce",
        "aws:vpcsourceip",
        "aws:multifactorauthpresent",
        "aws:multifactorauthage",
        "aws:viaawsservice",
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
    }
)
# In an identity's own policy these are met by what it is, or leave everything but a region open.
_ALWAYS_MET = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:userid",
        "aws:username",
    }
)
_VARIABLE = re.compile(r"\$\{([^}*?$,]+?)\s*(?:,\s*'([^}]*)')?\}")


@dataclass(frozen=True)
class Condition:
    """One key under one operator; both are lower case, `written` is how the policy has them."""

    operator: str
    key: str
    values: tuple[str, ...]
    written: tuple[str, str] = field(default=("", ""), compare=False)

    @cached_property
    def narrows(self) -> bool:
        """Whether it lets only listed values pass: no IfExists, no ForAllValues, no bare wildcard."""
        quantifier, _, base = self.operator.rpartition(":")
        if self.key == "aws:multifactorauthpresent" and base == "bool":
            return self.values == ("true",)
        listed = bool(self.values) and not any(
            is_everything(value) or (base == "ipaddress" and _is_wide_network(value)) for value in self.values
        )
        return base in _NARROWING_OPERATORS and quantifier != "forallvalues" and listed

    @property
    def narrows_identity(self) -> bool:
        """Whether it is a real limit in an identity's policy: it meets some conditions by what it is."""
        return self.narrows and self.key not in _ALWAYS_MET

    @property
    def narrows_circumstances_only(self) -> bool:
        """Whether it is a real limit, but only on where from and how the caller calls."""
        return self.narrows and self.key in _CALLER_CIRCUMSTANCES

    def is_on(self, keys: Iterable[str]) -> bool:
        """Whether its key is one of these; lower case, `x/` for all keys below `x`."""
        return self.key in keys or f"{self.key.partition('/')[0]}/" in keys

    def __str__(self) -> str:
        operator, key = self.written
        return f"{operator} {key} = {', '.join(self.values)}"


def holds(condition: Condition, context: Context) -> bool | None:
    """Whether the request meets the condition; None when that hangs on something unknown."""
    base, quantifier, if_exists = _operator_parts(condition.operator)
    if condition.key not in context:
        return None
    actual = context[condition.key]
    if base == "null":
        return all((actual is None) == (value.lower() == "true") for value in condition.values[:1])
    compare = _COMPARISONS.get(base.replace("not", "", 1) if base in _NEGATED else base)
    if compare is None:
        return None
    if actual is None:
        return if_exists or quantifier == "forallvalues" or (not quantifier and base in _NEGATED)
    expected = [substitute(value, context) for value in condition.values]
    if any(_VARIABLE.search(value) for value in expected):
        return None
    return _holds_for(compare, actual, expected, negated=base in _NEGATED, quantifier=quantifier)


def _holds_for(
    compare: Callable[[str, str], bool],
    actual: str | tuple[str, ...],
    expected: list[str],
    *,
    negated: bool,
    quantifier: str,
) -> bool:
    values = (actual,) if isinstance(actual, str) else actual

    def one(value: str) -> bool:
        return any(compare(value, pattern) for pattern in expected) is not negated

    return all(map(one, values)) if quantifier == "forallvalues" else any(map(one, values))


def all_hold(conditions: Iterable[Condition], context: Context) -> bool | None:
    """Whether the request meets every condition: False if one surely fails, None if one is unknown."""
    answers = [holds(condition, context) for condition in conditions]
    if False in answers:
        return False
    return None if None in answers else True


def substitute(pattern: str, context: Context) -> str:
    """The pattern with the policy variables whose value is known put in, as plain text without wildcards.

    A variable with a default takes it when the request surely lacks the key; an unknown one stays as it is.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    if "${" not in pattern:
        return pattern

    def value_of(match: re.Match[str]) -> str:
        key = match[1].strip().lower()
        value = context.get(key)
        if isinstance(value, str):
            return re.sub(r"[*?$]", lambda sign: f"${{{sign[0]}}}", value)
        return match[2] if key in context and match[2] is not None else match[0]

    return _VARIABLE.sub(value_of, pattern)


def _operator_parts(operator: str) -> tuple[str, str, bool]:
    """`foranyvalue:stringlikeifexists` -> ("stringlike", "foranyvalue", True)."""
    quantifier, _, base = operator.rpartition(":")
    return base.removesuffix("ifexists"), quantifier, base.endswith("ifexists")


def _is_wide_network(network: str) -> bool:
    address, _, bits = network.partition("/")
    return bits.isdecimal() and int(bits) < _WIDEST_NETWORK_BITS[6 if ":" in address else 4]


def _in_network(address: str, network: str) -> bool:
    # Slow to load, and few accounts have such a condition on a request of which the address is known.
    from ipaddress import ip_address, ip_network  # noqa: PLC0415

    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _numbers(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compared(actual: str, expected: str) -> bool:
        try:
            return compare(float(actual), float(expected))
        except ValueError:
            return False

    return compared


def _moments(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compared(actual: str, expected: str) -> bool:
        one, other = _moment(actual), _moment(expected)
        return one is not None and other is not None and compare(one, other)

    return compared


def _moment(text: str) -> float | None:
    """ISO 8601 or epoch seconds, as seconds."""
    from datetime import UTC, datetime  # noqa: PLC0415 (as above)

    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _equal(one: float, other: float) -> bool:
    return one == other


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "equals": _equal,
    "lessthan": lambda one, other: one < other,
    "lessthanequals": lambda one, other: one <= other,
    "greaterthan": lambda one, other: one > other,
    "greaterthanequals": lambda one, other: one >= other,
}
_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "stringequals": lambda actual, expected: actual == _unescaped(expected),
    "stringequalsignorecase": lambda actual, expected: actual.lower() == _unescaped(expected).lower(),
    "stringlike": lambda actual, expected: matches(expected, actual),
    "arnequals": lambda actual, expected: matches(expected, actual),
    "arnlike": lambda actual, expected: matches(expected, actual),
    "binaryequals": lambda actual, expected: actual == expected,
    "bool": lambda actual, expected: actual.lower() == expected.lower(),
    "ipaddress": _in_network,
    **{f"numeric{name}": _numbers(order) for name, order in _ORDERS.items()},
    **{f"date{name}": _moments(order) for name, order in _ORDERS.items()},
}
_NEGATED = frozenset(
    {
        "stringnotequals",
        "stringnotequalsignorecase",
        "stringnotlike",
        "numericnotequals",
        "datenotequals",
        "arnnotequals",
        "arnnotlike",
        "notipaddress",
    }
)


def _unescaped(text: str) -> str:
    return re.sub(r"\$\{([*?$])\}", r"\1", text)
