"""The report says what was seen, and no word of a stranger becomes markup."""

import json
from pathlib import Path

import pytest

from deploy_scripts.account_checks.confirmation import Outcome
from deploy_scripts.account_checks.report import document, markdown, save_report
from tests.unit.deploy_scripts.account_checks.test_running import trial_on

OUTCOMES = [
    Outcome("drop", "A drop starts a run", "ok", "it began", "rights", 1.5),
    Outcome("answer", "It answers", "failed", "a | b\n<script>[x](y)`\x1b[2J"),
    Outcome("audit", "It audits", "not run", "nothing is deployed"),
]


def test_both_files_have_every_outcome(tmp_path: Path) -> None:
    trial = trial_on("http://127.0.0.1:1")
    trial.left = ["bucket verify-x-1"]
    found = document(trial, OUTCOMES, 0.567)
    page = save_report(found, tmp_path / "new")
    assert json.loads((tmp_path / "new" / "verify.json").read_text()) == found
    assert (found["stack"], found["estimated_usd"], found["left"]) == (
        "verify-x",
        0.57,
        ["bucket verify-x-1"],
    )
    text = page.read_text()
    assert "| drop | A drop starts a run | ok | it began | 1.5 | rights |" in text
    assert "| not run | nothing is deployed |" in text
    assert "Left in the account: bucket verify-x-1." in text


def test_what_aws_says_stays_within_its_cell() -> None:
    (row,) = [
        each for each in markdown(document(trial_on(None), OUTCOMES, 0)).splitlines() if "FAILED" in each
    ]
    assert "\x1b" not in row and "<script>" not in row
    assert "a \\| b" in row and "\\[x](y)\\`" in row


@pytest.mark.parametrize(("left", "sentence"), [(None, "not known"), ([], "nothing")])
def test_what_is_left_is_said_or_that_it_is_not_known(left: list[str] | None, sentence: str) -> None:
    trial = trial_on(None)
    trial.left = left
    assert f"Left in the account: {sentence}." in markdown(document(trial, [], 0))
