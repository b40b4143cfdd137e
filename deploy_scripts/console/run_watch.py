"""A run as its page shows it, read step by step while it goes on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from contracts.bucket import INSPECTION, METRICS, PLAN, run_key
from deploy_scripts.console.machine import Stage, draw
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.runs.executions import ExecutionFollower, Step
from deploy_scripts.operations.runs.findings import Finding, read_findings
from deploy_scripts.operations.runs.ledger import LedgerItem, read_item
from deploy_scripts.operations.runs.story import StateTime, list_reports, state_times
from deploy_scripts.operations.runs.training_progress import Epoch, TrainingProgress
from deploy_scripts.operations.runs.watching import advice_on, training_followers
from deploy_scripts.operations.s3_documents import read_json

_GOOD = {"running", "live", "replaced", "paused", "resumed", "restored"}


@dataclass(frozen=True)
class Sight:
    """A run at one moment. `reports` are names of files; `plan` is plan.json, or None yet."""

    item: LedgerItem
    stages: Sequence[Stage]
    states: Sequence[StateTime]
    ended: bool
    advice: str = ""
    findings: Sequence[Finding] = ()
    plan: Any = None
    reports: Sequence[str] = ()
    training: TrainingProgress | None = None
    epochs: Sequence[Epoch] = ()
    lines: Sequence[str] = ()
    problem: str = ""


class RunWatch:
    """Reads what is new of one run; what it has read stays. May be asked from any thread."""

    def __init__(self, deployment: Deployment, run_id: str) -> None:
        self._deployment = deployment
        self._run_id = run_id
        self._lock = threading.Lock()
        self._follower: ExecutionFollower | None = None
        self._steps: list[Step] = []
        self._followers = training_followers(deployment, run_id)
        self._read_after: dict[str, int] = {}
        self._documents: dict[str, Any] = {}
        self._last: Sight | None = None

    def look(self) -> Sight:
        """The run as it is now. Raises CliError when there is no such run."""
        with self._lock:
            item = read_item(self._deployment, self._run_id)
            if self._last and self._last.ended:
                # A run that has ended can still be replaced, rolled back or live again.
                if item.run != self._last.item.run:
                    self._last = self._see(item, ended=True)
                return self._last
            ended = self._read_steps(item)
            if ended:
                # It may have ended since the ledger was read.
                item = read_item(self._deployment, self._run_id)
            self._last = self._see(item, ended=ended)
            return self._last

    def _read_steps(self, item: LedgerItem) -> bool:
        """Whether the execution has ended; one that AWS does not know any more has (after 90 days)."""
        if self._follower is None:
            self._follower = ExecutionFollower(self._deployment, item.execution_arn)
        try:
            # Asked first: what happens between the two is then not lost.
            had_ended = item.run.status != "running" and self._follower.has_ended()
            self._steps += self._follower.read_new()
        except ClientError as error:
            if not is_error(error, "ExecutionDoesNotExist", "InvalidArn"):
                raise
            return True
        return had_ended or self._follower.ended

    def _see(self, item: LedgerItem, *, ended: bool) -> Sight:
        status, problem = item.run.status, ""
        training, epochs, lines = self._look_at_training()
        try:
            self._read_documents(ended=ended)
        except (CliError, ClientError) as error:
            problem = str(error)
        history = self._documents.get("history")
        return Sight(
            item=item,
            stages=draw(self._steps, status=status, now=_end_of(item) or datetime.now(UTC)),
            states=state_times(self._steps),
            ended=ended,
            advice="" if status in _GOOD else advice_on(self._deployment, item),
            findings=self._documents.get("findings", ()),
            plan=self._documents.get("plan"),
            reports=self._documents.get("reports", ()),
            training=training,
            epochs=history or epochs,
            lines=lines,
            problem=problem,
        )

    def _look_at_training(self) -> tuple[TrainingProgress | None, list[Epoch], list[str]]:
        """Read while the training runs, and once more after it."""
        events = [step for step in self._steps if step.state in self._followers]
        if not events:
            return None, [], []
        follower, count = self._followers[events[-1].state], len(events)
        if self._is_new("training", count) or events[-1].event != "left":
            self._documents["training"] = follower.read()
        log = follower.log
        return (
            self._documents.get("training"),
            [log.epochs[each] for each in sorted(log.epochs)],
            list(log.lines),
        )

    def _read_documents(self, *, ended: bool) -> None:
        """Each when the run has come so far that it may be there."""
        left = sum(step.event == "left" and step.kind == "Task" for step in self._steps)
        if not self._is_new("reports", left + ended):
            return
        there = [uri.rpartition("/")[2] for uri in list_reports(self._deployment, self._run_id)]
        self._documents["reports"] = there
        if INSPECTION in there and "findings" not in self._documents:
            self._documents["findings"] = read_findings(self._deployment, self._run_id)
        if PLAN in there and "plan" not in self._documents:
            self._documents["plan"] = self._read(PLAN)
        if METRICS in there and "history" not in self._documents:
            self._documents["history"] = [
                Epoch(each["epoch"], each["train_loss"], each["valid_accuracy"])
                for each in self._read(METRICS).get("history", [])
            ]

    def _read(self, name: str) -> dict[str, Any]:
        return read_json(self._deployment, f"s3://{self._deployment.bucket}/{run_key(self._run_id, name)}")

    def _is_new(self, what: str, count: int) -> bool:
        """Whether more has happened than when it was last asked."""
        is_new = self._read_after.get(what) != count
        self._read_after[what] = count
        return is_new


def _end_of(item: LedgerItem) -> datetime | None:
    try:
        return datetime.fromisoformat(item.run.ended_at or "")
    except ValueError:
        return None
