"""Target tracking, replayed by the minute."""

import pytest

from functions.capacity_review.instances import (
    START_MINUTES,
    counts_up_to,
    most_per_minute,
    replay,
    vcpus_of,
)


def test_a_step_is_followed_after_three_minutes_and_a_start() -> None:
    quiet, loud = [100.0] * 30, [1000.0] * 120
    found = replay(quiet + loud, least=1, most=6, target=300, capacity=600)

    # Three datapoints, told a minute late, then the start: until then one instance stands.
    alone = 3 + 1 + START_MINUTES
    refused = alone * 400 / (30 * 100 + 120 * 1000)
    assert found.refused == pytest.approx(refused, rel=0.15)
    # Then two, by what one could serve, and four by what two can.
    four = (120 - 2 * alone) * 4
    assert found.mean_instances == pytest.approx((30 + alone + 2 * alone + four) / 150, rel=0.1)


def test_it_never_leaves_its_bounds() -> None:
    assert replay([1e6] * 60, least=2, most=5, target=10, capacity=20).mean_instances <= 5
    assert replay([1.0] * 60, least=2, most=5, target=10, capacity=20).mean_instances == 2
    assert replay([], least=3, most=5, target=10, capacity=20).mean_instances == 3


def test_it_comes_back_after_fifteen_quiet_minutes() -> None:
    day = replay([1000.0] * 60 + [50.0] * 600, least=1, most=6, target=300, capacity=600)
    assert day.mean_instances < 1.6


def test_minutes_without_a_request_scale_nothing_in() -> None:
    kept = replay([1000.0] * 60 + [0.0] * 600, least=1, most=6, target=300, capacity=600)
    assert kept.mean_instances > 3


@pytest.mark.parametrize(
    ("instance_type", "vcpus"),
    [("ml.m6g.large", 2), ("ml.m5.xlarge", 4), ("ml.m5.2xlarge", 8), ("ml.t2.medium", 1), ("odd", 1)],
)
def test_cores_by_the_name(instance_type: str, vcpus: int) -> None:
    assert vcpus_of(instance_type) == vcpus
    assert most_per_minute(instance_type, 0.06) == pytest.approx(1000 * vcpus)


def test_counts_grow_and_end_with_the_most() -> None:
    assert list(counts_up_to(20)) == [1, 2, 3, 4, 6, 8, 12, 16, 20]
    assert list(counts_up_to(1)) == [1]
