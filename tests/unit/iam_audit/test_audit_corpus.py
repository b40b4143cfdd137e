"""Precision and recall on the labelled accounts: every label found, and nothing that is not labelled."""

from pathlib import Path

import pytest

from functions.iam_audit.checks import ALL_CHECKS
from tests.unit.iam_audit.account_documents import account, allow, deny, findings, role
from tests.unit.iam_audit.corpus import CASES

_CATALOGUE = Path(__file__).with_name("pathfinding_paths.txt").read_text("utf-8").splitlines()
PATHS = {line.split()[0]: line.split()[1:] for line in _CATALOGUE if not line.startswith("#")}
CATEGORIES = {check.id: check.category for check in ALL_CHECKS}


def found_in(case):
    return {finding["check"] for finding in findings(case.account)}


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.nearly or '+'.join(sorted(case.finds))}: {case.label}"
)
def test_a_labelled_account_is_found_for_what_it_is_and_nothing_else(case):
    assert found_in(case) == case.finds
    if case.nearly:
        assert case.nearly not in case.finds


@pytest.mark.parametrize("check", [check.id for check in ALL_CHECKS])
def test_every_check_has_labelled_accounts_and_near_misses(check):
    assert any(check in case.finds for case in CASES), (
        f"no account in corpus/ is labelled to be found by {check}"
    )
    assert any(case.nearly == check for case in CASES), f"no account in corpus/ is a near miss of {check}"


@pytest.mark.parametrize("path", PATHS)
def test_every_catalogued_path_is_told_as_escalation(path):
    """A second opinion: who has just what a path needs is told of, and by which action."""
    actions = PATHS[path]
    told = [
        finding
        for finding in findings(account(role("worker", allow(actions))))
        if CATEGORIES[finding["check"]] == "privilege escalation"
    ]
    assert told
    assert any(action in finding["reason"] for finding in told for action in actions)


@pytest.mark.parametrize("path", PATHS)
def test_a_catalogued_path_that_is_denied_is_told_of_nobody(path):
    actions = PATHS[path]
    denied = account(role("worker", allow(actions), deny(actions)))
    assert not [each for each in findings(denied) if CATEGORIES[each["check"]] == "privilege escalation"]
