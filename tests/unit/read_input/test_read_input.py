"""An execution's input: followed when it can be, and otherwise refused in one sentence."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from contracts.workflow import OVERRIDES
from functions.read_input.handler import handler
from functions.read_input.reading import MAX_OVERRIDES_BYTES, read_input

KEY = "drops/dogs.zip"
# What the rule of the template sends.
EVENT = {
    "source": "drop",
    "idempotency_token": "one-run-a-version",
    "bucket": "dropserve-000000000000-us-east-1",
    "key": KEY,
    "version_id": "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
    "sequencer": "0064d3901D00059242",
    "event_time": "2026-11-22T08:30:00Z",
}


def test_a_key_is_enough() -> None:
    answer = read_input({"key": KEY})
    assert answer["accepted"]
    assert answer["run"] == {
        "source": "manual",
        "key": KEY,
        "version_id": "",
        "sequencer": "",
        "event_time": "",
    }
    assert answer["overrides"] == {}


def test_what_the_rule_sends_is_taken_with_its_sequencer_padded() -> None:
    answer = read_input(EVENT)
    assert answer["run"] == {**EVENT, "sequencer": "00000000000000" + "0064D3901D00059242"}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("0064D3901D00059242", "0064D3901D00059243"), ("9", "10"), ("ff", "0FFF"), ("0a", "B")],
)
def test_padded_sequencers_are_ordered_as_the_numbers_that_they_are(earlier: str, later: str) -> None:
    first, second = (
        read_input({**EVENT, "sequencer": text})["run"]["sequencer"] for text in (earlier, later)
    )
    assert first < second


def test_an_event_without_version_or_sequencer_is_taken() -> None:
    answer = read_input({**EVENT, "version_id": "", "sequencer": "", "event_time": ""})
    assert answer["accepted"]
    assert answer["run"]["sequencer"] == ""


def test_overrides_are_handed_on_as_they_are() -> None:
    overrides = {"backend": None, "hyperparameters": "not an object", "force": True}
    assert read_input({"key": KEY, **overrides})["overrides"] == overrides


BAD = [
    ({}, "the input has no key: start me with"),
    (None, "the input is null, not an object"),
    ("drops/dogs.zip", 'the input is a text ("drops/dogs.zip")'),
    ({"key": 3.5}, "key is a number (3.5): give the key of a drop"),
    ({"key": False}, "key is a boolean (false)"),
    ({"key": ""}, "key is empty"),
    ({"key": "ü" * 513}, "key is 1,026 bytes long, and S3 has at most 1,024"),
    ({"key": "drops/\u202egpj.zip"}, "key holds the character \\u202e"),
    ({"key": "drops/a\nb.zip"}, "key holds the character \\x0a"),
    ({"key": "drops/\ud800.zip"}, "key holds the character \\ud800"),
    ({"key": KEY, "version_id": ["v"]}, 'version_id is a list (["v"])'),
    ({"key": KEY, "version_id": "v" * 1025}, "version_id is 1,025 bytes long"),
    ({"key": KEY, "bucket": ""}, 'bucket is "", which is no name of a bucket'),
    ({"key": KEY, "bucket": "Has Blanks"}, "which is no name of a bucket"),
    ({"key": KEY, "bucket": "b" * 64}, "which is no name of a bucket"),
    ({"key": KEY, "source": "elsewhere"}, 'source is "elsewhere"; give manual or drop'),
    ({"key": KEY, "idempotency_token": ""}, "idempotency_token is empty"),
    ({"key": KEY, "idempotency_token": "c" * 81}, "idempotency_token is 81 bytes long"),
    ({"key": KEY, "sequencer": 12}, "sequencer is a number (12)"),
    ({"key": KEY, "sequencer": "0x12"}, "which is no hexadecimal number"),
    ({"key": KEY, "sequencer": "0" * 33}, "which is no hexadecimal number"),
    ({"key": KEY, "event_time": "yesterday"}, "which is no moment such as"),
    ({"key": KEY, "event_time": "2026-11-22T08:30:00"}, "which is no moment such as"),
    ({"key": KEY, "Key": KEY}, 'fields that are not known: "Key"'),
    ({"key": KEY, **{f"x{number}": 0 for number in range(9)}}, '"x4" and 4 more; it may have key'),
    ({"key": KEY, "hyperparameters": {"epochs": "9" * MAX_OVERRIDES_BYTES}}, "the overrides are 4,0"),
]


@pytest.mark.parametrize(("given", "sentence"), BAD, ids=lambda value: str(value)[:40])
def test_what_cannot_be_followed_is_said_in_a_sentence(given: Any, sentence: str) -> None:
    answer = read_input(given)
    assert not answer["accepted"]
    assert sentence in answer["reason"]
    assert answer["overrides"] == {}
    assert answer["run"].keys() >= {"source", "key", "version_id", "sequencer", "event_time"}


@pytest.mark.parametrize(
    "given",
    [
        {"key": "k" * 262_000},
        {"key": KEY, "idempotency_token": "\N{DOG FACE}" * 60_000},
        {"key": KEY, "\x1b" * 100_000: 1},
        {"key": {"nested": ["x" * 100] * 2000}},
        {**{str(number): number for number in range(20_000)}},
        ["\u202e" * 80_000],
    ],
    ids=lambda value: str(value)[:20],
)
def test_whatever_comes_in_what_goes_out_is_small(given: Any) -> None:
    answer = read_input(given)
    assert not answer["accepted"]
    assert len(json.dumps(answer, ensure_ascii=False).encode()) < 8000
    assert answer["reason"].isprintable()


def test_what_was_sound_before_the_fault_names_the_run() -> None:
    answer = read_input({**EVENT, "version_id": 7})
    assert (answer["run"]["source"], answer["run"]["key"]) == ("drop", KEY)
    assert answer["run"]["version_id"] == ""


@pytest.mark.parametrize("key", ["drops/a\tb.zip", "drops/" + "k" * 1025, "", None, 5])
def test_a_drop_stays_a_drop_in_the_ledger_whatever_its_key(key: Any) -> None:
    assert read_input({**EVENT, "key": key})["run"]["source"] == "drop"


def test_nesting_that_cannot_be_measured_is_refused() -> None:
    deep: Any = "x"
    for _ in range(50_000):
        deep = [deep]
    answer = read_input({"key": KEY, "hyperparameters": deep})
    assert "nested too deeply" in answer["reason"]
    assert not read_input({"key": deep})["accepted"]


def test_the_handler_answers_any_json() -> None:
    context = LambdaContext()
    context._function_name, context._memory_limit_in_mb = "read-input", 512
    context._invoked_function_arn, context._aws_request_id = "arn", "id"
    for event in ({"key": KEY}, [], 5, None, "text"):
        assert handler(event, context)["accepted"] is (event == {"key": KEY})


def test_every_override_of_the_plan_is_known() -> None:
    given = dict.fromkeys(OVERRIDES)
    assert read_input({"key": KEY, **given})["overrides"] == given


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"action": "pause"}, "pause"),
        ({"action": "resume"}, "resume"),
        ({"action": "pause", "source": "idle"}, "idle"),
    ],
)
def test_an_action_needs_no_key_and_names_itself_in_the_ledger(given: dict[str, str], source: str) -> None:
    answer = read_input(given)
    assert (answer["accepted"], answer["action"]) == (True, given["action"])
    assert (answer["run"]["source"], answer["run"]["key"]) == (source, "")


@pytest.mark.parametrize(
    "given",
    [
        {"action": "stop"},
        {"action": ["pause"]},
        {"action": {"pause": 1}},
        {"action": None},
        {"action": "pause", "key": KEY},
        {"action": "pause", "source": "drop"},
        {"action": "pause", "source": ["idle"]},
        {"action": "pause", "to": "a" * 32},
        {"action": "rollback"},
        {"action": "rollback", "to": None},
        {"action": "rollback", "to": "../live"},
        {"action": "rollback", "to": ["a" * 32]},
    ],
    ids=str,
)
def test_an_action_that_is_not_known_is_refused(given: dict[str, Any]) -> None:
    answer = read_input(given)
    assert not answer["accepted"]
    assert "action" not in answer
    assert answer["reason"].startswith("an action is pause or resume")


def test_a_rollback_names_the_run_to_go_back_to() -> None:
    answer = read_input({"action": "rollback", "to": "a" * 32})
    assert (answer["accepted"], answer["to"], answer["run"]["source"]) == (True, "a" * 32, "rollback")


def test_a_stopped_pause_is_cleaned_up_as_such() -> None:
    detail = {"executionArn": "arn", "name": "n", "status": "ABORTED", "input": '{"action": "pause"}'}
    answer = read_input({"detail-type": "Step Functions Execution Status Change", "detail": detail})
    assert (answer["action"], answer["ended_execution"]["arn"]) == ("pause", "arn")


def test_a_stopped_clean_up_is_the_run_that_it_cleaned_up_after() -> None:
    first = {"executionArn": "arn", "name": "n", "status": "ABORTED", "input": '{"key": "drops/a.zip"}'}
    event = {"detail-type": "Step Functions Execution Status Change", "detail": first}
    second = {"executionArn": "other", "name": "o", "status": "TIMED_OUT", "input": json.dumps(event)}
    answer = read_input({**event, "detail": second})
    assert answer == read_input(event)
    assert (answer["run"]["key"], answer["ended_execution"]["arn"]) == ("drops/a.zip", "arn")
