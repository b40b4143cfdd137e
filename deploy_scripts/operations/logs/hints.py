"""Which log tells more about a run that failed: that of the step at which it failed or was stopped."""

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.runs.executions import ExecutionFollower, Step
from deploy_scripts.operations.runs.ledger import LedgerItem

# States that invoke a function -> its folder.
FUNCTION_STATES = {
    "Read input": "read_input",
    "Inspect dataset": "inspect_dataset",
    "Plan training": "plan_training",
    "Judge model": "judge_model",
    "Audit IAM": "iam_audit",
    "Accept model": "accept_model",
    "Set concurrency": "set_concurrency",
    "Accept model again": "accept_model",
    "Test canary": "accept_model",
    "Test release": "accept_model",
    "Set concurrency again": "set_concurrency",
    "Take concurrency away": "set_concurrency",
}
_ENDPOINT_STATES = {
    *("Create endpoint", "Describe endpoint"),
    *("Create endpoint again", "Describe endpoint again"),
}
# What runs after a failure, whatever it was: its own faults are not why the run failed.
AFTERWARDS = (
    *("Read failure", "Read claim failure", "Read spot failure", "Read resume failure", "Recheck folder"),
    *("Read canary failure", "Read rollback failure", "Read wrong answers"),
    *(
        "Describe candidate",
        "Describe previous",
        "Describe training",
        "Describe endpoint to",
        "Deregister ",
        "Delete ",
    ),
    *(
        "Create endpoint log group",
        "Set log retention",
        "Terminate ",
        "Release deploy lock",
        "Record outcome",
        "Notify",
        "Restore live endpoint",
    ),
)


def log_command(deployment: Deployment, item: LedgerItem) -> str:
    """`dropserve logs ...` for the step that failed; for the workflow's own log when no step did."""
    run = item.run.run_id[:8]
    state = _failed_state(deployment, item)
    if state is None:
        return "dropserve logs workflow"
    if state.startswith("Train on "):
        return f"dropserve logs training --run {run}"
    if state in _ENDPOINT_STATES:
        return f"dropserve logs endpoint --run {run}"
    return f"dropserve logs {FUNCTION_STATES.get(state, 'workflow')}"


def _failed_state(deployment: Deployment, item: LedgerItem) -> str | None:
    try:
        steps = ExecutionFollower(deployment, item.execution_arn).read_new()
    except ClientError as error:
        if is_error(error, "ExecutionDoesNotExist"):  # Step Functions forgets them after 90 days
            return None
        raise
    return failed_state(steps)


def failed_state(steps: list[Step]) -> str | None:
    """The state that failed, or in which the execution was stopped; after it none succeeded, clean-up aside.

    An endpoint that never comes into service fails no state: then it is the last that succeeded.
    """
    failed = last = at_work = None
    for step in steps:
        if step.kind != "Task" or step.state.startswith(AFTERWARDS):
            continue
        if step.event == "entered":
            at_work = step.state
        elif step.event == "left":
            at_work = None
        elif step.event == "failed":
            failed = step.state
        else:
            failed, last = None, step.state
    # A state that is stopped is never left.
    return at_work or failed or last
