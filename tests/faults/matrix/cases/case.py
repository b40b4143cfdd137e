"""One case, and how it is made of a fault that meets a Task."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from deploy_scripts.project import STATE_MACHINE
from tests.faults.matrix.apis import Api
from tests.faults.matrix.cases.endings import RECORD, statuses
from tests.faults.matrix.injection import Fault
from tests.faults.matrix.stories import Story


@dataclass(frozen=True)
class Case:
    """`state` is met by a fault of this `kind` in the execution that the story is about."""

    kind: str
    state: str
    story: Story
    statuses: frozenset[str]
    """One of which the run has in the ledger at the end; "" where the ledger may not have it."""
    faults: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    prepare: Callable[[Any], None] | None = None
    """Called with the deployment after the story has begun."""
    leaves: bool = False
    """Something is not to be removed, or both releases stay: those, and no more."""
    silent: bool = False
    """Nobody can be told."""
    waiter: bool = False
    """A second drop waits for the lock that the first run holds meanwhile."""
    trains_once: bool = False
    """One training job of the run comes to its end, and every other one was stopped."""

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.state}"

    @property
    def is_run_again(self) -> bool:
        """Whether the drop is run once more after it: once a state, after the hardest of its faults."""
        return self.story.both_stay or self.kind not in ("refused", "answers late")


@cache
def definition() -> dict[str, Any]:
    """The rendered state machine."""
    read: dict[str, Any] = json.loads(STATE_MACHINE.read_text("utf-8"))
    return read


def tasks() -> dict[str, dict[str, Any]]:
    """Every Task state, by its name."""
    return {name: state for name, state in definition()["States"].items() if state["Type"] == "Task"}


def case_of(
    kind: str,
    state: str,
    story: Story,
    fate: str,
    fault: Fault,
    *,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
) -> Case:
    """`fate`: the run recovers, fails or ends there, unless the state is one that does otherwise."""
    # A fault of the story itself comes after the case's.
    faults = {name: (base,) for name, base in story.faults.items()}
    faults[state] = (fault, *faults.get(state, ()))
    refused = fate == "fails" and fault.effect == "refuse"
    return Case(
        kind,
        state,
        story,
        frozenset(statuses(story, state, fate, answered=fault.effect != "refuse")),
        faults,
        {**story.changes, **(changes or {})},
        leaves=story.both_stay or (refused and Api.of(tasks()[state]["Resource"]).removes),
        # What ends between the ledger and the topic is not told again.
        silent=(fate == "ends" and state == RECORD)
        or (refused and tasks()[state]["Resource"].startswith("arn:aws:states:::sns:")),
    )


def own_faults(story: Story) -> dict[str, tuple[Fault, ...]]:
    """What goes wrong in the story by itself."""
    return {name: (fault,) for name, fault in story.faults.items()}


def plan(given: Mapping[str, str], *, limit_s: int = 3, **changes: Any) -> Callable[[Any], None]:
    """Gives the trainings these hyperparameters, and the plan its `changes`."""

    def prepare(deployment: Any) -> None:
        usual = deployment.answers["PlanTrainingFunction"]
        limits = {"stopping_condition": {**usual["stopping_condition"], "MaxRuntimeInSeconds": limit_s}}
        told = {**usual["hyperparameters"], **given}
        deployment.change("PlanTrainingFunction", **{**limits, **changes, "hyperparameters": told})

    return prepare
