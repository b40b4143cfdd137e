"""How many threads a lone request gets."""

import pytest

from serving_threads import LoneThreads

ONE, ALL = 1, 4


def serve(lone: LoneThreads, requests: int, one_s: float, all_s: float) -> list[int]:
    """The threads of so many requests, which take `one_s` on one thread and `all_s` on all cores."""
    chosen = []
    for _ in range(requests):
        threads = lone.choose()
        lone.note(threads, one_s if threads == ONE else all_s)
        chosen.append(threads)
    return chosen


@pytest.mark.parametrize(("all_s", "faster"), [(0.6, ALL), (0.95, ONE), (1.5, ONE)])
def test_the_clearly_faster_way_is_found_within_a_few_requests(all_s: float, faster: int) -> None:
    chosen = serve(LoneThreads(ONE, ALL), 500, 1.0, all_s)
    assert set(chosen[14:256]) == {faster}
    assert chosen.count(faster) > 470


def test_a_machine_that_changes_is_followed() -> None:
    lone = LoneThreads(ONE, ALL)
    assert serve(lone, 100, 1.0, 0.6)[-1] == ALL
    # The cores are far apart now, then near each other again.
    assert serve(lone, 300, 1.0, 1.5)[-1] == ONE
    assert serve(lone, 300, 1.0, 0.6)[-1] == ALL


def test_a_machine_that_is_slow_as_a_whole_changes_nothing() -> None:
    lone = LoneThreads(ONE, ALL)
    serve(lone, 100, 1.0, 0.6)
    assert serve(lone, 600, 3.0, 1.8).count(ALL) > 550


def test_a_few_slow_requests_change_nothing() -> None:
    lone = LoneThreads(ONE, ALL)
    serve(lone, 100, 1.0, 0.6)
    serve(lone, 3, 50.0, 50.0)
    assert serve(lone, 400, 1.0, 0.6).count(ALL) > 380


def test_one_core_has_no_choice() -> None:
    assert set(serve(LoneThreads(1, 1), 300, 1.0, 1.0)) == {1}
