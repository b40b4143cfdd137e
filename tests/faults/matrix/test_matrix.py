"""A few of the cases of `make faults`, and that they see when a guard of the workflow is taken out."""

from typing import Any

import pytest

from tests.faults.matrix.cases.case import tasks
from tests.faults.matrix.cases.listing import case_named
from tests.faults.matrix.results import PROPERTY
from tests.faults.matrix.stories import story_of

pytestmark = [pytest.mark.cloud, pytest.mark.extended]

Definition = dict[str, Any]

# One a kind, spread over the stages.
SAMPLE = (
    "throttled once: Judge model",
    "loses its answer once: Create model",
    "refused: Create endpoint",
    "answers late: Switch live endpoint",
    "stopped: Record newest drop",
    "dynamodb is away from: Record outcome",
    "training dies half way: Train on SageMaker",
    "stopped while another run waits: Accept model",
)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_case_ends_as_it_has_to(trials: Any, name: str) -> None:
    assert trials.run(case_named(name)).problems == []


def without_retry(definition: Definition) -> None:
    del definition["States"]["Judge model"]["Retry"]


def without_teardown(definition: Definition) -> None:
    del definition["States"]["Release begun?"]["Choices"]


def without_restoring(definition: Definition) -> None:
    definition["States"]["Switch live endpoint"]["Catch"][0]["Next"] = "Read failure"


def without_clean_up(definition: Definition) -> None:
    del definition["States"]["Run unfinished?"]["Choices"]


GUARDS = {
    without_retry: "a Retry",
    without_teardown: "the teardown of a candidate",
    without_restoring: "the way back of the switch",
    without_clean_up: "the clean-up after an execution that was stopped",
}


@pytest.mark.parametrize(
    ("name", "broken", "seen"),
    [
        ("throttled once: Judge model", without_retry, "the run ended as failed"),
        ("refused: Accept model", without_teardown, "is left"),
        ("answers late: Switch live endpoint", without_restoring, "is live instead of"),
        ("stopped: Audit IAM", without_clean_up, "the ledger says running"),
    ],
)
def test_a_case_is_red_without_the_guard(
    trials: Any, name: str, broken: Any, seen: str, record_property: Any
) -> None:
    problems = trials.run(case_named(name), broken=broken).problems
    red = any(seen in problem for problem in problems)
    told = {"guard": GUARDS[broken], "case": name, "red": red, "of": len(GUARDS)}
    record_property(PROPERTY, ("guards", told))
    assert red, problems


def test_some_story_comes_to_every_task() -> None:
    for state in tasks():
        assert state in story_of(state).states
