"""Which runs of the ledger go on, and which have ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from contracts.workflow import DEPLOY_LOCK_ID

# One that succeeded writes its run's end itself; one that may be redriven goes on.
_GOES_ON = {"RUNNING", "SUCCEEDED", "PENDING_REDRIVE"}


@dataclass(frozen=True)
class Runs:
    """The ids of all runs of a ledger."""

    running: frozenset[str]
    ended: frozenset[str]


@dataclass(frozen=True)
class End:
    """How an execution ended that did not tell the ledger; `at` None: its record is gone."""

    reason: str
    at: datetime | None


def read_runs(table: str, *, dynamodb: Any, stepfunctions: Any) -> Runs:
    """A run whose execution has ended without telling the ledger is no running one."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        ProjectionExpression="run_id, execution_arn, #status",
        ExpressionAttributeNames={"#status": "status"},
    )
    items = [item for page in pages for item in page["Items"] if item["run_id"]["S"] != DEPLOY_LOCK_ID]
    running = frozenset(
        item["run_id"]["S"]
        for item in items
        if item.get("status", {}).get("S", "running") == "running"
        and find_end(item.get("execution_arn", {}).get("S", ""), stepfunctions=stepfunctions) is None
    )
    return Runs(running, frozenset(item["run_id"]["S"] for item in items) - running)


def find_end(execution_arn: str, *, stepfunctions: Any) -> End | None:
    """How an execution ended that could not tell the ledger, stopped or cut off; None while it goes on."""
    try:
        execution = stepfunctions.describe_execution(executionArn=execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return End("its execution is gone", None)
    if execution["status"] in _GOES_ON:
        return None
    cause = execution.get("cause", "no cause given")
    return End(f"its execution ended as {execution['status']}: {cause}", execution.get("stopDate"))
