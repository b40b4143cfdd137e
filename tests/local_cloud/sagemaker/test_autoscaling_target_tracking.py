"""The decisions of a target-tracking policy, as pure functions."""

import pytest

from local_cloud.services.autoscaling.cooldown import Cooldown
from local_cloud.services.autoscaling.target_tracking import (
    HIGH_PERIODS,
    LOW_PERIODS,
    Measurement,
    desired_capacity,
)


def busy(per_minute: float, instances: int = 1) -> Measurement:
    return Measurement(per_minute, instances)


def test_three_periods_above_the_target_scale_out_in_proportion() -> None:
    assert desired_capacity([busy(120), busy(250), busy(450)], target=100, current=1) == 5


@pytest.mark.parametrize(
    "periods",
    [
        [busy(500)] * (HIGH_PERIODS - 1),
        [busy(500), busy(100), busy(500)],
        [busy(500), None, busy(500)],
        [],
    ],
)
def test_fewer_periods_do_not_scale_out(periods: list[Measurement | None]) -> None:
    assert desired_capacity(periods, target=100, current=1) == 1


def test_the_load_is_counted_by_instance() -> None:
    assert desired_capacity([busy(300, instances=3)] * HIGH_PERIODS, target=100, current=3) == 3


def test_fifteen_periods_below_the_target_scale_in_to_what_the_busiest_needs() -> None:
    periods: list[Measurement | None] = [busy(30, instances=4)] * (LOW_PERIODS - 1) + [busy(150, instances=4)]
    assert desired_capacity(periods, target=100, current=4) == 2
    assert desired_capacity(periods[1:], target=100, current=4) == 4


def test_periods_without_requests_say_nothing_but_do_not_block_scaling_in() -> None:
    silent: list[Measurement | None] = [None] * (LOW_PERIODS - 1)
    assert desired_capacity([*silent, busy(10, instances=4)], target=100, current=4) == 1
    assert desired_capacity([*silent, None], target=100, current=4) == 4


def test_just_below_the_target_nothing_is_scaled_in() -> None:
    assert desired_capacity([busy(190, instances=2)] * LOW_PERIODS, target=100, current=2) == 2


def test_during_a_scale_out_cooldown_only_a_larger_step_may_follow() -> None:
    cooldown = Cooldown(out_s=60, in_s=300)
    assert cooldown.allows(2, now=0)
    cooldown.note(2, now=0)
    assert not cooldown.allows(2, now=59)
    assert cooldown.allows(3, now=59)
    assert not cooldown.allows(-1, now=59)
    assert cooldown.allows(1, now=60)
    assert cooldown.allows(-1, now=60)


def test_a_scale_in_cooldown_holds_back_scale_ins_only() -> None:
    cooldown = Cooldown(out_s=60, in_s=300)
    cooldown.note(-1, now=0)
    assert not cooldown.allows(-1, now=299)
    assert cooldown.allows(1, now=1)
    assert cooldown.allows(-1, now=300)
