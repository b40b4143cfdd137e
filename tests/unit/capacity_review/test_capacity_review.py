"""The whole review, of AWS's answers: what its document says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.capacity_review.review import Clients, review
from functions.capacity_review.settings import read_settings
from functions.common.documents import check_document
from tests.unit.capacity_review.test_capacity_reading import VARIABLES

MOMENT = datetime(2026, 1, 10, tzinfo=UTC)
POINTER = (
    '{"release": "dropserve-1", "endpoint_name": "dropserve-1", "run_id": "1", '
    '"model_data_uri": "s3://b/k", "accuracy": 0.9}'
)


class _MissingError(Exception):
    """What a client raises for what is not there."""


class Account:
    """Answers of every client; 30 hours of 60 requests a minute."""

    class exceptions:  # noqa: N801 - as botocore calls it
        ParameterNotFound = _MissingError
        ProvisionedConcurrencyConfigNotFoundException = _MissingError

    def __init__(self, *, limit: int = 1000, pointer: str | None = POINTER) -> None:
        self.limit, self.pointer = limit, pointer

    def get_parameter(self, **_: Any) -> dict[str, Any]:
        if self.pointer is None:
            raise _MissingError
        return {"Parameter": {"Value": self.pointer}}

    def get_account_settings(self) -> dict[str, Any]:
        return {
            "AccountLimit": {"ConcurrentExecutions": self.limit, "UnreservedConcurrentExecutions": self.limit}
        }

    def get_function_concurrency(self, **_: Any) -> dict[str, Any]:
        return {}

    def get_provisioned_concurrency_config(self, **_: Any) -> dict[str, Any]:
        raise _MissingError

    def describe_endpoint(self, **_: Any) -> dict[str, Any]:
        return {"EndpointConfigName": "dropserve-1"}

    def describe_endpoint_config(self, **_: Any) -> dict[str, Any]:
        return {"ProductionVariants": [{"InstanceType": "ml.m6g.large"}]}

    def describe_scalable_targets(self, **_: Any) -> dict[str, Any]:
        return {"ScalableTargets": [{"MinCapacity": 1, "MaxCapacity": 6}]}

    def describe_scaling_policies(self, **_: Any) -> dict[str, Any]:
        policy = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 600.0}}
        return {"ScalingPolicies": [policy]}

    def get_paginator(self, operation: str) -> "Account":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        if "MetricDataQueries" not in asked:
            quota = {"QuotaName": "ml.m6g.large for endpoint usage", "QuotaCode": "L-1", "Value": 4.0}
            return [{"Quotas": [quota]}]
        values = {"invocations": 60.0, "duration_s": 300.0, "concurrency": 3.0, "per_instance": 60.0}
        values |= {"endpoint_invocations": 60.0, "model_latency_s": 40_000.0}
        moments = [MOMENT - timedelta(minutes=minute) for minute in range(1, 30 * 60)]
        names = [query["Id"] for query in asked["MetricDataQueries"]]
        return [
            {
                "MetricDataResults": [
                    {"Id": name, "Timestamps": moments, "Values": [values[name]] * len(moments)}
                    for name in names
                    if name in values
                ]
            }
        ]


def reviewed(account: Account) -> dict[str, Any]:
    clients = Clients(*[account] * 6)
    done = review(read_settings(VARIABLES), days=7, moment=MOMENT, clients=clients)
    return check_document("capacity_review", done.document)


def test_it_recommends_beside_what_is_set() -> None:
    document = reviewed(Account())

    assert document["traffic"]["requests"] == 60 * (30 * 60 - 1)
    assert document["today"]["settings"]["reserved_concurrency"] is None
    assert document["recommended"]["settings"]["max_instances"] == 4
    assert document["recommended"]["settings"]["reserved_concurrency"] == 6
    assert document["recommended"]["notes"] == [
        "6 instances are held to 4 by the account's quota of instances"
    ]


def test_an_account_without_room_is_told_so_and_the_function_is_not_closed() -> None:
    document = reviewed(Account(limit=10))

    assert document["recommended"]["settings"]["reserved_concurrency"] == 6
    assert any("until its quota is raised" in note for note in document["recommended"]["notes"])


@pytest.mark.parametrize("pointer", [None, POINTER[:-1] + ', "paused_at": "2026-01-01T00:00:00Z"}'])
def test_nothing_is_recommended_where_nothing_serves(pointer: str | None) -> None:
    document = reviewed(Account(pointer=pointer))

    assert document["recommended"] is None
    assert "nothing is live, or it is paused" in document["reason"]
    assert document["traffic"]["requests"] > 0
