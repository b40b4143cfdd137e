"""Failures of the workflow, made readable."""

import json

import pytest

from deploy_scripts.pipeline.failures import readable_failure, readable_reason

FUNCTION_CAUSE = json.dumps(
    {"errorMessage": "[Errno 2] no such file", "errorType": "FileNotFoundError", "stackTrace": []}
)


@pytest.mark.parametrize(
    ("error", "cause", "text"),
    [
        ("FileNotFoundError", FUNCTION_CAUSE, "FileNotFoundError: [Errno 2] no such file"),
        (
            "SageMaker.SageMakerException",
            "Could not find it.\nAt all.",
            "SageMaker.SageMakerException: Could not find it.",
        ),
        ("States.Timeout", "", "States.Timeout"),
    ],
)
def test_a_failure_is_one_line(error: str, cause: str, text: str) -> None:
    assert readable_failure(error, cause) == text


def test_a_ledgers_reason_is_made_readable_only_when_it_is_an_errors_json() -> None:
    assert readable_reason(json.dumps({"Error": "X", "Cause": FUNCTION_CAUSE})).startswith(
        "FileNotFoundError: "
    )
    assert readable_reason("the zip is empty") == "the zip is empty"
    assert readable_reason('{"classes": 1}') == '{"classes": 1}'


def test_a_long_cause_is_cut() -> None:
    assert len(readable_failure("Error", "x" * 5000)) < 320
