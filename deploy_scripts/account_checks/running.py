"""Runs every confirmation in turn, and takes away what was made, whatever happens."""

import time
from collections.abc import Callable, Sequence

from deploy_scripts.account_checks import changing, releasing, removal, serving, stopping
from deploy_scripts.account_checks.confirmation import Confirmation, Outcome, Status
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


def confirm_all(
    trial: Trial,
    *,
    done: Callable[[Outcome], None],
    confirmations: Sequence[Confirmation] = CONFIRMATIONS,
    removal_steps: Sequence[Confirmation] = REMOVAL,
) -> list[Outcome]:
    """Every confirmation, and then the removal; `done` hears of each outcome.

    An interrupt goes on to the removal; one in the removal ends that step. `trial.left` is what is left then.
    """
    outcomes: list[Outcome] = []

    def add(outcome: Outcome) -> None:
        outcomes.append(outcome)
        done(outcome)

    why_not_run = _STOPPED
    try:
        for each in confirmations:
            if time.monotonic() > trial.deadline:
                why_not_run = "the time for all ended"
                break
            add(_attempt(each, trial))
    except KeyboardInterrupt:
        trial.say("Stopped: removing what was made")
    for each in confirmations[len(outcomes) :]:
        add(Outcome(each.name, each.confirms, "not run", why_not_run))
    for each in removal_steps:
        try:
            add(_attempt(each, trial))
        except KeyboardInterrupt:
            add(Outcome(each.name, each.confirms, "failed", _STOPPED))
    return outcomes


def _attempt(confirmation: Confirmation, trial: Trial) -> Outcome:
    trial.say(confirmation.name)
    begun = time.monotonic()
    status: Status = "ok"
    try:
        told = confirmation.run(trial)
    except NotPossibleError as error:
        status, told = "not run", str(error)
    except Exception as error:  # noqa: BLE001 - whatever AWS does otherwise is the finding
        fault = explain(error)
        status, told = "failed", " ".join([fault.message, *fault.details, fault.advice]).strip()
    is_open = trial.aws.is_local and status == "ok"
    return Outcome(
        confirmation.name,
        confirmation.confirms,
        status,
        told,
        confirmation.open_locally if is_open else "",
        round(time.monotonic() - begun, 1),
    )
