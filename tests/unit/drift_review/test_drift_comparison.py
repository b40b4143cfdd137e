"""The two-sample tests: beside scipy's, and how often they call drifted what is not."""

import numpy as np
import pytest
from scipy import stats

from functions.drift_review.comparison import LEVEL, compare_bins, compare_shares

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("reference", "day"),
    [
        ([12, 11, 12, 11, 12], [2, 5, 9, 14, 20]),
        ([20, 20, 20, 20, 20], [300, 200, 200, 200, 100]),
        ([0, 0, 5, 30, 5], [1, 0, 0, 3, 40]),
        ([10, 10, 10, 10, 10], [10, 10, 10, 10, 10]),
    ],
)
def test_the_rank_sum_is_scipys(reference: list[int], day: list[int]) -> None:
    ranks = np.arange(5)
    expected = stats.mannwhitneyu(
        np.repeat(ranks, day), np.repeat(ranks, reference), method="asymptotic", use_continuity=False
    )
    found = compare_bins(reference, day)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.effect == pytest.approx(expected.statistic / sum(day) / sum(reference) - 0.5, abs=1e-9)


@pytest.mark.parametrize(
    ("reference", "day"),
    [
        ((57, 3), (40, 10)),
        ((57, 3), (50, 0)),
        ((0, 20), (0, 30)),
        ((60, 0), (20, 10)),
        ((900, 50), (90_000, 6_000)),
    ],
)
def test_the_share_of_unknown_photos_is_fishers_exact_test(
    reference: tuple[int, int], day: tuple[int, int]
) -> None:
    expected = stats.fisher_exact([[day[1], day[0]], [reference[1], reference[0]]], alternative="greater")
    assert compare_shares(reference, day).p_value == pytest.approx(expected.pvalue, rel=1e-6)


def test_answers_that_are_all_in_one_bin_do_not_differ() -> None:
    assert compare_bins([0, 0, 0, 0, 25], [0, 0, 0, 0, 90]).p_value == 1.0


def test_a_small_difference_is_no_drift_however_certain_it_is() -> None:
    small = compare_bins([20_000] * 5, [19_000, 19_500, 20_000, 20_500, 21_000])
    assert small.p_value < LEVEL and not small.drifted
    large = compare_bins([20_000] * 5, [14_000, 17_000, 20_000, 23_000, 26_000])
    assert large.drifted
    assert not compare_shares((95_000, 5_000), (92_000, 8_000)).drifted
    assert compare_shares((95_000, 5_000), (88_000, 12_000)).drifted


def test_fewer_unknown_photos_are_no_drift() -> None:
    assert not compare_shares((80, 20), (1_000, 0)).drifted


@pytest.mark.parametrize(("photos", "answers"), [(25, 30), (60, 50), (60, 1_000)])
def test_days_like_the_reference_are_called_drifted_no_oftener_than_the_level(
    photos: int, answers: int
) -> None:
    """Of the same distribution, with bins as training makes them; 60 times the level would be six."""
    called = 0
    for _ in range(4_000):
        held_out, day = RANDOM.normal(size=photos), RANDOM.normal(size=answers)
        edges = np.quantile(held_out, np.arange(1, 5) / 5)
        counts = [
            np.bincount(np.searchsorted(edges, values, side="right"), minlength=5).tolist()
            for values in (held_out, day)
        ]
        called += compare_bins(*counts).drifted
    # Expected are 1.3; seven or more have a probability of 1 in 2,000.
    assert called <= 6
