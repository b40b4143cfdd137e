"""The state is small by construction: what every state adds has a bound, and all of them fit together."""

import json
from typing import Any

import pytest

from functions.common.reasons import MAX_REASON_CHARACTERS, bounded_reason
from functions.read_failure.reading import read_failure
from functions.read_input.reading import read_input
from state_machines.training_pipeline import training_pipeline
from tests.support.state_bounds import BOUNDS, STATE_LIMIT_BYTES

STATES: dict[str, Any] = training_pipeline()["States"]


def size_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def written_paths() -> set[str]:
    """The top-level fields that some state writes."""
    found: set[str] = set()
    for state in STATES.values():
        paths = [state.get("ResultPath"), *(catch.get("ResultPath") for catch in state.get("Catch", []))]
        found |= {path.removeprefix("$.").split(".")[0] for path in paths if path and path != "$"}
    return found | set(BOUNDS_OF_NAME_RUN)


# What "Name run" makes of the input; the state before it is gone then.
BOUNDS_OF_NAME_RUN = {name.removesuffix(".$") for name in STATES["Name run"]["Parameters"]}


def test_everything_that_a_state_writes_has_a_bound() -> None:
    assert written_paths() - {"complete"} == set(BOUNDS)


def test_all_of_it_together_fits_into_a_state() -> None:
    assert sum(BOUNDS.values()) < STATE_LIMIT_BYTES


def test_no_pass_of_a_task_keeps_a_whole_answer_that_no_one_bounds() -> None:
    """An answer is selected from, but where it is a short description of one thing."""
    whole = {
        name
        for name, state in STATES.items()
        if state["Type"] == "Task" and state.get("ResultPath", "$") and "ResultSelector" not in state
    }
    assert whole == {
        "Read input",
        "Count live instances",
        "Describe endpoint",
        "Read provisioned concurrency",
        "Take deploy lock",
        "Read current version",
        "Read current version again",
    }


def test_the_holder_of_the_lock_is_described_without_its_data() -> None:
    assert STATES["Look at holder"]["Parameters"]["IncludedData"] == "METADATA_ONLY"


def test_an_error_that_nobody_reads_is_not_kept() -> None:
    for name in ("Find candidate endpoint", "Give lock back", "Record outcome", "Notify", "Look at holder"):
        assert [catch["ResultPath"] for catch in STATES[name]["Catch"]] == [None]


@pytest.mark.parametrize("character", ["x", '"', "\x1b", "\N{DOG FACE}", "\U000e0001", "\n"])
def test_what_functions_answer_about_the_longest_texts_is_within_its_bounds(character: str) -> None:
    for given in (
        {"key": character * 200_000},
        {"key": "drops/x.zip", character * 200_000: 1},
        {"key": character * (1024 // len(character.encode())), "version_id": character * 200},
        {"key": "drops/x.zip", "hyperparameters": {"epochs": character * 600}},
    ):
        assert size_bytes(read_input(given)) <= BOUNDS["input"]
    answer = read_failure({"Error": character * 256, "Cause": character * 32_768})
    assert size_bytes({"answer": answer}) <= BOUNDS["error"] // 20
    assert len(bounded_reason(character * 10_000)) <= MAX_REASON_CHARACTERS


def test_the_lock_is_taken_only_from_the_state_in_which_it_was_seen() -> None:
    condition = STATES["Take deploy lock"]["Parameters"]["ConditionExpression"]
    for name in ("newest_drop_order_ms", "newest_drop_key", "newest_drop_sequencer"):
        assert f" AND {name} = " in condition
