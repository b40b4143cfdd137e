"""Applies a capacity: recorded, then set; upwards instances before concurrency, downwards after it.

The record stands over the deployment's values from then on: set_concurrency and the workflow read it, so that
neither a release, a resume nor a deployment goes back to the values before.
"""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from contracts.workflow import DEPLOY_LOCK_ID, NOBODY
from functions.capacity_review.scaling import set_scaling
from functions.common.applied_capacity import RECORD, Capacity
from functions.common.documents import check_document
from functions.common.errors import DropserveError

_PAUSE_S = 5.0


class BusyError(DropserveError):
    """A release, a pause or a resume is under way, and sets the same things."""


class ConcurrencyNotSetError(DropserveError):
    """The function that sets the concurrency failed, or its environments did not come in time."""


@dataclass(frozen=True)
class Applier:
    """What applying needs. `endpoint`: the live one, if it has instances; `paused`: nothing is paid for.

    `deadline`: a moment of time.monotonic(), until when environments are waited for.
    """

    parameter: str
    deployed: Capacity
    endpoint: str | None
    paused: bool
    ledger_table: str
    set_concurrency_function: str
    deadline: float
    ssm: Any
    dynamodb: Any
    functions: Any
    autoscaling: Any
    sleep: Callable[[float], None] = time.sleep

    def apply(self, capacity: Capacity, *, today: Capacity | None, at: str, review_uri: str) -> str:
        """Give a note on what the account has no room for. `today`: None for an endpoint that nothing scales.

        Raises BusyError, before and after it has written the record, and ConcurrencyNotSetError.
        """
        self._check_lock()
        document = {
            "values": asdict(capacity),
            "instead_of": asdict(self.deployed),
            "applied_at": at,
            "review_uri": review_uri,
        }
        self.ssm.put_parameter(
            Name=self.parameter,
            Description="What a capacity review has applied; dropserve capacity --reset takes it back",
            Type="String",
            Value=json.dumps(check_document(RECORD, document)),
            Overwrite=True,
        )
        return self._set(capacity, today)

    def reset(self, *, today: Capacity | None) -> str:
        """Back to the deployment's own values. Raises as `apply` does."""
        self._check_lock()
        with contextlib.suppress(self.ssm.exceptions.ParameterNotFound):
            self.ssm.delete_parameter(Name=self.parameter)
        return self._set(self.deployed, today)

    def _set(self, capacity: Capacity, today: Capacity | None) -> str:
        # A release that has begun meanwhile may have read what was in force before.
        self._check_lock()
        larger = None if today is None else _larger_scaling(today, capacity)
        if larger is not None and _scaling(larger) != _scaling(today):
            self._scale(larger)
        note = self._set_concurrency()
        if _scaling(capacity) != _scaling(larger):
            self._scale(capacity)
        return note

    def _scale(self, capacity: Capacity) -> None:
        if self.endpoint is not None:
            set_scaling(self.endpoint, capacity, autoscaling=self.autoscaling)

    def _check_lock(self) -> None:
        item = self.dynamodb.get_item(
            TableName=self.ledger_table, Key={"run_id": {"S": DEPLOY_LOCK_ID}}, ConsistentRead=True
        ).get("Item", {})
        if item.get("holder", {}).get("S", NOBODY) != NOBODY:
            raise BusyError(
                "a release, a pause or a resume is under way, and sets the same; apply again after it"
            )

    def _set_concurrency(self) -> str:
        while True:
            answer = self._ask({"paused": self.paused})
            if answer["ready"]:
                return str(answer["note"])
            if time.monotonic() + _PAUSE_S > self.deadline:
                raise ConcurrencyNotSetError(
                    "the provisioned concurrency is not there yet; apply again, it goes on from there"
                )
            self.sleep(_PAUSE_S)

    def _ask(self, event: dict[str, Any]) -> dict[str, Any]:
        reply = self.functions.invoke(
            FunctionName=self.set_concurrency_function, Payload=json.dumps(event).encode()
        )
        answer: dict[str, Any] = json.loads(reply["Payload"].read())
        if reply.get("FunctionError"):
            raise ConcurrencyNotSetError(f"the concurrency could not be set: {answer.get('errorMessage')}")
        return answer


def _scaling(capacity: Capacity | None) -> tuple[int, int, int] | None:
    if capacity is None:
        return None
    return capacity.min_instances, capacity.max_instances, capacity.target_invocations_per_instance


def _larger_scaling(today: Capacity, wanted: Capacity) -> Capacity:
    """Today's capacity with those bounds and that target, of the two, that keep more instances."""
    return replace(
        today,
        min_instances=max(today.min_instances, wanted.min_instances),
        max_instances=max(today.max_instances, wanted.max_instances),
        target_invocations_per_instance=min(
            today.target_invocations_per_instance, wanted.target_invocations_per_instance
        ),
    )
