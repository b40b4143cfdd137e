"""Whatever a confirmation does, those after it are told, and what was made is removed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.account_checks.confirmation import Confirmation, Outcome
from deploy_scripts.account_checks.page import PAGE, page_with_confirmations
from deploy_scripts.account_checks.running import CONFIRMATIONS, REMOVAL, confirm_all
from deploy_scripts.account_checks.trial import NotPossibleError, Trial
from deploy_scripts.aws import Aws, Target
from deploy_scripts.errors import CliError

ANYWHERE = Path("anywhere")


def trial_on(endpoint_url: str | None, *, left_s: float = 60.0) -> Trial:
    session: Any = type("Session", (), {"region_name": "us-east-1"})()
    aws = Aws(session, target=Target(stack="verify-x"), endpoint_url=endpoint_url)
    return Trial(aws, ANYWHERE, ANYWHERE, ANYWHERE, time.monotonic() + left_s, lambda _: None)


def confirmation(name: str, run: Callable[[Trial], str]) -> Confirmation:
    return Confirmation(name, f"That {name} works", run, "what the cloud does")


def raising(error: BaseException) -> Callable[[Trial], str]:
    def run(_trial: Trial) -> str:
        raise error

    return run


def seen(_trial: Trial) -> str:
    return "it was seen"


def removed(trial: Trial) -> str:
    trial.left = []
    return "gone"


REMOVE = confirmation("remove", removed)


def confirm(trial: Trial, *confirmations: Confirmation, removal: Confirmation = REMOVE) -> list[Outcome]:
    heard: list[Outcome] = []
    outcomes = confirm_all(trial, done=heard.append, confirmations=confirmations, removal_steps=(removal,))
    assert heard == outcomes
    return outcomes


def told(outcomes: list[Outcome]) -> list[tuple[str, str, str]]:
    return [(each.name, each.status, each.told) for each in outcomes]


def test_a_failure_and_an_impossibility_stop_nothing() -> None:
    trial = trial_on(None)
    outcomes = confirm(
        trial,
        confirmation("a", raising(CliError("It is red.", "Paint it.", ["the door"]))),
        confirmation("b", raising(NotPossibleError("nothing is deployed"))),
        confirmation("c", raising(ZeroDivisionError("by zero"))),
        confirmation("d", seen),
    )
    assert told(outcomes)[:2] == [
        ("a", "failed", "It is red. the door Paint it."),
        ("b", "not run", "nothing is deployed"),
    ]
    assert outcomes[2].status == "failed" and "ZeroDivisionError: by zero" in outcomes[2].told
    assert told(outcomes)[3:] == [("d", "ok", "it was seen"), ("remove", "ok", "gone")]
    assert trial.left == []


@pytest.mark.parametrize(("endpoint", "open_"), [(None, ""), ("http://127.0.0.1:1", "what the cloud does")])
def test_only_a_local_run_leaves_something_open(endpoint: str | None, open_: str) -> None:
    assert [each.open for each in confirm(trial_on(endpoint), confirmation("a", seen))] == [open_, open_]


def test_what_failed_leaves_nothing_open() -> None:
    failed = confirmation("a", raising(CliError("no")))
    assert confirm(trial_on("http://127.0.0.1:1"), failed)[0].open == ""


def test_an_interrupt_goes_on_to_the_removal() -> None:
    outcomes = confirm(
        trial_on(None),
        confirmation("a", seen),
        confirmation("b", raising(KeyboardInterrupt())),
        confirmation("c", seen),
    )
    assert told(outcomes) == [
        ("a", "ok", "it was seen"),
        ("b", "not run", "it was stopped by hand"),
        ("c", "not run", "it was stopped by hand"),
        ("remove", "ok", "gone"),
    ]


def test_after_an_interrupted_removal_it_is_not_known_what_is_left() -> None:
    trial = trial_on(None)
    removal = confirmation("remove", raising(KeyboardInterrupt()))
    assert told(confirm(trial, removal=removal)) == [("remove", "failed", "it was stopped by hand")]
    assert trial.left is None


def test_after_the_time_for_all_only_the_removal_runs() -> None:
    outcomes = confirm(trial_on(None, left_s=-1), confirmation("a", seen))
    assert told(outcomes) == [("a", "not run", "the time for all ended"), ("remove", "ok", "gone")]


def test_a_wait_ends_with_the_time_for_all() -> None:
    with pytest.raises(CliError, match="The end did not come"):
        trial_on("http://127.0.0.1:1", left_s=-1).until(lambda: None, "The end", 600)


def test_without_a_deployment_nothing_but_the_deployment_can_be_told() -> None:
    trial = trial_on(None)
    outcomes = confirm_all(trial, done=lambda _: None, confirmations=CONFIRMATIONS[1:], removal_steps=())
    assert {each.status for each in outcomes} == {"not run"}
    assert {each.told for each in outcomes} == {"nothing is deployed", "no drop began a run"}


def test_every_confirmation_has_a_name_of_its_own_and_a_sentence() -> None:
    names = [each.name for each in (*CONFIRMATIONS, *REMOVAL)]
    assert len(set(names)) == len(names)
    assert not any(each.confirms.endswith(".") for each in (*CONFIRMATIONS, *REMOVAL))


def test_the_page_lists_what_is_confirmed() -> None:
    """Run: python -m deploy_scripts.account_checks.page."""
    text = PAGE.read_text("utf-8")
    assert text == page_with_confirmations(text)
    assert all(f"| `{each.name}` |" in text for each in (*CONFIRMATIONS, *REMOVAL))
