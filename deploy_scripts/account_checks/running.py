"""Runs every confirmation in turn, and takes away what was made, whatever happens."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from deploy_scripts.account_checks import changing, releasing, removal, serving, stopping
from deploy_scripts.account_checks.confirmation import Confirmation, Outcome
from deploy_scripts.account_checks.trial import NotPossibleError, Trial
from deploy_scripts.errors import explain

CONFIRMATIONS = (
    *releasing.CONFIRMATIONS,
    *serving.CONFIRMATIONS,
    *changing.CONFIRMATIONS,
    *stopping.CONFIRMATIONS,
)
REMOVAL = removal.CONFIRMATIONS
_STOPPED = "it was stopped by hand"


@dataclass
class Results:
    """`left` is None where it could not be told what is left."""

    outcomes: list[Outcome] = field(default_factory=list)
    left: list[str] | None = None

    @property
    def failed(self) -> list[Outcome]:
        return [each for each in self.outcomes if each.status == "failed"]


def confirm_all(
    trial: Trial,
    *,
    done: Callable[[Outcome], None],
    confirmations: Iterable[Confirmation] = CONFIRMATIONS,
    removal_steps: Iterable[Confirmation] = REMOVAL,
) -> Results:
    """Every confirmation and then the removal; `done` hears of each. An interrupt goes on to the removal.

    An interrupt in the removal ends that step, and what is left is told.
    """
    results = Results()

    def add(outcome: Outcome) -> None:
        results.outcomes.append(outcome)
        done(outcome)

    not_run = ""
    for each in confirmations:
        if not not_run and time.monotonic() > trial.deadline:
            not_run = "the time for all ended"
        if not_run:
            add(Outcome(each.name, each.confirms, "not run", not_run))
            continue
        outcome, was_stopped = _attempt(each, trial, results)
        add(outcome)
        not_run = _STOPPED if was_stopped else ""
    for each in removal_steps:
        add(_attempt(each, trial, results)[0])
    return results


def _attempt(confirmation: Confirmation, trial: Trial, results: Results) -> tuple[Outcome, bool]:
    """The outcome, and whether it was interrupted."""
    trial.say(confirmation.name)
    begun = time.monotonic()
    outcome = Outcome(
        confirmation.name,
        confirmation.confirms,
        "ok",
        "",
        confirmation.open_locally if trial.aws.is_local else "",
    )
    was_stopped = False
    try:
        outcome = replace(outcome, told=confirmation.run(trial))
        if confirmation.run is removal.CONFIRMATIONS[-1].run:
            results.left = []
    except NotPossibleError as error:
        outcome = replace(outcome, status="not run", told=str(error), open="")
    except KeyboardInterrupt:
        outcome, was_stopped = replace(outcome, status="failed", told=_STOPPED), True
    except removal.LeftError as error:
        results.left = error.left
        outcome = replace(outcome, status="failed", told=error.message)
    except Exception as error:  # noqa: BLE001 - whatever AWS does otherwise is the finding
        told = explain(error)
        outcome = replace(
            outcome, status="failed", told=" ".join([told.message, *told.details, told.advice]).strip()
        )
    return replace(outcome, seconds=round(time.monotonic() - begun, 1)), was_stopped
