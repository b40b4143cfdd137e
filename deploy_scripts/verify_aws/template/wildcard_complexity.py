"""How complex EventBridge finds the wildcards of one field, of which it refuses what is too complex.

The figure: how many beginnings of the field's wildcard patterns can match one and the same text at once, as
AWS's event-ruler counts it (src/main/software/amazon/event/ruler/MachineComplexityEvaluator.java of
https://github.com/aws/event-ruler). Of 400 random fields 394 had event-ruler's own figure, six a larger one.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

# EventBridge does not say where its limit is. 9 (three `*:stack/NAME/*`) was taken and 12 (four) refused:
# https://github.com/vals-ai/Valkyrie/pull/278
LIMIT = 10

# A place in a pattern: (number of the wildcard, how many of its steps are behind).
Place = tuple[int, int]
_ANY = None
_OTHER = "\0"


def complexity(conditions: Iterable[Any]) -> int:
    """Of the conditions of one field, as an event pattern lists them; 0 without a wildcard."""
    lists = [wildcards for condition in conditions if (wildcards := _wildcards(condition))]
    owners = [number for number, wildcards in enumerate(lists) for _ in wildcards]
    paths = [_path(text) for texts in lists for text in texts]
    letters = {step for path in paths for step in path if step is not _ANY} | {_OTHER}
    start = _with_empty_wildcards({(number, 0) for number in range(len(paths))}, paths)
    seen, waiting, most = {start}, [start], 0
    while waiting:
        places = waiting.pop()
        for letter in letters:
            after = _with_empty_wildcards(set(_advanced(places, letter, paths)), paths)
            most = max(most, len({_identity(place, owners, paths) for place in after}))
            if after and after not in seen:
                seen.add(after)
                waiting.append(after)
    return most


def _path(text: str) -> list[str | None]:
    """The steps of a wildcard, between the quotes of JSON."""
    return ['"', *(_ANY if each == "*" else each for each in text), '"']


def _wildcards(condition: Any) -> list[str]:
    if not isinstance(condition, dict):
        return []
    found = condition.get("wildcard")
    if found is None and isinstance(condition.get("anything-but"), dict):
        found = condition["anything-but"].get("wildcard")
    return [found] if isinstance(found, str) else list(found or ())


def _advanced(places: Iterable[Place], letter: str, paths: Sequence[Sequence[str | None]]) -> Iterable[Place]:
    for number, behind in places:
        if behind < len(paths[number]) and paths[number][behind] == letter:
            yield number, behind + 1
        if behind and paths[number][behind - 1] is _ANY:
            yield number, behind


def _with_empty_wildcards(places: set[Place], paths: Sequence[Sequence[str | None]]) -> frozenset[Place]:
    found = set(places)
    for number, behind in places:
        following = itertools.takewhile(lambda step: step is _ANY, paths[number][behind:])
        found |= {(number, behind + passed) for passed, _ in enumerate(following, 1)}
    return frozenset(found)


def _identity(place: Place, owners: Sequence[int], paths: Sequence[Sequence[str | None]]) -> tuple[Any, ...]:
    """Wildcards of one list share their end, and their beginning as far as their first `*`."""
    number, behind = place
    path = paths[number]
    if behind == len(path):
        return owners[number], "end"
    if _ANY not in path[: behind - 1]:
        return owners[number], tuple(path[:behind])
    return owners[number], number, behind
