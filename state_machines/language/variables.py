"""Check that no state reads a variable that a run may come to it without.

An expression that gives nothing fails the state, and outside a Task nothing can catch that.
"""

from typing import Any

from state_machines.language.expressions import variables_read

# What each kind of branch has of its own; the rest of a state is read before it branches.
_BRANCHES = ("Catch", "Choices")


def variable_problems(definition: dict[str, Any]) -> list[str]:
    """One sentence for each variable that a state reads and that some way to it leaves unassigned."""
    states = definition["States"]
    assigned = _assigned_before(definition)
    problems = []
    for name, state in states.items():
        if name in assigned:
            missing = variables_read(state) - assigned[name]
            problems += [f"{name}: ${variable} may be unassigned" for variable in sorted(missing)]
    return problems


def _assigned_before(definition: dict[str, Any]) -> dict[str, frozenset[str]]:
    """The variables that every way from the start to a state assigns, by state."""
    states = definition["States"]
    before: dict[str, frozenset[str]] = {definition["StartAt"]: frozenset()}
    waiting = [definition["StartAt"]]
    while waiting:
        name = waiting.pop()
        for following, assigns in _transitions(states[name]):
            after = before[name] | assigns
            known = before.get(following)
            merged = after if known is None else known & after
            if merged != known:
                before[following] = merged
                waiting.append(following)
    return before


def _transitions(state: dict[str, Any]) -> list[tuple[str, set[str]]]:
    """Where a state leads, and what it assigns on that way."""
    found = [(state[way], set(state.get("Assign", {}))) for way in ("Next", "Default") if way in state]
    for kind in _BRANCHES:
        found += [(branch["Next"], set(branch.get("Assign", {}))) for branch in state.get(kind, [])]
    return found
