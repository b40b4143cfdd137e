"""The rendered workflow: fresh, valid for every API that it calls, and bounded everywhere."""

import copy
import json
from typing import Any

import pytest

from state_machines.parameters import parameter_problems
from state_machines.render import ASL_FILE, PICTURE, picture_in, rendered
from state_machines.training_pipeline import training_pipeline

DEFINITION = training_pipeline()
STATES: dict[str, Any] = DEFINITION["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def targets(state: dict[str, Any]) -> set[str]:
    branches = [*state.get("Choices", []), *state.get("Catch", [])]
    found = {state.get("Next"), state.get("Default"), *(branch["Next"] for branch in branches)}
    return {name for name in found if name}


def reachable(start: str) -> set[str]:
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(targets(STATES[name]))
    return seen


def test_the_committed_file_is_what_the_code_renders() -> None:
    assert ASL_FILE.read_text() == rendered(), "run: python -m state_machines.render"


def test_the_picture_is_the_workflows() -> None:
    assert picture_in(PICTURE.read_text()) == PICTURE.read_text(), "run: python -m state_machines.render"


def test_rendering_twice_gives_the_same_text() -> None:
    assert rendered() == rendered()


def test_every_parameter_fits_the_api_that_its_task_calls() -> None:
    assert parameter_problems(DEFINITION) == []


@pytest.mark.parametrize(
    ("task", "change", "problem"),
    [
        ("Create model", {"ModelNam": "x"}, "ModelNam is not a parameter"),
        ("Create endpoint", {"EndpointName.$": "States.MathAdd(1, 2)"}, "EndpointName takes a string"),
        ("Register scaling target", {"ServiceNamespace": "sagemakr"}, "ServiceNamespace is 'sagemakr'"),
        ("Train on EC2", {"MinCount": "1"}, "MinCount takes a integer"),
    ],
)
def test_a_wrong_parameter_is_named(task: str, change: dict[str, Any], problem: str) -> None:
    definition = copy.deepcopy(DEFINITION)
    definition["States"][task]["Parameters"].update(change)
    found = parameter_problems(definition)
    assert len(found) == 1
    assert found[0].startswith(f"{task}: {problem}")


def test_a_missing_parameter_is_named() -> None:
    definition = copy.deepcopy(DEFINITION)
    del definition["States"]["Create endpoint configuration"]["Parameters"]["ProductionVariants"]
    assert parameter_problems(definition) == ["Create endpoint configuration: ProductionVariants is missing"]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_timeout_a_bounded_retry_with_jitter_and_a_catch(name: str) -> None:
    task = TASKS[name]
    assert task["TimeoutSeconds"] > 0
    assert task["Retry"]
    for retrier in task["Retry"]:
        assert 0 < retrier["MaxAttempts"] <= 20
        assert retrier["JitterStrategy"] == "FULL"
        assert retrier["MaxDelaySeconds"] <= 600
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_every_state_is_reachable_and_every_path_can_end() -> None:
    assert reachable(DEFINITION["StartAt"]) == set(STATES)
    ends = {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")}
    for name in STATES:
        assert reachable(name) & ends


def test_every_loop_that_waits_counts_its_rounds() -> None:
    waits = {name for name, state in STATES.items() if state["Type"] == "Wait" and name in loops()}
    assert waits == {
        "Wait for photos",
        "Wait for lock",
        "Wait for endpoint",
        "Wait for provisioned concurrency",
    }
    for name in waits:
        count = "$.arrival.waits" if name == "Wait for photos" else "$.polls.count"
        counter = STATES[STATES[name]["Next"]]
        assert f"States.MathAdd({count}, 1)" in json.dumps(counter)


def loops() -> set[str]:
    return {name for name in STATES if any(name in reachable(target) for target in targets(STATES[name]))}


def test_before_the_switch_an_error_cleans_up_and_after_it_none_does() -> None:
    before = [name for name in TASKS if "Expose" in reachable(name) and name != "Expose"]
    # Without an answer there is no newer version to give way to.
    newer_version_answers = {"Inspect dataset", "Read live release"}
    for name in before:
        any_error = TASKS[name]["Catch"][-1]["Next"]
        # Some calls may fail without harm: their answers only choose what comes next.
        harmless = {"Wait for lock", "Start with the minimum", *newer_version_answers}
        assert any_error in {"Read failure", "Was it on spot?", "Note unread input", *harmless}
    assert "Delete candidate endpoint" in reachable("Note failure")
    for name in reachable("Note newest drop"):
        assert "candidate" not in name


def test_a_failed_switch_points_back_before_the_candidate_is_taken_down() -> None:
    assert [catch["Next"] for catch in STATES["Expose"]["Catch"]] == ["Point back"]
    assert [catch["Next"] for catch in STATES["Point back"]["Catch"]] == ["Read unclear failure"]
    assert "Leave both endpoints" in reachable("Read unclear failure")
    assert "Delete candidate endpoint" not in reachable("Read unclear failure")
    assert "Delete candidate endpoint" in reachable(STATES["Point back"]["Next"])


ENDINGS_WITH_LOCK = [
    *("Note failure", "Note unread failure", "Block release", "Declare live", "Keep champion"),
    *("Give way", "Give way to newer version"),
]


@pytest.mark.parametrize("ending", ENDINGS_WITH_LOCK)
def test_whoever_may_hold_the_lock_gives_it_back(ending: str) -> None:
    assert "Give lock back" in reachable(ending)


def test_a_retried_training_job_never_reuses_its_name() -> None:
    assert "$$.State.RetryCount" in TASKS["Train on SageMaker"]["Parameters"]["TrainingJobName.$"]
    assert "$$.State.RetryCount" in TASKS["Train on EC2"]["Parameters"]["ClientToken.$"]
