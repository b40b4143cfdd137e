"""Patterns with `*` and `?`, as IAM writes actions, resources, principals and condition values."""

import re
from collections.abc import Sequence
from functools import lru_cache

_ESCAPED = {"${*}": "*", "${?}": "?", "${$}": "$"}
_TOKENS = re.compile(r"(\$\{[*?$]\}|\*|\?)")
_SIGNS = re.compile(r"[*?$]")
_VARIABLE = re.compile(r"\$\{[^}*?$][^}]*\}")


def is_everything(pattern: str) -> bool:
    """Whether an action, resource or principal pattern leaves nothing out: `*`, `**`, `*:*`."""
    return pattern == "*" or ("*" in pattern and not pattern.strip("*:"))


def matches(pattern: str, value: str) -> bool:
    """Whether the pattern matches the whole value, upper and lower case told apart.

    `${*}`, `${?}` and `${$}` stand for the characters themselves. Other policy variables are taken as text:
    `conditions.substitute` puts their values in, where these are known.
    """
    if "*" not in pattern and "?" not in pattern and "${$}" not in pattern:
        return pattern == value
    if "?" in pattern or "${" in pattern:
        return _expression(pattern).fullmatch(value) is not None
    return _matches_in_order(pattern.split("*"), value)


def matches_action(pattern: str, action: str) -> bool:
    """As `matches`, with upper and lower case alike, which is how IAM compares actions."""
    return matches(pattern.lower(), action.lower())


def covers(pattern: str, other: str) -> bool:
    """Whether everything that the pattern `other` matches is matched by `pattern` too.

    Never wrongly true; it may be false for a pair that only a cleverer comparison could tell.
    """
    if pattern == other or is_everything(pattern):
        return True
    if "?" in pattern or "${" in pattern:
        # The other's "*" may stand for many characters, which a "?" cannot cover.
        return _covering_expression(pattern).fullmatch(other) is not None
    return _matches_in_order(pattern.split("*"), other) if "*" in pattern else False


def overlaps(pattern: str, other: str) -> bool:
    """Whether some value is matched by both patterns; a policy variable may stand for anything."""
    if is_everything(pattern) or is_everything(other):
        return True
    if not _SIGNS.search(pattern):
        return matches(_VARIABLE.sub("*", other), pattern)
    if not _SIGNS.search(other):
        return matches(_VARIABLE.sub("*", pattern), other)
    return _meet(_tokens(pattern), _tokens(other))


def _matches_in_order(parts: Sequence[str], value: str) -> bool:
    """Whether the value is the parts in order, with anything between them. Two parts at least."""
    first, last = parts[0], parts[-1]
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    position, end = len(first), len(value) - len(last)
    for part in parts[1:-1]:
        position = value.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (
        {"*": ".*", "?": "."}.get(part) or re.escape(_ESCAPED.get(part, part)) for part in _split(pattern)
    )
    return re.compile("".join(parts), re.DOTALL)


@lru_cache(maxsize=4096)
def _covering_expression(pattern: str) -> re.Pattern[str]:
    """Applied to another pattern's text: there an escaped sign must stand escaped as well."""
    parts = ({"*": ".*", "?": r"[^*$]"}.get(part) or re.escape(part) for part in _split(pattern))
    return re.compile("".join(parts), re.DOTALL)


def _split(pattern: str) -> list[str]:
    return _TOKENS.split(pattern)


@lru_cache(maxsize=4096)
def _tokens(pattern: str) -> tuple[str, ...]:
    """One token a character; `*` and `?` for the signs, escaped signs and all else as `=x`."""
    tokens: list[str] = []
    for part in _split(_VARIABLE.sub("*", pattern)):
        if part in ("*", "?"):
            tokens.append(part)
        else:
            tokens.extend(f"={character}" for character in _ESCAPED.get(part, part))
    return tuple(tokens)


def _meet(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    """Whether two token sequences have a value in common: row by row over their beginnings."""
    before = [True]
    for sign in two:
        before.append(before[-1] and sign == "*")
    for sign in one:
        row = [before[0] and sign == "*"]
        for column, other in enumerate(two):
            if "*" in (sign, other):
                # The star takes nothing more, or one more of the other's.
                row.append(before[column + 1] or row[column])
            else:
                alike = sign == other or "?" in (sign, other)
                row.append(before[column] and alike)
        before = row
    return before[-1]
