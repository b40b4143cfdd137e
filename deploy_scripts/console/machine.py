"""A run's way through the state machine, as boxes by stage: what the picture of a run shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Literal

from deploy_scripts.operations.logs.hints import failed_state
from deploy_scripts.operations.runs.executions import Step
from deploy_scripts.project import STEPS

# `passed`: the run came by, and nothing was to do.
BoxState = Literal["waiting", "running", "done", "passed", "failed", "ended"]

# What works or waits; a run passes the others in no time.
_WORK = {"Task", "Wait", "Parallel", "Map"}
# Of every run's end; the other states there clean up.
_USUAL_END = {"Release deploy lock", "Record outcome", "Notify"}
_CLEAN_UP = "Clean up"
_RECORD = "Record outcome"
_TRAINING = "Train on SageMaker or EC2"
_TRAINED_ON = {"Train on EC2": "Train on EC2", "Train on SageMaker": "Train on SageMaker"}
# A run that ended so came to a decision: the step that made it is where it ended.
_DECIDED = {"rejected", "champion_kept", "superseded", "duplicate", "blocked"}


@dataclass
class Box:
    """One step. `seconds` is what its states took together; `now` the state at work; `tries` how often
    one was tried again.
    """

    title: str
    state: BoxState = "waiting"
    seconds: float = 0.0
    now: str = ""
    tries: int = 0
    worked: bool = False
    entered: bool = False


@dataclass
class Stage:
    """Steps that belong together, in the order of a run."""

    title: str
    boxes: list[Box] = field(default_factory=list)


def draw(steps: Sequence[Step], *, status: str, now: datetime) -> list[Stage]:
    """The stages of a run with that status in the ledger, after these events.

    `now`: until when what is at work has worked; of a run that has ended, its end.
    """
    stages, owners = _blank(steps)
    order = _replay(steps, owners, now)
    boxes = [box for stage in stages for box in stage.boxes]
    for box in boxes:
        box.state = _state_of(box, goes_on=status == "running")
    if status == "failed" and not any(box.state == "failed" for box in boxes):
        state = failed_state(list(steps))
        if state in owners:
            owners[state].state = "failed"
    elif status in _DECIDED and order:
        order[-1].state = "ended"
    return stages


def _blank(steps: Iterable[Step]) -> tuple[list[Stage], dict[str, Box]]:
    """Empty boxes, and each state's; what lies aside is there only for a run that comes to it."""
    known = _known_steps()
    entered = {step.state for step in steps if step.event == "entered" and step.kind in _WORK}
    stages: list[Stage] = []
    owners: dict[str, Box] = {}

    def add(stage: Stage, title: str, states: Iterable[str], *, shown: bool = True) -> None:
        box = Box(title)
        owners.update(dict.fromkeys(states, box))
        if shown:
            stage.boxes.append(box)

    for each in known["stages"]:
        stage = Stage(each["title"])
        stages.append(stage)
        for step in each["steps"]:
            add(stage, _title_of(step["title"], entered), step["states"])
        if len(stages) == 1:
            for aside in known["aside"]:
                add(stage, aside["title"], aside["states"], shown=bool(entered & set(aside["states"])))
    end = Stage("End")
    stages.append(end)
    cleaning = set(known["finish"]) - _USUAL_END
    add(end, _CLEAN_UP, cleaning, shown=bool(entered & cleaning))
    add(end, _RECORD, _USUAL_END)
    return stages, owners


def _title_of(title: str, entered: set[str]) -> str:
    if title != _TRAINING:
        return title
    return next((name for state, name in _TRAINED_ON.items() if state in entered), title)


def _replay(steps: Sequence[Step], owners: dict[str, Box], now: datetime) -> list[Box]:
    """Fill the boxes; gives those of the run's own steps that did something, in their order."""
    since: dict[str, datetime] = {}
    failed: set[str] = set()
    order: list[Box] = []
    for step in steps:
        box = owners.get(step.state)
        if box is None:  # a state of another version of the workflow
            continue
        if step.event == "entered":
            _enter(box, step, since, order)
        elif step.event == "left":
            failed.discard(step.state)
            if step.state in since:
                box.seconds += (step.at - since.pop(step.state)).total_seconds()
                box.now = ""
        else:
            # What fails and is not tried again, a Catch expects, or the run ends by it.
            box.tries += step.state in failed
            (failed.add if step.event == "failed" else failed.discard)(step.state)
    for state, at in since.items():
        owners[state].seconds += max(0.0, (now - at).total_seconds())
    return order


def _enter(box: Box, step: Step, since: dict[str, datetime], order: list[Box]) -> None:
    box.entered = True
    if step.kind in _WORK:
        since[step.state], box.worked, box.now = step.at, True, step.state
        if box.title not in {_CLEAN_UP, _RECORD} and box not in order[-1:]:
            order.append(box)


def _state_of(box: Box, *, goes_on: bool) -> BoxState:
    if box.now:
        # An execution that was stopped leaves no state.
        return "running" if goes_on else "failed"
    if box.worked:
        return "done"
    return "passed" if box.entered else "waiting"


@cache
def _known_steps() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(STEPS.read_text("utf-8"))
    return document
