"""The JSONata expressions of a definition: their syntax, what they give, and the variables that they read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonata import Jsonata
from jsonata.jexception import JException

# https://docs.jsonata.org/overview.html, and the functions that Step Functions adds.
_FUNCTIONS_GIVE: dict[str, type] = {
    "base64encode": str,
    "hash": str,
    "replace": str,
    "string": str,
    "contains": bool,
    "not": bool,
    "exists": bool,
    "count": int,
    "number": int,
}
_COMPARISONS = ("and", "or", "=", "!=", "<", "<=", ">", ">=")
_OPERATORS_GIVE: dict[str, type] = {"&": str, "+": int, **dict.fromkeys(_COMPARISONS, bool)}
_SYNTAX_GIVES: dict[str, type] = {"[": list, "{": dict}
# A variable, and no function that is called.
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)\b(?!\s*\()")
# What a function that is written down in an expression is given.
_PARAMETERS = re.compile(r"function\(([^)]*)\)")
_QUOTED = re.compile(r"'[^']*'")


def is_computed(value: Any) -> bool:
    """Whether a value is an expression."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")


def expressions(value: Any) -> Iterator[str]:
    """Every expression in a value, without its braces."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)
    elif is_computed(value):
        yield value[2:-2].strip()


@dataclass(frozen=True)
class Computed:
    """A part of what an expression gives; `type` is None where the expression does not tell it."""

    type: type | None


def constructed(value: Any) -> Any:
    """What a computed value gives, as far as it is written down in it: the rest is Computed."""
    return _built(_parsed(value)) if is_computed(value) else value


def returned_type(value: str) -> type | None:
    """What a computed value is at run time, where its expression tells."""
    return _type_of(_parsed(value))


def _parsed(value: str) -> Any:
    return Jsonata.jsonata(value[2:-2].strip()).ast


def _built(node: Any) -> Any:
    if node.type == "unary" and node.value == "{":
        return {name.value: _built(inner) for name, inner in node.lhs_object}
    if node.type == "unary" and node.value == "[":
        return [_built(each) for each in node.expressions]
    if node.type in {"string", "number", "value"}:
        return node.value
    return Computed(_type_of(node))


def _type_of(node: Any) -> type | None:
    if node.type == "block" and len(node.expressions) == 1:
        return _type_of(node.expressions[0])
    if node.type == "condition":
        # Without another branch it gives nothing.
        branches = {_type_of(each) for each in (node.then, node._else) if each is not None}
        return branches.pop() if len(branches) == 1 else None
    if node.type == "function":
        return _FUNCTIONS_GIVE.get(node.procedure.value)
    if node.type == "binary":
        return _OPERATORS_GIVE.get(node.value)
    return _SYNTAX_GIVES.get(node.value) if node.type == "unary" else None


def variables_read(value: Any) -> set[str]:
    """The variables that the expressions in a value read."""
    found = set()
    for text in expressions(value):
        read = _QUOTED.sub("", text)
        given = {name for names in _PARAMETERS.findall(read) for name in _VARIABLE.findall(names)}
        found |= set(_VARIABLE.findall(read)) - given
    return found - {"states"}


def syntax_problems(definition: dict[str, Any]) -> list[str]:
    """One sentence for each expression that cannot be parsed."""
    problems = []
    for name, state in definition["States"].items():
        for text in expressions(state):
            try:
                Jsonata.jsonata(text)
            except JException as error:
                problems.append(f"{name}: {text}: {error}")
    return problems
