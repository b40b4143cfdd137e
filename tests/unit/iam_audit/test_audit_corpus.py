"""Precision and recall on the labelled accounts: every label found, and nothing that is not labelled."""

from collections import Counter

import pytest
from account_documents import findings
from corpus import CASES

from functions.iam_audit.checks import ALL_CHECKS


def found_in(case):
    return {finding["check"] for finding in findings(case.account)}


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.nearly or '+'.join(sorted(case.finds))}: {case.label}"
)
def test_a_labelled_account_is_found_for_what_it_is_and_nothing_else(case):
    assert found_in(case) == case.finds
    if case.nearly:
        assert case.nearly not in case.finds


def test_precision_and_recall_of_every_check_are_one():
    hits, false, missed = Counter(), Counter(), Counter()
    for case in CASES:
        found = found_in(case)
        hits.update(found & case.finds)
        false.update(found - case.finds)
        missed.update(case.finds - found)
    for check in (each.id for each in ALL_CHECKS):
        assert hits[check] / (hits[check] + false[check]) == 1.0, f"precision of {check}"
        assert hits[check] / (hits[check] + missed[check]) == 1.0, f"recall of {check}"


@pytest.mark.parametrize("check", [check.id for check in ALL_CHECKS])
def test_every_check_has_labelled_accounts_and_near_misses(check):
    assert any(check in case.finds for case in CASES)
    assert sum(case.nearly == check for case in CASES) >= 1
