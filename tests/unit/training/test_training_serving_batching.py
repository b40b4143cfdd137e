"""How many requests a worker takes, and whether it waits for more; times are in seconds."""

import pytest

from serving_batching import MAX_BATCH, Batching

SAVING = 0.004


@pytest.mark.parametrize(
    ("load", "workers", "share"),
    [(1, 2, 1), (2, 2, 1), (3, 2, 2), (8, 2, 4), (64, 2, MAX_BATCH), (5, 1, 5), (0, 2, 1), (3, 0, 3)],
)
def test_a_worker_takes_its_share_of_all_requests(load: int, workers: int, share: int) -> None:
    assert Batching.share(load, workers) == share


def busy(load: int, now: float) -> Batching:
    """There were `load` requests, and one has just come."""
    batching = Batching()
    batching.note_arrival(load, now)
    return batching


def test_a_lone_request_never_waits() -> None:
    assert busy(1, 10.0).wait_s(1, 2, SAVING, since=10.0, now=10.0) == 0


def test_no_more_than_one_request_a_worker_never_waits() -> None:
    assert busy(2, 10.0).wait_s(1, 2, SAVING, since=10.0, now=10.0) == 0


def test_the_rest_of_a_share_is_waited_for_while_requests_keep_coming() -> None:
    batching = busy(8, 10.0)
    assert batching.wait_s(1, 2, SAVING, since=10.0, now=10.0) == pytest.approx(SAVING / 4)
    assert batching.wait_s(1, 2, SAVING, since=10.0, now=10.0 + SAVING / 2) == 0
    batching.note_arrival(8, 10.0 + SAVING / 2)
    assert batching.wait_s(2, 2, SAVING, since=10.0, now=10.0 + SAVING / 2) == pytest.approx(SAVING / 4)
    assert batching.wait_s(4, 2, SAVING, since=10.0, now=10.0 + SAVING / 2) == 0


def test_the_wait_is_never_longer_than_what_it_saves() -> None:
    batching, now = busy(8, 10.0), 10.0
    while now < 11 and batching.wait_s(2, 2, SAVING, since=10.0, now=now) > 0:
        now += SAVING / 10
        batching.note_arrival(8, now)
    assert now == pytest.approx(10.0 + SAVING, abs=SAVING / 5)


def test_nothing_is_waited_for_where_batches_save_nothing() -> None:
    assert busy(8, 10.0).wait_s(1, 2, 0.0, since=10.0, now=10.0) == 0


def test_a_busy_moment_is_forgotten() -> None:
    batching = busy(8, 10.0)
    batching.note_arrival(1, 10.5)
    assert batching.wait_s(1, 2, SAVING, since=10.5, now=10.5) == 0
