"""Whatever an execution is started with, it ends with a sentence in the ledger."""

from typing import Any

import pytest

pytestmark = pytest.mark.cloud

KEY = "drops/dogs.zip"
BAD_INPUTS = [
    ({"bucket": "some-bucket"}, "the input has no key"),
    ({"key": 7}, "key is a number (7)"),
    ({"key": None}, "key is null"),
    ({"key": ["drops/dogs.zip"]}, 'key is a list (["drops/dogs.zip"])'),
    ({"key": {"name": KEY}}, "key is an object"),
    ({"key": ""}, "key is empty"),
    ({"key": "drops/" + "k" * 1015 + ".zip"}, "key is 1,025 bytes long"),
    ({"key": "drops/a\x1b[2Jb.zip"}, "key holds the character \\x1b"),
    ({"key": KEY, "version_id": 7}, "version_id is a number (7)"),
    ({"key": KEY, "bucket": None}, "bucket is null"),
    ({"key": KEY, "bucket": {"$ref": 1}}, "bucket is an object"),
    ({"key": KEY, "source": True}, "source is a boolean (true)"),
    ({"key": KEY, "idempotency_token": 0}, "idempotency_token is a number (0)"),
    ({"key": KEY, "settings": {"poll_limit": 0}}, 'fields that are not known: "settings"'),
    ({"key": KEY, "defaults": 1, "error": {}, "run": {}}, 'not known: "defaults", "error", "run"'),
    ({"key": KEY, "hyperparameters": {"epochs": "9" * 250_000}}, "the overrides are 250,"),
    ([KEY], "the input is a list"),
    (KEY, "the input is a text"),
    (5, "the input is a number (5)"),
]


@pytest.mark.parametrize(("given", "sentence"), BAD_INPUTS, ids=lambda value: str(value)[:40])
def test_a_bad_input_ends_as_rejected_with_a_sentence(stage: Any, given: Any, sentence: str) -> None:
    run = stage.run(given, as_it_is=True)
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "rejected")
    assert sentence in run.item["reason"]
    assert run.item["execution_arn"] == run.execution
    assert "Inspect dataset" not in run.states


def test_an_input_as_large_as_an_execution_may_have_is_refused_in_a_sentence(stage: Any) -> None:
    frame = '{"key": "", "note": ""}'
    run = stage.run({"key": "", "note": "n" * (262_144 - len(frame))}, as_it_is=True)
    assert run.item["status"] == "rejected"
    assert len(run.item["reason"]) <= 1000


def test_an_input_that_cannot_be_read_fails_the_run_with_the_reason(stage: Any) -> None:
    reader = stage.real_functions["ReadFailureFunction"]  # raises KeyError: 'error'
    run = stage.run(ReadInputFunction=reader)
    assert (run.status, run.item["status"]) == ("FAILED", "failed")
    assert run.item["reason"] == (
        "the input could not be read (KeyError): dropserve logs read_input tells why"
    )


def test_a_failure_that_cannot_be_read_names_the_error(stage: Any) -> None:
    stage.change("JudgeModelFunction", **{"raise": "metrics.json is damaged"})
    run = stage.run(ReadFailureFunction=stage.function({"raise": "out of order"}))
    assert (run.status, run.item["status"]) == ("FAILED", "failed")
    assert run.item["reason"] == "RuntimeError: the history of the execution tells more"
