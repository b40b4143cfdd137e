"""A change of what is live, as far as it has come: the states of its execution, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.runs.executions import ExecutionFollower, Step
from deploy_scripts.operations.runs.ledger import Run
from deploy_scripts.operations.runs.story import StateTime, state_times

_TITLES = {"rollback": "Rollback", "pause": "Pause", "resume": "Resume"}


@dataclass(frozen=True)
class ChangeView:
    """`current` is the state at work, since `current_s`; empty between two, and at the end."""

    title: str
    run: Run
    states: Sequence[StateTime]
    current: str
    current_s: float

    @property
    def is_running(self) -> bool:
        return self.run.status == "running"


class ChangeStates:
    """Follows one execution; what it did before is read once."""

    def __init__(self, deployment: Deployment, execution_arn: str) -> None:
        self._follower = ExecutionFollower(deployment, execution_arn)
        self._steps: list[Step] = []

    def view_of(self, run: Run) -> ChangeView:
        """Of an execution that AWS does not know any more, no states."""
        try:
            self._steps += self._follower.read_new()
        except ClientError as error:
            if not is_error(error, "ExecutionDoesNotExist", "InvalidArn"):
                raise
        entered = self._at_work() if run.status == "running" else None
        return ChangeView(
            title=_TITLES.get(run.source, f"Release of {run.dataset}"),
            run=run,
            states=state_times(self._steps),
            current=entered.state if entered else "",
            current_s=(datetime.now(UTC) - entered.at).total_seconds() if entered else 0.0,
        )

    def _at_work(self) -> Step | None:
        """The state that was entered last, if it has not been left."""
        for step in reversed(self._steps):
            if step.event == "entered":
                return step
            if step.event == "left":
                return None
        return None
