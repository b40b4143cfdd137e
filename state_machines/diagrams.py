"""The workflow as Mermaid flowcharts, drawn from its definition: a few boxes, or every state.

A state belongs to the part from whose first state a run comes to it without passing the first state of
another part.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from state_machines.common.outcome import LIVE_STATUS
from state_machines.language.sdk import jsonata

# First state -> title, in the order of a run.
STEPS = {
    "Read input": "Claim drop",
    "Inspect dataset": "Inspect dataset",
    "Plan training": "Plan training",
    "EC2 backend?": "Train on SageMaker or EC2",
    "Judge model": "Judge model",
    "Read deploy lock": "Acquire deploy lock",
    "Read live release": "Create endpoint",
    "Has instances?": "Set scaling and concurrency",
    "Audit IAM": "Audit IAM",
    "Accept model": "Accept model",
    "Canary first?": "Watch canary",
    "Switch live endpoint": "Switch live endpoint",
    "Watch release?": "Watch release",
    "Rolled back by hand?": "Tear down previous release",
}
STAGES = {
    "Read input": "Ingest",
    "EC2 backend?": "Train",
    "Judge model": "Evaluate",
    "Read deploy lock": "Deploy",
    "Audit IAM": "Release",
}
# What no drop comes to; the overview leaves it out.
ASIDE = {"Rollback?": "Rollback", "Read deploy lock to pause": "Pause and resume"}
# Where any stage may send a run that ends.
FINISH = {
    "Read wrong answers": "Teardown",
    "Read canary failure": "Teardown",
    "Roll back": "Teardown",
    "Read failure": "Teardown",
    "Release begun?": "Teardown",
    "Deploy lock held?": "Teardown",
    "Record outcome": "Teardown",
}
# What the verdict says of a model that is not released: schemas/verdict.schema.json.
_COMPUTED_STATUS = {
    "{% $verdict.status %}": "champion_kept or rejected",
    jsonata(LIVE_STATUS): "live or restored",
}
_LONGEST_LABEL = 60


class Transition(NamedTuple):
    """A way from one state to another; `caught` where an error leads there."""

    target: str
    label: str
    outcome: str | None
    caught: bool = False


def transitions(state: Mapping[str, Any]) -> Iterator[Transition]:
    """Every way that leads out of a state, in the order in which they are tried."""
    for rule in state.get("Choices", []):
        yield Transition(rule["Next"], rule["Condition"][2:-2].strip(), _outcome(rule))
    for way, label in (("Default", "else"), ("Next", "")):
        if way in state:
            yield Transition(state[way], label, _outcome(state))
    for catcher in state.get("Catch", []):
        errors = " or ".join(catcher["ErrorEquals"]).replace("States.ALL", "any error")
        yield Transition(catcher["Next"], errors, _outcome(catcher), caught=True)


def _outcome(branch: Mapping[str, Any]) -> str | None:
    status = branch.get("Assign", {}).get("outcome", {}).get("status")
    return _COMPUTED_STATUS.get(status, status) if status else None


def parts(definition: Mapping[str, Any], firsts: Mapping[str, str]) -> dict[str, list[str]]:
    """The states of each part, by its title, in the order in which a run comes to them."""
    states = definition["States"]
    found: dict[str, list[str]] = {title: [] for title in firsts.values()}
    seen: set[str] = set()
    for first, title in firsts.items():
        waiting = [first]
        while waiting:
            name = waiting.pop(0)
            if name not in seen:
                seen.add(name)
                found[title].append(name)
                following = [way.target for way in transitions(states[name])]
                waiting = [*(each for each in following if each not in firsts), *waiting]
    return found


def step_map(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Which states are which step of which stage, for what shows a run: stages in order, what lies aside, the
    states in which any run ends.
    """
    owners = parts(definition, STEPS | ASIDE | FINISH)
    stages: list[dict[str, Any]] = []
    for first, title in STEPS.items():
        if first in STAGES:
            stages.append({"title": STAGES[first], "steps": []})
        stages[-1]["steps"].append({"title": title, "states": owners[title]})
    return {
        "stages": stages,
        "aside": [{"title": title, "states": owners[title]} for title in ASIDE.values()],
        "finish": [state for title in dict.fromkeys(FINISH.values()) for state in owners[title]],
    }


def overview(definition: Mapping[str, Any]) -> str:
    """A few boxes by stage, each with the outcomes that a run may end with there."""
    states = definition["States"]
    owners = parts(definition, STEPS | ASIDE | FINISH)
    lines = ["flowchart TD", '  start(["a drop, or a start by hand"]) --> step0']
    ways: list[str] = []
    for number, (first, title) in enumerate(STEPS.items()):
        if first in STAGES:
            lines += [*(["  end"] if number else []), f"  subgraph {STAGES[first]}"]
        lines.append(f'    step{number}["{title}"]')
        ways += [f"  step{number} --> step{following}" for following in _following(states, owners[title])]
        ways += [
            f'  step{number} --> ending{number}_{index}(["{status}"]):::ending'
            for index, status in enumerate(_endings(states, owners[title]))
        ]
    lines += ["  end", *ways]
    lines += [
        f'  step{len(STEPS) - 1} --> live(["live"]):::ending',
        '  error["any error"] -.-> teardown["Tear down candidate"] --> failed(["failed"]):::ending',
        "  classDef ending fill:#eef,stroke:#557,color:#000",
    ]
    return "\n".join(lines) + "\n"


def _following(states: Mapping[str, Any], names: list[str]) -> list[int]:
    """The numbers of the other steps that a step leads to."""
    targets = {way.target for name in names for way in transitions(states[name])} - set(names)
    return [number for number, first in enumerate(STEPS) if first in targets]


def _endings(states: Mapping[str, Any], names: list[str]) -> list[str]:
    """The outcomes, but `failed`, that some state of a step ends a run with."""
    found = [way for name in names for way in transitions(states[name])]
    outcomes = [way.outcome for way in found if way.outcome and way.target in FINISH]
    statuses = [status for each in outcomes for status in each.split(" or ")]
    duplicates = ["duplicate"] if "Record duplicate" in names else []
    return [
        each for each in dict.fromkeys([*duplicates, *statuses]) if each not in ("failed", "live", "restored")
    ]


def graphs(definition: Mapping[str, Any]) -> str:
    """A heading and a flowchart for each stage: all of its states, and every way out of each."""
    blocks = []
    for title, names in parts(definition, STAGES | ASIDE | FINISH).items():
        lines = list(_graph(definition["States"], names))
        blocks.append(f"### {title}\n\n```mermaid\n" + "\n".join(lines) + "\n```\n")
    return "\n".join(blocks)


def _graph(states: Mapping[str, Any], names: list[str]) -> Iterator[str]:
    numbers = {name: f"s{number}" for number, name in enumerate(names)}
    ways = [(name, way) for name in names for way in transitions(states[name])]
    elsewhere = list(dict.fromkeys(way.target for _, way in ways if way.target not in numbers))
    numbers |= {name: f"other{number}" for number, name in enumerate(elsewhere)}
    yield "flowchart TD"
    for name in names:
        yield f"  {numbers[name]}{_box(name, states[name]['Type'])}"
    for name in elsewhere:
        yield f'  {numbers[name]}[/"{name}"/]:::elsewhere'
    for name, way in ways:
        label = _label(way)
        arrow = "-.->" if way.caught else "-->"
        yield f"  {numbers[name]} {arrow}{label} {numbers[way.target]}"
    yield "  classDef elsewhere fill:#eee,stroke:#999,color:#000,stroke-dasharray:4"


def _label(way: Transition) -> str:
    """The outcome that is set on the way, and else what leads there."""
    text = f"outcome: {way.outcome}" if way.outcome else way.label
    if len(text) > _LONGEST_LABEL:
        text = text[: _LONGEST_LABEL - 3] + "..."
    # Mermaid's own way to write what it would take for markup.
    for character, entity in (("#", "#35;"), ("<", "#lt;"), (">", "#gt;"), ('"', "#quot;")):
        text = text.replace(character, entity)
    return f'|"{text}"|' if text else ""


def _box(name: str, kind: str) -> str:
    shapes = {
        "Choice": ('{"', '"}'),
        "Wait": ('[["', '"]]'),
        "Succeed": ('(["', '"])'),
        "Fail": ('(["', '"])'),
    }
    left, right = shapes.get(kind, ('["', '"]'))
    return f"{left}{name}{right}"
