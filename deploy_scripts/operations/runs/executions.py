"""An execution of the state machine, followed state by state."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef


@dataclass(frozen=True)
class Step:
    """Something that happened to a state; `kind` is Task, Choice, Wait, Pass, ... as in the definition."""

    event: Literal["entered", "left", "failed", "succeeded"]
    state: str
    kind: str
    at: datetime
    error: str = ""
    cause: str = ""


# The last event of an execution's history.
_ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"}
# A look every second or so finds few new events, and reads those of a page again.
_PAGE_SIZE = 25


class ExecutionFollower:
    """Reads an execution's history as it grows; `ended` once that has told the end."""

    def __init__(self, deployment: Deployment, execution_arn: str) -> None:
        self._client = deployment.aws.stepfunctions
        self._arn = execution_arn
        self.ended = False
        self._last_id = 0
        self._state = ("", "")

    def has_ended(self) -> bool:
        """Also of one whose history does not tell it: a restart of the local cloud ended it.

        Ask before read_new(): what happens between the two is then not lost.
        """
        return self._client.describe_execution(executionArn=self._arn)["status"] != "RUNNING"

    def read_new(self) -> list[Step]:
        """What happened since the last time, oldest first."""
        fresh: list[HistoryEventTypeDef] = []
        pages = self._client.get_paginator("get_execution_history").paginate(
            executionArn=self._arn,
            reverseOrder=True,
            includeExecutionData=False,
            PaginationConfig={"PageSize": _PAGE_SIZE},
        )
        for page in pages:
            unseen = [event for event in page["events"] if event["id"] > self._last_id]
            fresh += unseen
            if len(unseen) < len(page["events"]):
                break
        if fresh:
            self._last_id = fresh[0]["id"]
            self.ended = fresh[0]["type"] in _ENDS
        steps = [self._to_step(event) for event in reversed(fresh)]
        return [step for step in steps if step is not None]

    def _to_step(self, event: HistoryEventTypeDef) -> Step | None:
        happened: str = event["type"]
        if happened.endswith("StateEntered"):
            self._state = (event["stateEnteredEventDetails"]["name"], happened.removesuffix("StateEntered"))
            return Step("entered", *self._state, event["timestamp"])
        if happened.endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            return Step("left", name, happened.removesuffix("StateExited"), event["timestamp"])
        if happened == "TaskSucceeded":
            return Step("succeeded", *self._state, event["timestamp"])
        if happened in {"TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed"}:
            details = _failure_details(event)
            error, cause = details.get("error", ""), details.get("cause", "")
            return Step("failed", *self._state, event["timestamp"], error, cause)
        return None


def start_execution(deployment: Deployment, start_input: dict[str, Any]) -> str:
    """Start the state machine by hand; gives the execution's ARN.

    Raises CliError for a number that JSON cannot hold.
    """
    try:
        text = json.dumps(start_input, allow_nan=False)
    except ValueError as error:
        raise CliError("A number of the overrides is not finite.", "Give numbers such as 0.8.") from error
    answer = deployment.aws.stepfunctions.start_execution(
        stateMachineArn=deployment.state_machine_arn,
        name=f"manual-{datetime.now(UTC):%Y%m%dT%H%M%S%f}",
        input=text,
    )
    return answer["executionArn"]


def _failure_details(event: HistoryEventTypeDef) -> dict[str, str]:
    for name in (
        "taskFailedEventDetails",
        "taskTimedOutEventDetails",
        "taskStartFailedEventDetails",
        "taskSubmitFailedEventDetails",
    ):
        details: Any = event.get(name)
        if details:
            return dict(details)
    return {}
