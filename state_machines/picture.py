"""The workflow as a Mermaid flowchart, drawn from its definition.

Only what a person follows is drawn: tasks, waits and endings. The states that shape data or count polls are
folded into the arrows, and so is the one rule that holds everywhere: an error goes to "Clean up".
"""

from typing import Any

_OUTCOME = "$.outcome"


def mermaid(definition: dict[str, Any]) -> str:
    """The flowchart's text; the same definition gives the same text."""
    states = definition["States"]
    drawn = _drawn(definition)
    numbers = {name: f"s{index}" for index, name in enumerate(drawn)}
    lines = ["flowchart TD", "  start((start))"]
    lines += [f"  {numbers[name]}{_box(name, states[name])}" for name in drawn]
    for target in _first_drawn(states, definition["StartAt"]):
        lines.append(f"  start --> {numbers[target]}")
    for name in drawn:
        for target in _next_drawn(states, name):
            lines.append(f"  {numbers[name]} --> {numbers[target]}")
    endings = [numbers[name] for name in drawn if _is_ending(states[name])]
    lines.append("  classDef ending fill:#eef,stroke:#557")
    lines.append(f"  class {','.join(endings)} ending")
    return "\n".join(lines) + "\n"


def _drawn(definition: dict[str, Any]) -> list[str]:
    """Names in the order of the story: what follows the start without an error, each once."""
    states = definition["States"]
    first = _first_drawn(states, definition["StartAt"])
    order: list[str] = []
    waiting = list(first)
    while waiting:
        name = waiting.pop(0)
        if name not in order:
            order.append(name)
            waiting = [*_next_drawn(states, name), *waiting]
    return order


def _is_ending(state: dict[str, Any]) -> bool:
    return state["Type"] == "Pass" and state.get("ResultPath") == _OUTCOME


def _is_drawn(state: dict[str, Any]) -> bool:
    return state["Type"] in ("Task", "Wait", "Succeed", "Fail") or _is_ending(state)


def _next_drawn(states: dict[str, Any], name: str) -> list[str]:
    """What a state leads to, through the states that are folded away; an ending is the end of the picture."""
    state = states[name]
    if _is_ending(state):
        return []
    expected = [catch["Next"] for catch in state.get("Catch", []) if catch["ErrorEquals"] != ["States.ALL"]]
    found = [t for follower in [*_followers(state), *expected] for t in _first_drawn(states, follower)]
    return list(dict.fromkeys(found))


def _first_drawn(states: dict[str, Any], name: str, seen: frozenset[str] = frozenset()) -> list[str]:
    if _is_drawn(states[name]):
        return [name]
    found: list[str] = []
    for follower in _followers(states[name]):
        if follower not in seen:
            found += _first_drawn(states, follower, seen | {name})
    return found


def _followers(state: dict[str, Any]) -> list[str]:
    names = [
        state.get("Next"),
        state.get("Default"),
        *(choice["Next"] for choice in state.get("Choices", [])),
    ]
    return [name for name in names if name]


def _box(name: str, state: dict[str, Any]) -> str:
    if _is_ending(state):
        return f'(["{state["Parameters"].get("status", "champion kept")}"])'
    return f'[["{name}"]]' if state["Type"] == "Wait" else f'["{name}"]'
