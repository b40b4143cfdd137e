"""Whether what a stack made is still there, and still as the stack made it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from deploy_scripts.errors import CliError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceDriftTypeDef

DETECTION_LIMIT_S = 60.0
POLL_S = 0.1


def check_drift(cloudformation: CloudFormationClient, stack: str, *, warn: Callable[[str], None]) -> None:
    """Warn of resources that were changed. Raises CliError when some are gone."""
    detection = cloudformation.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    deadline = time.monotonic() + DETECTION_LIMIT_S
    while (
        cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)[
            "DetectionStatus"
        ]
        == "DETECTION_IN_PROGRESS"
        and time.monotonic() < deadline
    ):
        time.sleep(POLL_S)
    drifts = cloudformation.describe_stack_resource_drifts(
        StackName=stack, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], MaxResults=100
    )["StackResourceDrifts"]
    gone = [_name(drift) for drift in drifts if drift["StackResourceDriftStatus"] == "DELETED"]
    if gone:
        raise CliError(
            f"The stack {stack} calls itself deployed, but of what it made is gone: {', '.join(gone)}.",
            "Make it anew: `dropserve destroy`, then `dropserve up`; drops, runs and the ledger stay.",
        )
    for drift in drifts:
        warn(f"Changed since it was deployed, and left so: {_name(drift)}: {_differences(drift)}")


def _name(drift: StackResourceDriftTypeDef) -> str:
    return f"{drift['LogicalResourceId']} ({drift['ResourceType']})"


def _differences(drift: StackResourceDriftTypeDef) -> str:
    return "; ".join(
        f"{each['PropertyPath']} is {each['ActualValue']}, not {each['ExpectedValue']}"
        for each in drift.get("PropertyDifferences", [])
    )
