"""Finds the run that a drop or an execution began."""

import shlex
import time
from collections.abc import Iterator

from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.runs.ledger import LedgerItem, read_ledger

# S3 tells EventBridge within seconds; a minute is rare.
_LIMIT_S = 120


def wait_for_drop(deployment: Deployment, key: str, version_id: str) -> LedgerItem:
    """The run that an uploaded object began. Raises CliError when none begins."""
    for items in _ledger_again_and_again(deployment):
        for item in items:
            is_it = (item.bucket, item.key, item.version_id) == (deployment.bucket, key, version_id)
            if is_it and item.run.status != "duplicate":
                return item
    raise CliError(
        f"The drop s3://{deployment.bucket}/{key} began no run within {_LIMIT_S} s.",
        f"Start one by hand: `dropserve run --key {shlex.quote(key)}`; "
        "`dropserve logs workflow` may tell why.",
    )


def wait_for_execution(deployment: Deployment, execution_arn: str) -> LedgerItem:
    """The run that an execution claimed. Raises CliError when the execution ends without one."""
    for items in _ledger_again_and_again(deployment):
        # Asked after the ledger was read, an ended execution without an item has truly none.
        found = [item for item in items if item.execution_arn == execution_arn]
        if found:
            return found[0]
        execution = deployment.aws.stepfunctions.describe_execution(executionArn=execution_arn)
        if execution["status"] not in {"RUNNING", "SUCCEEDED"}:
            cause = execution.get("cause") or execution.get("error") or execution["status"]
            raise CliError(f"The run did not begin: {cause}")
    raise CliError(f"The execution {execution_arn} wrote no run into the ledger.", "See `dropserve logs`.")


def _ledger_again_and_again(deployment: Deployment) -> Iterator[list[LedgerItem]]:
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        yield read_ledger(deployment)
        time.sleep(0.2 if deployment.aws.is_local else 2)
