"""Recorded first; upwards instances before concurrency, downwards after it; never beside a release."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from functions.capacity_review.applying import Applier, BusyError, ConcurrencyNotSetError
from functions.common.applied_capacity import Capacity, in_force
from tests.unit.capacity_review.demands import REFERENCE

LARGER = Capacity(20, 5, 2, 8, 400)
WHEN = {"at": "2026-01-01T00:00:00Z", "review_uri": "s3://bucket/reviews/capacity/1.json"}


class Cloud:
    """What is done, in its order: ("record",), ("scale", least, most, target), ("concurrency", paused)."""

    exceptions = boto3.client("ssm", region_name="us-east-1").exceptions

    def __init__(self, *, holders: tuple[str, ...] = (), answers: tuple[dict[str, Any], ...] = ()) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.holders = list(holders)
        self.answers = list(answers)
        self.record: dict[str, Any] | None = None
        self._bounds = (0, 0)

    def get_item(self, **_: Any) -> dict[str, Any]:
        holder = self.holders.pop(0) if self.holders else "nobody"
        return {"Item": {"holder": {"S": holder}}}

    def put_parameter(self, *, Value: str, **_: Any) -> None:  # noqa: N803
        self.record = json.loads(Value)
        self.done.append(("record",))

    def delete_parameter(self, **_: Any) -> None:
        if self.record is None:
            error = {"Error": {"Code": "ParameterNotFound", "Message": ""}}
            raise self.exceptions.ParameterNotFound(error, "DeleteParameter")  # type: ignore[arg-type]
        self.record = None
        self.done.append(("no record",))

    def register_scalable_target(self, *, MinCapacity: int, MaxCapacity: int, **_: Any) -> None:  # noqa: N803
        self._bounds = (MinCapacity, MaxCapacity)

    def put_scaling_policy(self, *, TargetTrackingScalingPolicyConfiguration: Any, **_: Any) -> None:  # noqa: N803
        self.done.append(("scale", *self._bounds, TargetTrackingScalingPolicyConfiguration["TargetValue"]))

    def invoke(self, *, Payload: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        answer = self.answers.pop(0) if self.answers else {"ready": True, "note": ""}
        self.done.append(("concurrency", json.loads(Payload)["paused"]))
        failed = {"FunctionError": "Unhandled"} if "errorMessage" in answer else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failed}


@pytest.fixture
def applier() -> Callable[..., Applier]:
    def make(cloud: Cloud, **changes: Any) -> Applier:
        usual = Applier(
            parameter="/dropserve/capacity",
            deployed=REFERENCE,
            endpoint="dropserve-1",
            paused=False,
            ledger_table="ledger",
            set_concurrency_function="set-concurrency",
            deadline=float("inf"),
            ssm=cloud,
            dynamodb=cloud,
            functions=cloud,
            autoscaling=cloud,
            sleep=lambda _: None,
        )
        return replace(usual, **changes)

    return make


def test_upwards_the_instances_come_first(applier: Callable[..., Applier]) -> None:
    cloud = Cloud(answers=({"ready": False, "note": ""}, {"ready": True, "note": "no room"}))

    assert applier(cloud).apply(LARGER, today=REFERENCE, **WHEN) == "no room"

    assert cloud.done == [("record",), ("scale", 2, 8, 400), ("concurrency", False), ("concurrency", False)]
    assert cloud.record is not None
    assert cloud.record["instead_of"]["max_instances"] == REFERENCE.max_instances


def test_downwards_the_concurrency_comes_first(applier: Callable[..., Applier]) -> None:
    cloud = Cloud()
    applier(cloud).apply(REFERENCE, today=LARGER, **WHEN)
    assert cloud.done == [("record",), ("concurrency", False), ("scale", 1, 6, 600)]


def test_what_goes_both_ways_is_first_the_larger_of_each(applier: Callable[..., Applier]) -> None:
    cloud = Cloud()
    wanted = Capacity(10, 1, 2, 4, 900)
    applier(cloud).apply(wanted, today=REFERENCE, **WHEN)
    assert cloud.done == [("record",), ("scale", 2, 6, 600), ("concurrency", False), ("scale", 2, 4, 900)]


def test_an_endpoint_that_nothing_scales_is_scaled_from_now_on(applier: Callable[..., Applier]) -> None:
    cloud = Cloud()
    applier(cloud).apply(LARGER, today=None, **WHEN)
    assert cloud.done == [("record",), ("concurrency", False), ("scale", 2, 8, 400)]


def test_without_instances_only_concurrency_is_set(applier: Callable[..., Applier]) -> None:
    cloud = Cloud()
    applier(cloud, endpoint=None, paused=True).apply(LARGER, today=None, **WHEN)
    assert cloud.done == [("record",), ("concurrency", True)]


@pytest.mark.parametrize(("holders", "recorded"), [(("run",), False), (("nobody", "run"), True)])
def test_nothing_is_set_beside_a_release(
    applier: Callable[..., Applier], holders: tuple[str, ...], recorded: bool
) -> None:
    cloud = Cloud(holders=holders)
    with pytest.raises(BusyError, match="apply again after it"):
        applier(cloud).apply(LARGER, today=REFERENCE, **WHEN)
    assert cloud.done == ([("record",)] if recorded else [])


def test_a_reset_takes_the_record_away(applier: Callable[..., Applier]) -> None:
    cloud = Cloud()
    applier(cloud).apply(LARGER, today=REFERENCE, **WHEN)
    cloud.done.clear()
    applier(cloud).reset(today=LARGER)
    assert cloud.done == [("no record",), ("concurrency", False), ("scale", 1, 6, 600)]
    applier(cloud).reset(today=REFERENCE)


@pytest.mark.parametrize(
    ("answer", "said"),
    [({"errorMessage": "no"}, "could not be set: no"), ({"ready": False, "note": ""}, "not there yet")],
)
def test_concurrency_that_does_not_come_is_an_error(
    applier: Callable[..., Applier], answer: dict[str, Any], said: str
) -> None:
    cloud = Cloud(answers=(answer,))
    with pytest.raises(ConcurrencyNotSetError, match=said):
        applier(cloud, deadline=0.0).apply(LARGER, today=LARGER, **WHEN)


def test_a_value_holds_while_the_deployment_says_what_it_replaced() -> None:
    record = {
        "values": {"reserved_concurrency": 20, "provisioned_concurrency": 1},
        "instead_of": {"reserved_concurrency": 6, "provisioned_concurrency": 3},
    }
    deployed = {"reserved_concurrency": 6, "provisioned_concurrency": 2}
    assert in_force(deployed, record) == {"reserved_concurrency": 20, "provisioned_concurrency": 2}
    assert in_force(deployed, None) == deployed
