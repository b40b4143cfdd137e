"""A run on the screen, from wherever it is to its end."""

import shlex
import time
from datetime import datetime

from botocore.exceptions import ClientError
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.logs.hints import log_command
from deploy_scripts.operations.runs.executions import ExecutionFollower, Step
from deploy_scripts.operations.runs.failures import (
    expected_answer,
    is_nothing_to_take_down,
    readable_failure,
)
from deploy_scripts.operations.runs.findings import read_findings, show_findings
from deploy_scripts.operations.runs.ledger import LedgerItem, Run, find_item
from deploy_scripts.operations.runs.training_progress import Ec2Follower, SageMakerFollower, TrainingFollower
from deploy_scripts.screen import Screen
from drops.text import printable

_INSPECTION = "Inspect dataset"
# Of a state's line; the end of a failed run says all of it.
_LONGEST_FAILURE = 200
_GOOD = {"live", "paused", "resumed", "restored"}
# States of these kinds work or wait; the others take no time and would only fill the screen.
_SHOWN_KINDS = {"Task", "Parallel", "Map"}


def watch_run(screen: Screen, deployment: Deployment, item: LedgerItem) -> Run:
    """Follow a run to its end, one line a state; gives the run as the ledger then has it."""
    follower = ExecutionFollower(deployment, item.execution_arn)
    followers = training_followers(deployment, item.run.run_id)
    what = ", ".join(filter(None, (item.run.dataset, item.run.source)))
    screen.say(f"Run {item.run.run_id} ({what})")
    with _progress(screen) as progress:
        view = RunView(screen, progress)
        had_ended = follower.has_ended()
        while True:
            for step in follower.read_new():
                view.show(step)
                if (step.event, step.state) == ("left", _INSPECTION):
                    _show_findings(screen, deployment, item.run.run_id)
            training = followers.get(view.current_state)
            # A log gets no moving line.
            if training and screen.console.is_terminal:
                view.show_training(training)
            if had_ended or follower.ended:
                break
            time.sleep(0.5 if deployment.aws.is_local else 2)
    run = find_item(deployment, item.run.run_id).run
    accuracy = "" if run.accuracy is None else f", test accuracy {run.accuracy:.3f}"
    screen.say(
        f"The run is {run.status}{accuracy}", style="bold green" if run.status in _GOOD else "bold yellow"
    )
    return run


def _show_findings(screen: Screen, deployment: Deployment, run_id: str) -> None:
    """What cannot be read is said: it is no reason to stop watching."""
    try:
        show_findings(screen, read_findings(deployment, run_id))
    except (CliError, ClientError) as error:
        screen.say(f"  The inspection's findings cannot be shown: {error}")


def training_followers(deployment: Deployment, run_id: str) -> dict[str, TrainingFollower]:
    """By the state that trains."""
    on_sagemaker = SageMakerFollower(deployment, run_id)
    return {
        "Train on SageMaker": on_sagemaker,
        "Train on demand": on_sagemaker,
        "Train on EC2": Ec2Follower(deployment, run_id),
    }


def require_live(deployment: Deployment, run: Run) -> None:
    """Raises CliError for a run that did not end with its model live; for a failed one it names the log.

    A pause, resume or rollback that was watched has done what it was to do.
    """
    if run.status in _GOOD:
        return
    advice = advice_on(deployment, find_item(deployment, run.run_id))
    raise CliError(
        f"The run {run.run_id} ended as {run.status}: {run.reason or 'no reason given'}",
        advice,
    )


def advice_on(deployment: Deployment, item: LedgerItem) -> str:
    """What to do about a run that ended without its model live; for a failed one it names the log."""
    run = item.run
    if run.status in _ADVICE:
        return _ADVICE[run.status].format(key=shlex.quote(item.key), run=run.run_id[:8])
    return f"See `{log_command(deployment, item)}`, and all of the run: `dropserve runs {run.run_id[:8]}`."


_ADVICE = {
    "rejected": "Correct the dataset or the overrides and drop it again; what served before serves on.",
    "duplicate": "This drop was handled already. Train on it again: `dropserve run --key {key}`.",
    "champion_kept": "What served before serves on. Release this one: `dropserve run --key {key} --force`.",
    "superseded": "Train on this drop again: `dropserve run --key {key}`.",
    "rolled_back": "What served before serves again; `dropserve runs {run}` has all of the run.",
    "blocked": "The audit stopped the release: `dropserve audit` tells what to correct.",
}


class RunView:
    """Finished states become lines; the one at work is the moving line below them."""

    def __init__(self, screen: Screen, progress: Progress) -> None:
        self._screen = screen
        self._progress = progress
        self._task: TaskID = progress.add_task("starting", total=None)
        self._entered: dict[str, datetime] = {}
        self._said: set[tuple[str, str]] = set()
        self._failed = False
        self.current_state = ""

    def show(self, step: Step) -> None:
        if step.kind not in _SHOWN_KINDS:
            return
        if step.event == "entered":
            self._entered[step.state] = step.at
            self._failed = False
            self.current_state = step.state
            # A task that once had a total cannot lose it: a new one for each state.
            self._progress.remove_task(self._task)
            self._task = self._progress.add_task(step.state, total=None)
        elif step.event == "failed":
            self._failed = True
            if answer := expected_answer(step.state, step.error):
                self._line("·", "dim", step.state, answer)
            elif not is_nothing_to_take_down(step.state, step.cause):
                failure = printable(readable_failure(step.error, step.cause), _LONGEST_FAILURE)
                self._line("!", "yellow", step.state, failure)
        elif step.event == "succeeded":
            self._failed = False
        else:
            # A state is left after a caught error too; its line has been said.
            if not self._failed:
                took_s = (step.at - self._entered.get(step.state, step.at)).total_seconds()
                self._line("✓", "green", step.state, f"{took_s:6.1f} s")
            self.current_state = ""

    def show_training(self, training: TrainingFollower) -> None:
        found = training.read()
        if found:
            self._progress.update(self._task, description=found.text, completed=found.done, total=found.total)

    def _line(self, mark: str, style: str, state: str, rest: str) -> None:
        """A state that is passed again and again (a poll) is one line."""
        if (mark, state) not in self._said:
            self._said.add((mark, state))
            self._screen.mark(mark, style, f"{state:<34} {rest}")


def _progress(screen: Screen) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=screen.console,
        transient=True,
        disable=not screen.console.is_terminal,
    )
