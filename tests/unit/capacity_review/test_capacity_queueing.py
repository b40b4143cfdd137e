"""The formulas against published values and against counting."""

import math

import pytest

from functions.capacity_review.queueing import (
    blocked_share,
    erlang_b,
    erlang_c,
    load_for,
    mean_busy_of,
    mean_wait,
    offered_load,
    servers_for,
)


# From the tables of Erlang B: the load in Erlangs that n circuits carry at a blocking of 1 %, 2 % and 5 %.
@pytest.mark.parametrize(
    ("servers", "load", "blocked"),
    [
        (1, 0.0101, 0.01),
        (2, 0.153, 0.01),
        (5, 1.36, 0.01),
        (10, 4.46, 0.01),
        (20, 12.03, 0.01),
        (50, 37.90, 0.01),
        (100, 84.06, 0.01),
        (10, 5.08, 0.02),
        (30, 21.93, 0.02),
        (10, 6.22, 0.05),
    ],
)
def test_erlang_b_is_that_of_the_tables(servers: int, load: float, blocked: float) -> None:
    assert erlang_b(servers, load) == pytest.approx(blocked, rel=0.01)
    assert load_for(servers, blocked) == pytest.approx(load, rel=0.01)
    assert servers_for(load * 0.99, 1.0, blocked) == servers


@pytest.mark.parametrize(("servers", "load"), [(2, 1.0), (6, 4.5), (3, 10.0)])
def test_erlang_b_is_its_definition(servers: int, load: float) -> None:
    terms = [load**count / math.factorial(count) for count in range(servers + 1)]
    assert erlang_b(servers, load) == pytest.approx(terms[-1] / sum(terms))


# One server: C is the utilisation, and the wait that of M/M/1.
def test_erlang_c() -> None:
    assert erlang_c(1, 0.8) == pytest.approx(0.8)
    assert mean_wait(1, 0.8, 2.0) == pytest.approx(0.8 / (1 - 0.8) * 2.0)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    # Cooper, Introduction to Queueing Theory: ten servers at 8 Erlangs.
    assert erlang_c(10, 8.0) == pytest.approx(0.409, abs=0.001)
    assert erlang_c(4, 4.0) == 1.0
    assert mean_wait(4, 4.0, 1.0) == math.inf


def test_little() -> None:
    assert offered_load(600, 0.3) == pytest.approx(3.0)


def test_bursts_need_more_servers_than_their_mean_tells() -> None:
    assert blocked_share(20, 10, 1.0) == erlang_b(20, 10)
    assert blocked_share(20, 10, 4.0) == erlang_b(5, 2.5)
    assert servers_for(10, 4.0, 0.001) > servers_for(10, 1.0, 0.001)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (3, 2.0), (6, 20.0)])
def test_busy_servers_are_the_mean_of_a_cut_poisson(servers: int, load: float) -> None:
    share = [math.exp(-load) * load**count / math.factorial(count) for count in range(100)]
    expected = sum(min(count, servers) * each for count, each in enumerate(share))
    assert mean_busy_of(servers, load) == pytest.approx(expected, rel=1e-6)


def test_busy_servers_go_over_into_the_normal_form() -> None:
    assert mean_busy_of(480, 501) == pytest.approx(mean_busy_of(480, 500), rel=0.003)
    assert mean_busy_of(5000, 600) == pytest.approx(600)
