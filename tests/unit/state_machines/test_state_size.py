"""The state is small by construction: what every state adds has a bound, and all of them fit together."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.limits import MAX_SENTENCE_CHARACTERS
from functions.common.errors import bounded_reason
from functions.read_failure.reading import read_failure
from functions.read_input.reading import read_input
from state_machines.training_pipeline import training_pipeline
from tests.support.state_bounds import BOUNDS, STATE_LIMIT_BYTES

STATES: dict[str, Any] = training_pipeline()["States"]


def size_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def assignments() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Assign, with the name of its state."""
    for name, state in STATES.items():
        for part in (state, *state.get("Catch", []), *state.get("Choices", [])):
            if "Assign" in part:
                yield name, part["Assign"]


def test_every_variable_has_a_bound() -> None:
    assert {variable for _, assign in assignments() for variable in assign} == set(BOUNDS)


def test_all_of_it_together_fits_into_a_state() -> None:
    assert sum(BOUNDS.values()) < STATE_LIMIT_BYTES


def test_no_task_keeps_a_whole_answer_that_no_one_bounds() -> None:
    """Of an answer is kept what is needed; a function of this project bounds its own."""
    whole = {name for name, assign in assignments() if "{% $states.result %}" in assign.values()}
    assert whole == {"Read input"}
    payloads = {name for name, assign in assignments() if "{% $states.result.Payload %}" in assign.values()}
    assert {STATES[name]["Resource"] for name in payloads} == {"arn:aws:states:::lambda:invoke"}


def test_the_holder_of_the_lock_is_described_without_its_data() -> None:
    assert STATES["Read lock holder"]["Arguments"]["IncludedData"] == "METADATA_ONLY"


def test_an_error_that_nobody_reads_is_not_kept() -> None:
    unread = ("Delete candidate endpoint", "Release deploy lock", "Notify")
    for name in (*unread, "Read lock holder"):
        assert not any("Assign" in catch for catch in STATES[name]["Catch"])


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
    assert len(bounded_reason(character * 10_000)) <= MAX_SENTENCE_CHARACTERS


def test_the_lock_is_taken_only_from_the_state_in_which_it_was_seen() -> None:
    condition = STATES["Acquire deploy lock"]["Arguments"]["ConditionExpression"]
    for name in ("newest_drop_order_ms", "newest_drop_key", "newest_drop_sequencer"):
        assert f" AND {name} = " in condition
