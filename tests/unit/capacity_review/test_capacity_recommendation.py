"""What is recommended for which traffic, and what limits hold back."""

from dataclasses import replace

import pytest

from functions.capacity_review.forecast import Forecast, Model
from functions.capacity_review.limits import Limits
from functions.capacity_review.recommendation import MOST_COLD_STARTS, MOST_REFUSED, recommend
from functions.capacity_review.traffic import Traffic, read_demand
from functions.common.applied_capacity import Capacity
from tests.unit.capacity_review.demands import DEPLOYED, LIMITS, REFERENCE, traffic_of


def model_of(traffic: Traffic, reserved: int | None = 6) -> Model:
    return Model(read_demand(traffic, reserved=reserved), DEPLOYED)


def refused(forecast: Forecast) -> float:
    return forecast.throttled + forecast.overload


def test_steady_light_traffic_needs_no_more_than_there_is_and_costs_less() -> None:
    model = model_of(traffic_of([60.0] * 3, concurrency=3))
    found = recommend(model, REFERENCE, LIMITS)

    assert found.capacity.reserved_concurrency == 6
    assert found.capacity.provisioned_concurrency < 3
    assert (found.capacity.min_instances, found.capacity.max_instances) == (1, 6)
    assert found.forecast.monthly_usd < model.forecast(REFERENCE).monthly_usd
    assert found.forecast.cold_starts <= MOST_COLD_STARTS
    assert found.notes == []


def test_what_was_throttled_was_asked_and_is_reserved_for() -> None:
    model = model_of(traffic_of([1200.0] * 3, throttled=0.3, concurrency=6))
    found = recommend(model, REFERENCE, LIMITS)

    # 20 a second of 0.3 s are 6 Erlangs; by Erlang B six servers refuse a quarter of them.
    assert model.forecast(REFERENCE).throttled == pytest.approx(0.265, abs=0.01)
    assert 12 <= found.capacity.reserved_concurrency <= 40
    assert refused(found.forecast) <= MOST_REFUSED


def test_the_target_follows_what_an_instance_can_answer() -> None:
    fast = recommend(model_of(traffic_of([600.0] * 3, latency_s=0.02)), REFERENCE, LIMITS)
    slow = recommend(model_of(traffic_of([600.0] * 3, latency_s=0.15)), REFERENCE, LIMITS)

    # Two cores: 6,000 and 800 a minute at the most.
    assert 0.3 * 6000 <= fast.capacity.target_invocations_per_instance <= 0.7 * 6000
    assert 0.3 * 800 <= slow.capacity.target_invocations_per_instance <= 0.7 * 800
    assert slow.forecast.mean_instances > fast.forecast.mean_instances


def test_growing_traffic_is_reserved_for_as_it_will_be() -> None:
    growing = model_of(traffic_of([400.0, 520.0, 676.0, 878.8], concurrency=8), reserved=50)
    assert growing.demand.growth == pytest.approx(1.3**2, rel=0.01)
    assert model_of(traffic_of([878.8, 676.0, 520.0])).demand.growth == 1.0
    assert model_of(traffic_of([400.0, 520.0])).demand.growth == 1.0


@pytest.mark.parametrize(
    ("limits", "field", "value", "named"),
    [
        (replace(LIMITS, max_reserved=10), "reserved_concurrency", 10, "CapacityMaxReserved"),
        (replace(LIMITS, reservable=12), "reserved_concurrency", 12, "the account's room"),
        (replace(LIMITS, max_instances=2), "max_instances", 2, "CapacityMaxInstances"),
        (replace(LIMITS, instance_quota=1), "max_instances", 1, "the account's quota"),
    ],
)
def test_no_limit_is_passed_and_each_that_held_back_is_named(
    limits: Limits, field: str, value: int, named: str
) -> None:
    model = model_of(traffic_of([9000.0] * 3, throttled=0.8, concurrency=6))
    found = recommend(model, REFERENCE, limits)

    assert getattr(found.capacity, field) <= value
    assert any(named in note for note in found.notes)
    assert any("would still be refused" in note for note in found.notes)


def test_a_ceiling_holds_the_month() -> None:
    model = model_of(traffic_of([9000.0] * 3, throttled=0.8, concurrency=6))
    free = recommend(model, REFERENCE, LIMITS)
    held = recommend(model, REFERENCE, replace(LIMITS, monthly_usd=free.forecast.monthly_usd / 2))

    assert held.forecast.monthly_usd <= free.forecast.monthly_usd / 2
    assert any("CapacityMaxMonthlyUsd" in note for note in held.notes)
    impossible = recommend(model, REFERENCE, replace(LIMITS, monthly_usd=1))
    assert any("even the smallest capacity costs more" in note for note in impossible.notes)
    assert impossible.capacity.max_instances == 1


def test_a_serverless_endpoint_has_concurrency_alone() -> None:
    demand = read_demand(traffic_of([60.0] * 3), reserved=6)
    found = recommend(Model(demand, replace(DEPLOYED, instance_type=None)), REFERENCE, LIMITS)

    assert found.forecast.mean_instances == 0
    kept = replace(
        REFERENCE,
        reserved_concurrency=found.capacity.reserved_concurrency,
        provisioned_concurrency=found.capacity.provisioned_concurrency,
    )
    assert found.capacity == kept


def test_a_price_that_is_not_known_is_said() -> None:
    demand = read_demand(traffic_of([60.0] * 3), reserved=6)
    model = Model(demand, replace(DEPLOYED, instance_type="ml.m7g.large", architecture="arm64"))
    usd = model.forecast(REFERENCE).usd
    assert usd["instances"] is None
    assert usd["provisioned concurrency"] is None


@pytest.mark.parametrize(
    ("traffic", "said"),
    [
        (Traffic(), "0 requests within 0.0 hours"),
        (traffic_of([0.1] * 3), "432 requests within 72.0 hours"),
        (Traffic(invocations={5: 5000.0}), "5000 requests within 0.0 hours"),
    ],
)
def test_too_little_is_said(traffic: Traffic, said: str) -> None:
    lacks = read_demand(traffic, reserved=6).lacks()
    assert lacks is not None and said in lacks


def test_enough_is_enough() -> None:
    assert read_demand(traffic_of([10.0]), reserved=6).lacks() is None


def test_a_night_without_requests_counts_as_time() -> None:
    demand = read_demand(traffic_of([10.0, 0.0, 10.0]), reserved=None)
    assert len(demand.per_minute) == 3 * 1440
    assert demand.busiest == 10.0
    assert Capacity(*range(1, 6)).max_instances == 4
