"""Ingest: read the input, claim the drop, inspect its dataset, plan its training."""

from typing import Any

from state_machines.common.model_registry import NO_VERSION
from state_machines.common.outcome import IS_CLEAN_UP, Finish, outcome, read_failure
from state_machines.common.settings import SETTINGS
from state_machines.common.supersede import check_current_version
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, Pass, State, Wait, jsonata
from state_machines.language.tasks import (
    RUN_ATTRIBUTES,
    THIS_RUN,
    call,
    catch,
    invoke_function,
    number,
    read_with_function,
    text,
    update_item,
)

# The function itself gives up after six hours; this only bounds the execution's history.
MAX_UPLOAD_WAITS = 720

# What stands for the input where the function that reads it fails: the ledger still gets an item.
_UNREAD = {
    "accepted": False,
    "reason": jsonata(
        "'the input could not be read (' & $states.errorOutput.Error & "
        "'): dropserve logs read_input tells why'"
    ),
    "run": jsonata("{'source': 'manual', 'key': '', 'version_id': '', 'sequencer': '', 'event_time': ''}"),
    "overrides": {},
    "failed": True,
}


def ingest(finish: Finish, *, clean_up: State, action: State) -> Stage:
    """A drop that is new, valid and affordable goes on, with `$run`, `$inspection` and `$plan`."""
    ended = Choice("Clean up?")
    ended.when(IS_CLEAN_UP, clean_up)
    return in_order(
        read_input(),
        initialize_run(),
        ended,
        claim_drop(finish),
        check_input(finish, action),
        check_current_version(finish),
        inspect_dataset(finish),
        plan_training(finish),
    )


def read_input() -> Stage:
    """The execution's input, checked and made small, as `$input`.

    A function does it: an expression that meets a value of another type fails the execution without a trace.
    What is wrong with an input is said once the run has its item in the ledger.
    """
    read = read_with_function(
        "Read input", "${ReadInputFunction}", assign={"input": jsonata("$states.result")}
    )
    return best_effort(read, {"input": _UNREAD})


def initialize_run() -> Pass:
    """Every variable that a later state may read before another has set it."""
    return Pass(
        "Initialize run",
        assign={
            "settings": SETTINGS,
            "run": {
                "id": jsonata(_RUN_ID),
                "source": jsonata("$input.run.source"),
                "bucket": jsonata(_BUCKET),
                "key": jsonata("$input.run.key"),
                "version_id": jsonata("$input.run.version_id"),
                "sequencer": jsonata("$input.run.sequencer"),
                "event_time": jsonata("$input.run.event_time"),
                "started_at": jsonata("$states.context.Execution.StartTime"),
                "execution_arn": jsonata(_execution("arn", "Id")),
            },
            "release_name": jsonata(f"'${{StackName}}-' & {_RUN_ID}"),
            # Whose model is released: of a rollback, that of the run it goes back to.
            "released_run_id": jsonata(f"$exists($input.to) ? $input.to : {_RUN_ID}"),
            "inspection": {},
            "previous": {},
            "canary": {},
            "previous_serves": False,
            "upload_waits": 0,
            "polls": 0,
            "training_job_try": 0,
            "capacity_waits": 0,
            "lock_acquired": False,
            "release_begun": False,
            "recorded": True,
            "model_version": NO_VERSION,
        },
    )


_BUCKET = "($exists($input.run.bucket) ? $input.run.bucket : '${DataBucket}')"


def _execution(ended: str, own: str) -> str:
    """The execution whose run this is: the one to clean up after, or this one."""
    other = f"$input.ended_execution.{ended}"
    return f"($exists({other}) ? {other} : $states.context.Execution.{own})"


# A run by hand is a run of its own: the name of its execution tells it apart.
_SALT = (
    f"($exists($input.run.idempotency_token) ? $input.run.idempotency_token : {_execution('name', 'Name')})"
)
# The same drop announced twice gets the same id. It has 32 characters, so that the name of a release (the
# stack's name and the id) fits SageMaker's 63.
_RUN_ID = f"$hash($string([{_BUCKET}, $input.run.key, $input.run.version_id, {_SALT}]), 'MD5')"


def claim_drop(finish: Finish) -> State:
    """One run a drop: whoever writes the run's item first has it, and S3's second announcement ends here."""
    return call(
        "Claim drop",
        "dynamodb:putItem",
        {
            "TableName": "${LedgerTable}",
            "Item": {"run_id": {"S": THIS_RUN}, **RUN_ATTRIBUTES, "status": {"S": "running"}},
            # The second half lets a retried call of the same execution through.
            "ConditionExpression": "attribute_not_exists(run_id) OR execution_arn = :me",
            "ExpressionAttributeValues": {":me": text("$run.execution_arn")},
        },
        catches=[catch(finish.duplicate, ["DynamoDB.ConditionalCheckFailedException"])],
        # Nothing was made yet, and what has this run's id may be another execution's.
        on_error=read_failure("Read claim failure", finish.record),
    )


def check_input(finish: Finish, action: State) -> Choice:
    """An input that cannot be followed ends here, with the reason; one that brings no drop leaves."""
    valid = Choice("Input valid?")
    valid.when("$exists($input.failed)", finish.record, outcome("failed", "$input.reason"))
    valid.when("$input.accepted = false", finish.record, outcome("rejected", "$input.reason"))
    valid.when("$exists($input.action)", action)
    return valid


def inspect_dataset(finish: Finish) -> Stage:
    """Wait for a folder that still arrives; a drop that cannot be trained on ends here, with the reason."""
    inspect = invoke_function(
        "Inspect dataset",
        "${InspectDatasetFunction}",
        {"run": jsonata("$run")},
        assign={"inspection": jsonata("$states.result.Payload")},
        on_error=finish.failed,
    )
    wait = Wait(
        "Wait for upload",
        seconds=jsonata("$inspection.wait_s"),
        assign={"upload_waits": jsonata("$upload_waits + 1")},
    )
    wait.next(inspect)
    arrives = "$exists($inspection.wait_s) and $inspection.wait_s > 0"
    rejected = outcome("rejected", "$inspection.reason")
    usable = Choice("Dataset usable?")
    usable.when(f"{arrives} and $upload_waits >= {MAX_UPLOAD_WAITS}", finish.record, rejected)
    usable.when(arrives, wait)
    usable.when("$inspection.accepted = false", finish.record, rejected)
    return in_order(inspect, usable)


def plan_training(finish: Finish) -> Stage:
    """Backend, instance, time and money; over budget or impossible ends here, with the reason."""
    payload: dict[str, Any] = {
        "run": jsonata("$run"),
        "overrides": jsonata("$input.overrides"),
        "inspection": jsonata("$inspection"),
    }
    plan = invoke_function(
        "Plan training",
        "${PlanTrainingFunction}",
        payload,
        assign={"plan": jsonata("$states.result.Payload")},
        on_error=finish.failed,
    )
    affordable = Choice("Plan affordable?")
    affordable.when("$plan.accepted = false", finish.record, outcome("rejected", "$plan.reason"))
    record = update_item(
        "Record plan",
        THIS_RUN,
        {
            "backend": text("$plan.backend"),
            "dataset": text("$inspection.dataset"),
            "drop_order_ms": number("$inspection.drop_order_ms"),
        },
        on_error=finish.failed,
    )
    return in_order(plan, affordable, record)
