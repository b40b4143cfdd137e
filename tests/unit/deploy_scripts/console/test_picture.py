"""A run's events become boxes by stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from deploy_scripts.console.machine import Box, draw
from deploy_scripts.operations.runs.executions import Step

BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)
INGESTED = ["Read input", "Claim drop", "Inspect dataset", "Plan training"]


def step(event: Any, state: str, at_s: float, kind: str = "Task", **failure: str) -> Step:
    return Step(event, state, kind, BEGAN + timedelta(seconds=at_s), **failure)


def passed(*states: str) -> list[Step]:
    """Each state takes two seconds."""
    return [
        each
        for number, state in enumerate(states)
        for each in (
            step("entered", state, 2 * number),
            step("succeeded", state, 2 * number + 1),
            step("left", state, 2 * number + 2),
        )
    ]


def boxes(steps: list[Step], status: str = "running", now_s: float = 100) -> dict[str, Box]:
    stages = draw(steps, status=status, now=BEGAN + timedelta(seconds=now_s))
    return {box.title: box for stage in stages for box in stage.boxes}


def test_before_anything_has_happened_all_boxes_wait() -> None:
    stages = draw([], status="running", now=BEGAN)
    assert [stage.title for stage in stages] == ["Ingest", "Train", "Evaluate", "Deploy", "Release", "End"]
    assert {box.state for stage in stages for box in stage.boxes} == {"waiting"}


def test_a_step_at_work_counts_from_when_its_state_was_entered() -> None:
    found = boxes([*passed(*INGESTED), step("entered", "Train on EC2", 8)], now_s=20)
    assert (found["Claim drop"].state, found["Claim drop"].seconds) == ("done", 4)
    train = found["Train on EC2"]
    assert (train.state, train.seconds, train.now) == ("running", 12, "Train on EC2")
    assert found["Judge model"].state == "waiting"


def test_what_there_was_nothing_to_do_for_is_passed() -> None:
    choice = [step("entered", "Canary first?", 8, "Choice"), step("left", "Canary first?", 8, "Choice")]
    assert boxes([*passed(*INGESTED), *choice])["Watch canary"].state == "passed"


def test_a_retry_is_counted_and_an_expected_failure_is_not() -> None:
    steps = [
        step("entered", "Inspect dataset", 0),
        step("failed", "Inspect dataset", 1, error="Lambda.TooManyRequestsException"),
        step("succeeded", "Inspect dataset", 2),
        step("left", "Inspect dataset", 2),
        step("entered", "Read applied capacity", 3),
        step("failed", "Read applied capacity", 4, error="Ssm.ParameterNotFoundException"),
        step("left", "Read applied capacity", 4),
    ]
    found = boxes(steps)
    assert found["Inspect dataset"].tries == 1
    assert found["Acquire deploy lock"].tries == 0


def test_a_failed_run_shows_which_step_failed_and_that_it_was_cleaned_up() -> None:
    failed = [
        step("entered", "Train on SageMaker", 8),
        step("failed", "Train on SageMaker", 9, error="States.TaskFailed"),
        step("left", "Train on SageMaker", 9),
    ]
    found = boxes([*passed(*INGESTED), *failed, *passed("Read failure", "Record outcome")], "failed")
    assert found["Train on SageMaker"].state == "failed"
    assert found["Clean up"].state == "done"
    assert found["Judge model"].state == "waiting"


def test_a_run_that_was_stopped_shows_where() -> None:
    found = boxes([*passed(*INGESTED), step("entered", "Train on SageMaker", 8)], "failed", now_s=20)
    train = found["Train on SageMaker"]
    assert (train.state, train.seconds) == ("failed", 12)
    assert found["Plan training"].state == "done"


def test_a_decision_shows_where_the_run_ended() -> None:
    found = boxes(passed(*INGESTED, "Train on SageMaker", "Judge model", "Record outcome"), "champion_kept")
    assert found["Judge model"].state == "ended"
    assert "Clean up" not in found


def test_what_lies_aside_is_there_for_a_run_that_comes_to_it() -> None:
    assert "Pause and resume" not in boxes(passed(*INGESTED))
    assert boxes(passed("Read input", "Take endpoint down"))["Pause and resume"].state == "done"


def test_a_state_of_another_version_is_left_out() -> None:
    assert boxes(passed("A state of tomorrow"))["Claim drop"].state == "waiting"
