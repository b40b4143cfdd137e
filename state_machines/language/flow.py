"""States put one after the other, in the order in which a run comes to them."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from state_machines.language.sdk import Assign, State, Task
from state_machines.language.tasks import catch


@dataclass(frozen=True)
class Stage:
    """States with one way in; each of `exits` is told which state follows."""

    start: State
    exits: tuple[Callable[[State], Any], ...]


def in_order(*parts: Stage | State) -> Stage:
    """All the parts as one: each part's exits lead to the next part. A Choice goes on by its default."""
    stages = [part if isinstance(part, Stage) else Stage(part, (part.next,)) for part in parts]
    for stage, following in itertools.pairwise(stages):
        for leave in stage.exits:
            leave(following.start)
    return Stage(stages[0].start, stages[-1].exits)


def best_effort(task: Task, on_error: Assign | None = None) -> Stage:
    """A Task, made with `on_error` None, that is followed by the same state whether it succeeds or not."""
    return Stage(task, (task.next, lambda following: task.add_catch(catch(following, assign=on_error))))
