"""Concurrency goes up and down in the order that Lambda allows, and only where the account has room."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from functions.set_concurrency.concurrency import Concurrency, ConcurrencyError, set_concurrency


class Lambda:
    """Lambda's own rules: what is reserved covers what is provisioned, and 100 executions stay unreserved."""

    exceptions = boto3.client("lambda", region_name="us-east-1").exceptions

    def __init__(self, reserved: int | None, provisioned: int, *, limit: int = 1000) -> None:
        self.reserved, self.provisioned, self.limit = reserved, provisioned, limit
        self.status = "READY"
        self.changes: list[str] = []

    def get_account_settings(self) -> dict[str, Any]:
        unreserved = self.limit - (self.reserved or 0)
        return {
            "AccountLimit": {"ConcurrentExecutions": self.limit, "UnreservedConcurrentExecutions": unreserved}
        }

    def get_function_concurrency(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        return {} if self.reserved is None else {"ReservedConcurrentExecutions": self.reserved}

    def put_function_concurrency(self, *, FunctionName: str, ReservedConcurrentExecutions: int) -> None:  # noqa: N803
        assert ReservedConcurrentExecutions >= self.provisioned
        assert self.limit - ReservedConcurrentExecutions >= 100
        self.reserved = ReservedConcurrentExecutions
        self.changes.append("reserved")

    def get_provisioned_concurrency_config(self, *, FunctionName: str, Qualifier: str) -> dict[str, Any]:  # noqa: N803
        assert Qualifier == "live"
        if not self.provisioned:
            error = {"Error": {"Code": "ProvisionedConcurrencyConfigNotFoundException", "Message": ""}}
            raise self.exceptions.ProvisionedConcurrencyConfigNotFoundException(error, "Get")  # type: ignore[arg-type]
        answer = {"RequestedProvisionedConcurrentExecutions": self.provisioned, "Status": self.status}
        # The next question finds it ready.
        if self.status == "IN_PROGRESS":
            self.status = "READY"
        return answer

    def put_provisioned_concurrency_config(
        self,
        *,
        FunctionName: str,  # noqa: N803
        Qualifier: str,  # noqa: N803
        ProvisionedConcurrentExecutions: int,  # noqa: N803
    ) -> None:
        assert self.reserved is None or self.reserved >= ProvisionedConcurrentExecutions
        self.provisioned, self.status = ProvisionedConcurrentExecutions, "IN_PROGRESS"
        self.changes.append("provisioned")

    def delete_provisioned_concurrency_config(self, *, FunctionName: str, Qualifier: str) -> None:  # noqa: N803
        assert Qualifier == "live"
        assert self.provisioned, "Lambda would answer 404"
        self.provisioned = 0
        self.changes.append("deleted")


def until_ready(cloud: Lambda, wanted: Concurrency) -> dict[str, Any]:
    for _ in range(5):
        answer = set_concurrency("inference", wanted, functions=cloud)
        if answer["ready"]:
            return answer
    raise AssertionError("never ready")


@pytest.mark.parametrize(
    ("reserved", "provisioned", "wanted", "changes"),
    [
        (None, 0, (6, 3), ["reserved", "provisioned"]),
        (6, 3, (6, 3), []),
        (6, 3, (20, 10), ["reserved", "provisioned"]),
        (20, 10, (6, 3), ["provisioned", "reserved"]),
        (20, 3, (6, 3), ["reserved"]),
        (6, 3, (6, 6), ["provisioned"]),
        # Somebody took the reservation away, or a code deploy what was provisioned.
        (None, 3, (6, 3), ["reserved"]),
        (6, 0, (6, 3), ["provisioned"]),
        # Paused.
        (6, 3, (6, 0), ["deleted"]),
        (20, 10, (6, 0), ["deleted", "reserved"]),
        (None, 0, (6, 0), ["reserved"]),
        (6, 0, (6, 0), []),
    ],
)
def test_up_and_down_in_the_right_order(
    reserved: int | None, provisioned: int, wanted: tuple[int, int], changes: list[str]
) -> None:
    cloud = Lambda(reserved, provisioned)

    answer = until_ready(cloud, Concurrency(*wanted))

    assert (cloud.reserved, cloud.provisioned) == wanted
    assert cloud.changes == changes
    assert answer["note"] == ""


@pytest.mark.parametrize(("limit", "reserved"), [(10, None), (100, None), (105, None), (1000, 900)])
def test_an_account_without_room_is_left_as_it_is_and_the_note_says_so(
    limit: int, reserved: int | None
) -> None:
    cloud = Lambda(reserved, 0, limit=limit)
    wanted = Concurrency(6 if reserved is None else 901, 3)

    answer = set_concurrency("inference", wanted, functions=cloud)

    assert answer["ready"]
    assert f"of the account's {limit} executions" in answer["note"]
    assert len(answer["note"]) <= 250
    assert cloud.changes == []


def test_what_is_paid_for_goes_also_from_an_account_without_room() -> None:
    cloud = Lambda(None, 3, limit=100)

    assert set_concurrency("inference", Concurrency(6, 0), functions=cloud)["ready"]
    assert cloud.changes == ["deleted"]


def test_what_lambda_cannot_provision_is_an_error_with_its_reason() -> None:
    cloud = Lambda(6, 3)
    cloud.status = "FAILED"

    with pytest.raises(ConcurrencyError, match="no concurrency could be provisioned"):
        set_concurrency("inference", Concurrency(6, 3), functions=cloud)


def test_another_refusal_passes_on() -> None:
    class Throttled(Lambda):
        def get_account_settings(self) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "TooManyRequestsException", "Message": ""}}, "Get")

    with pytest.raises(ClientError):
        set_concurrency("inference", Concurrency(6, 3), functions=Throttled(6, 3))
