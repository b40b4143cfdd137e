"""Who goes live, and the sentence that says why."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.judge_model.promotion import Case, decide
from functions.judge_model.significance import mcnemar_p
from tests.unit.judge_model.trainings import LIVE, NEWER, OTHER_CLASSES, beside_champion, make_metrics


def judge(metrics, *, live=None, planned=None, record=None, min_accuracy=0.5, rule="better", force=False):
    return decide(Case(metrics, min_accuracy, rule, force, planned, live, record))


def test_the_first_release():
    decision = judge(make_metrics())
    assert (decision.promote, decision.status, decision.champion_accuracy) == (True, None, None)
    assert "first release" in decision.reason


def test_below_the_minimum():
    metrics = make_metrics(champion=beside_champion(0.1))
    assert judge(metrics, min_accuracy=0.95).status == "rejected"
    decision = judge(metrics, min_accuracy=0.95, live=LIVE, planned=LIVE)
    assert (decision.promote, decision.status) == (False, "champion_kept")
    assert "0.9000 is below the minimum of 0.9500" in decision.reason


def test_at_the_minimum_is_enough():
    assert judge(make_metrics(), min_accuracy=0.9).promote


def test_force_promotes_whatever_the_figures_say():
    decision = judge(
        make_metrics(champion=beside_champion(0.99)), live=LIVE, planned=LIVE, min_accuracy=1.0, force=True
    )
    assert (decision.promote, decision.status) == (True, None)
    assert "forced" in decision.reason


def test_better_than_the_champion_on_the_same_photos():
    decision = judge(make_metrics(champion=beside_champion(0.8, ours=2, theirs=1)), live=LIVE, planned=LIVE)
    assert (decision.promote, decision.champion_accuracy, decision.p_value) == (True, 0.8, 1.0)
    assert decision.reason == (
        "better than the live model on the same 10 test photos: 0.9000 against 0.8000 "
        "(2 that only this one gets right, 1 that only the live one does; exact McNemar p = 1)"
    )


@pytest.mark.parametrize("champion_accuracy", [0.9, 0.95])
def test_no_better_than_the_champion_keeps_it(champion_accuracy):
    metrics = make_metrics(champion=beside_champion(champion_accuracy, ours=1, theirs=1))
    decision = judge(metrics, live=LIVE, planned=LIVE)
    assert (decision.promote, decision.status) == (False, "champion_kept")
    assert decision.reason.startswith("not better than the live model")


@pytest.mark.parametrize(
    ("rule", "champion_accuracy", "ours", "theirs", "promote", "told"),
    [
        ("not_worse", 0.9, 3, 3, True, "not worse than the live model"),
        ("not_worse", 0.95, 0, 1, False, "worse than the live model"),
        ("better", 0.9, 3, 3, False, "not better than the live model"),
        ("significantly_better", 0.8, 5, 0, False, "not significantly better than the live model"),
        ("significantly_better", 0.8, 6, 0, True, "significantly better than the live model"),
        # A difference that is no chance, the other way round.
        ("significantly_better", 0.95, 0, 6, False, "not significantly better than the live model"),
    ],
)
def test_the_deployments_rule_decides_between_two(*, rule, champion_accuracy, ours, theirs, promote, told):
    metrics = make_metrics(champion=beside_champion(champion_accuracy, ours=ours, theirs=theirs))
    decision = judge(metrics, live=LIVE, planned=LIVE, rule=rule)
    assert (decision.promote, decision.status) == (promote, None if promote else "champion_kept")
    assert decision.reason.startswith(f"{told} on the same 10 test photos")


@pytest.mark.parametrize(
    ("rule", "recorded", "promote", "told"),
    [
        ("not_worse", 0.9, True, "the rule is not_worse"),
        ("better", 0.9, False, "the rule is better"),
        ("better", 0.89, True, "the rule is better"),
        ("significantly_better", 0.1, False, "does not tell whether that is chance"),
    ],
)
def test_the_same_rule_reads_a_record(*, rule, recorded, promote, told):
    decision = judge(
        make_metrics(), live=LIVE, planned=LIVE, record=make_metrics(accuracy=recorded), rule=rule
    )
    assert (decision.promote, told in decision.reason) == (promote, True), decision


def test_other_classes_go_live():
    record = make_metrics(test_split_sha256="b" * 64, accuracy=0.99)
    decision = judge(make_metrics(champion=OTHER_CLASSES), live=LIVE, planned=LIVE, record=record)
    assert (decision.promote, decision.champion_accuracy) == (True, None)
    assert "new is 'fox'" in decision.reason


def test_another_release_went_live_meanwhile():
    """What the training compared with is no longer live: the comparison is not used."""
    metrics = make_metrics(champion=beside_champion(0.1))
    better = judge(metrics, live=NEWER, planned=LIVE, record=make_metrics(accuracy=0.95))
    assert (better.promote, better.status, better.champion_accuracy) == (False, "champion_kept", 0.95)
    assert "another release went live" in better.reason
    assert "dropserve-newer has 0.9500 on record, this one 0.9000" in better.reason
    assert judge(metrics, live=NEWER, planned=LIVE, record=make_metrics(accuracy=0.89)).promote
    other = judge(
        metrics, live=NEWER, planned=None, record=make_metrics(accuracy=1.0, test_split_sha256="b" * 64)
    )
    assert other.promote
    assert "tested on other photos" in other.reason
    unknown = judge(metrics, live=NEWER, planned=LIVE, record=None)
    assert unknown.promote
    assert "no metrics on record" in unknown.reason


def test_a_first_release_that_was_taken_back_meanwhile():
    assert "first release" in judge(make_metrics(champion=beside_champion(0.99)), planned=LIVE).reason


def test_a_champion_that_was_not_tried_is_judged_by_its_record():
    decision = judge(make_metrics(), live=LIVE, planned=LIVE, record=make_metrics(accuracy=0.95))
    assert (decision.promote, decision.status) == (False, "champion_kept")
    assert "did not try the live model" in decision.reason


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_two_sided_binomial_test(ours, theirs):
    count = ours + theirs
    tail = sum(Fraction(math.comb(count, k), 2**count) for k in range(min(ours, theirs) + 1))
    assert mcnemar_p(ours, theirs) == float(min(Fraction(1), 2 * tail))
    assert mcnemar_p(ours, theirs) == mcnemar_p(theirs, ours)


def test_mcnemar_known_values_and_large_counts():
    assert mcnemar_p(0, 0) == 1.0
    # Fagerland, Lydersen and Laake (2013), airway hyper-responsiveness: 1 and 7 discordant pairs, p = 0.0703.
    assert mcnemar_p(1, 7) == pytest.approx(0.0703125)
    assert 0 < mcnemar_p(2400, 2600) < 0.01
    assert mcnemar_p(0, 5000) == 0.0
