"""What `up` does about a sudden end of the local cloud: says what is lost, and sees to what it cut off."""

import json
import shlex
from collections.abc import Sequence
from datetime import timedelta

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.local_target import shown_moment
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.drops.unstarted import find_unstarted_drops, start_drop
from deploy_scripts.operations.runs.executions import start_execution
from deploy_scripts.operations.runs.ledger import read_ledger
from deploy_scripts.screen import Screen
from functions.read_input.ended_execution import is_end_of_execution
from local_cloud.server.run_mark import SuddenEnd

# S3 tells whole seconds.
_WHOLE_SECOND = timedelta(seconds=1)


def say_sudden_end(screen: Screen, end: SuddenEnd) -> None:
    """That the cloud did not save as it ended, and how much that loses."""
    when = f" at {shown_moment(end.ended_at)}" if end.ended_at else ""
    why = "it was killed, the machine went down, or its disk was full"
    _warn(screen, f"The local cloud ended{when} without saving: {why}.")
    if end.saved_at is None:
        screen.say("  It had saved nothing yet. The objects in S3 are there.")
    elif end.lost_s is None:
        screen.say(f"  It goes on from {shown_moment(end.saved_at)}. The objects in S3 are all there.")
    else:
        screen.say(
            f"  It goes on from {shown_moment(end.saved_at)}: at most the last {end.lost_s:.1f} s before its "
            "end are lost. The objects in S3 are all there."
        )


def see_to_cut_off(screen: Screen, deployment: Deployment, executions: Sequence[str]) -> None:
    """Name the runs that ended with the cloud; start a clean-up that did anew, since nothing else will."""
    if not executions:
        return
    by_arn = {item.execution_arn: item for item in read_ledger(deployment)}
    for arn in executions:
        item = by_arn.get(arn)
        if item is not None:
            run = item.run.run_id[:8]
            _warn(screen, f"The run {run} of {item.key} was cut off; what it left is being seen to.")
            screen.say(f"  `dropserve runs {run}` tells the end of it.")
            screen.say(f"  Run it again: `dropserve run --key {shlex.quote(item.key)}`")
            continue
        given = _input_of(deployment, arn)
        if is_end_of_execution(given):
            start_execution(deployment, given)


def see_to_unstarted_drops(screen: Screen, deployment: Deployment, end: SuddenEnd | None) -> None:
    """Start the drops whose event the sudden end lost; name those that had no run before it."""
    no_delay = timedelta(0)
    for drop in find_unstarted_drops(deployment, read_ledger(deployment), event_delay=no_delay):
        what = f"s3://{deployment.bucket}/{drop.key}, dropped at {shown_moment(drop.dropped_at)}, has no run."
        _warn(screen, what)
        if end is not None and end.saved_at is not None and drop.dropped_at > end.saved_at - _WHOLE_SECOND:
            start_drop(deployment, drop)
            screen.say("  It runs now: `dropserve watch`")
        else:
            screen.say(f"  Start it: `{drop.command}`")


def _input_of(deployment: Deployment, execution: str) -> dict[str, object]:
    try:
        described = deployment.aws.stepfunctions.describe_execution(executionArn=execution)
    except ClientError as error:
        if is_error(error, "ExecutionDoesNotExist"):
            return {}
        raise
    given = json.loads(described.get("input", "{}"))
    return given if isinstance(given, dict) else {}


def _warn(screen: Screen, text: str) -> None:
    screen.mark("!", "yellow", text)
