"""The outcome of a run: what it is, and the states that finish a run with it.

`$outcome` has the status, reason and release. From there each step leads to the next one, whatever happens.
"""

from dataclasses import dataclass
from typing import Any

from state_machines.common.model_registry import reject_version
from state_machines.common.teardown import release_deploy_lock, teardown_candidate, terminate_training
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, Fail, State, Succeed, Task, jsonata
from state_machines.language.tasks import (
    RUN_ATTRIBUTES,
    THIS_RUN,
    call,
    catch,
    invoke_function,
    text,
    update_item,
)

# Whether this execution cleans up after another one.
IS_CLEAN_UP = "$exists($input.ended_execution)"

# How a run ends whose release is live: one by `dropserve rollback` makes that of another run live again.
LIVE_STATUS = "$exists($input.action) ? 'restored' : 'live'"
# How an execution fails that has told the ledger how its run ended -> the run's status.
ENDS_TOLD = {"RunFailed": "failed", "RunBlocked": "blocked", "RunRolledBack": "rolled_back"}

# Of the run: also what went wrong with the version of its model.
_REASON = "$outcome.reason & $model_version.note"
# How an execution fails that could not take a release back: the clean-up does it.
ROLLBACK_FAILED = "RollbackFailed"


def outcome(status: str, reason: str, release: str = "''") -> dict[str, Any]:
    """Assigns `$outcome`; `reason` and `release` are expressions, `status` is one or a plain text."""
    return {
        "outcome": {
            "status": jsonata(status) if status.startswith("$") else status,
            "reason": jsonata(reason),
            "release": jsonata(release),
        }
    }


@dataclass(frozen=True)
class Finish:
    """Where the stages send a run that ends; all but `failed` want `$outcome`, and lead on down this list."""

    # Says in a sentence what `$error` is, then tears down.
    failed: State
    teardown: State
    idle: State
    release_lock: State
    record: State
    # Where another execution has the run.
    duplicate: State


def finish_run() -> Finish:
    """Read failure -> tear down the candidate, reject its model -> release the lock -> record the outcome.

    A deployment that was paused before keeps no concurrency that is paid for.
    """
    duplicate = record_duplicate()
    candidate, idle, lock, record = (
        teardown_candidate(),
        take_concurrency_away(),
        release_deploy_lock(),
        record_outcome(duplicate),
    )
    paused = Choice("Paused before?")
    paused.when("$exists($previous.paused_at)", idle.start)
    in_order(
        candidate,
        reject_version(),
        terminate_training(),
        Stage(paused, (paused.next, *idle.exits)),
        lock,
        record,
    )
    return Finish(
        failed=read_failure("Read failure", candidate.start),
        teardown=candidate.start,
        idle=idle.start,
        release_lock=lock.start,
        record=record.start,
        duplicate=duplicate,
    )


def take_concurrency_away() -> Stage:
    """What the inference function has provisioned, which is paid by the hour."""
    task = invoke_function(
        "Take concurrency away",
        "${SetConcurrencyFunction}",
        {"run": jsonata("$run"), "paused": True},
        assign={"concurrency": jsonata("$states.result.Payload")},
        on_error=None,
    )
    left = "$outcome.reason & '; the provisioned concurrency stays: ' & $states.errorOutput.Error"
    return best_effort(task, outcome("failed", left))


def read_failure(name: str, then: State) -> Task:
    """The outcome `failed`, with what `$error` says; where even that cannot be read, with its name.

    A function reads it: a Cause may be JSON, cut JSON, or missing.
    """
    task = ask_about_failure(
        name,
        assign=outcome("failed", "$states.result.Payload.reason"),
        on_error=then,
        error_assign=outcome("failed", "$error.Error & ': the history of the execution tells more'"),
    )
    task.next(then)
    return task


def ask_about_failure(name: str, **fields: Any) -> Task:
    """The function that reads `$error`; its answer has `reason` and `lacks_spot_capacity`."""
    return invoke_function(name, "${ReadFailureFunction}", {"error": jsonata("$error")}, **fields)


def own_error(name: str, cause: str) -> dict[str, Any]:
    """Assigns `$error` for a fault that no API reported; `cause` is an expression."""
    return {"error": {"Error": name, "Cause": jsonata(cause)}}


def record_outcome(duplicate: State) -> Stage:
    """Ledger, then topic, then Succeed, or Fail where a person, or the clean-up, has to look.

    An announcement that ends before its claim tells nothing of a run that another one has: it is a duplicate.
    """
    record = update_item(
        "Record outcome",
        THIS_RUN,
        {
            "status": text("$outcome.status"),
            "reason": text(_REASON),
            "release": text("$outcome.release"),
            "ended_at": text("$states.context.State.EnteredTime"),
        },
        # Where the ledger refused the claim, it has no item yet, or that of the drop's first announcement.
        initial=RUN_ATTRIBUTES,
        condition="attribute_not_exists(run_id) OR #execution_arn = :execution_arn",
        catches=[catch(duplicate, ["DynamoDB.ConditionalCheckFailedException"])],
        on_error=None,
    )
    # With what the inspection found, if anything.
    findings = "$exists($inspection.findings) and $inspection.findings != ''"
    drop = "$run.key != '' ? ' of s3://' & $run.bucket & '/' & $run.key : ' (' & $run.source & ')'"
    message = (
        f"'Run ' & $run.id & ({drop}) & ' ended as ' & $outcome.status "
        f"& ': ' & {_REASON} & ({findings} ? ' - Found in the drop: ' & $inspection.findings : '')"
    )
    notify = call(
        "Notify",
        "sns:publish",
        {
            "TopicArn": "${NotificationTopicArn}",
            "Subject": jsonata("'dropserve: ' & $outcome.status"),
            "Message": jsonata(message),
        },
        on_error=None,
    )
    succeed = Succeed("Run ended")
    end = Choice("Which outcome?")
    unrecorded = Fail(
        "Outcome not recorded",
        error="LedgerFailed",
        cause="The ledger could not be told how the run ended: the clean-up tells it.",
    )
    end.when("$recorded = false", unrecorded)
    # The alarm has heard of the execution that is cleaned up after.
    end.when(IS_CLEAN_UP, succeed)
    for error, status in ENDS_TOLD.items():
        cause = "The run ledger and the notification hold the reason."
        fail = Fail(f"Run {status.replace('_', ' ')}", error=error, cause=cause)
        end.when(f"$outcome.status = '{status}'", fail)
    return in_order(best_effort(record, {"recorded": False}), best_effort(notify), end, succeed)


def record_duplicate() -> State:
    """The second announcement of a drop gets an item of its own, named after its execution."""
    record = call(
        "Record duplicate",
        "dynamodb:putItem",
        {
            "TableName": "${LedgerTable}",
            "Item": {
                "run_id": text("$states.context.Execution.Name"),
                "duplicate_of": text("$run.id"),
                **RUN_ATTRIBUTES,
                "ended_at": text("$states.context.State.EnteredTime"),
                "status": {"S": "duplicate"},
                "reason": text("'already handled by run ' & $run.id"),
            },
        },
        on_error=Fail("Duplicate not recorded", error="LedgerFailed", cause="The ledger refused the item."),
        error_assign=None,
    )
    record.next(Succeed("Drop already handled"))
    return record
