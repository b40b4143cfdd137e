"""One deployer at a time, and an older drop never replaces a newer one.

The lock names the execution that holds it, so a holder that died is seen for what it is by DescribeExecution.
It also names the drop that was released last: its key, its sequencer, and when it was complete. Two drops of
one key are ordered by S3's sequencer, others by time, which S3's events tell in whole seconds:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from contracts.workflow import DEPLOY_LOCK_ID, NOBODY
from state_machines.common.outcome import Finish, outcome
from state_machines.common.polling import OUT_OF_POLLS, out_of_polls, poll
from state_machines.language.flow import Stage, best_effort
from state_machines.language.sdk import Choice, State, Task, jsonata
from state_machines.language.tasks import KEEP_ERROR, call, catch, number, text, update_item

# The attributes of the lock that say which drop was released last -> (type, value before the first release).
NEWEST_DROP = {
    "newest_drop_order_ms": ("N", "0"),
    # asl-validator takes no empty text as it is.
    "newest_drop_key": ("S", jsonata("''")),
    "newest_drop_sequencer": ("S", jsonata("''")),
}
# Whether two drops are of one key, with sequencers to compare.
_SAME_KEY = "$lock.newest_drop_key = $run.key and $run.sequencer != '' and $lock.newest_drop_sequencer != ''"
_OLDER = (
    f"({_SAME_KEY}) ? $run.sequencer < $lock.newest_drop_sequencer "
    ": $inspection.drop_order_ms < $lock.newest_drop_order_ms"
)


def acquire_deploy_lock(finish: Finish, when: str = "", *, brings_drop: bool = True) -> Stage:
    """Wait for the lock within the run's poll limit; `superseded` when a newer drop has been released.

    `when` tells the states of two uses apart; what brings no drop has no place among the drops.
    """
    read = _read_lock(finish, when)
    wait = poll(f"deploy lock{when}", then=read)
    acquire = _acquire_lock(finish, when, refused=wait)
    holder = call(
        f"Read lock holder{when}",
        "aws-sdk:sfn:describeExecution",
        # Without its input and output, which may be as large as a state's data may be.
        {"ExecutionArn": jsonata("$lock.holder"), "IncludedData": "METADATA_ONLY"},
        assign={"holder_status": jsonata("$states.result.Status")},
        # Deleted with its state machine, or ended more than 90 days ago.
        catches=[catch(acquire, ["Sfn.ExecutionDoesNotExistException"])],
        on_error=wait,
        error_assign=None,
    )
    running = Choice(f"Lock holder running{when}?")
    running.when("$holder_status = 'RUNNING'", wait)
    running.next(acquire)
    holder.next(running)
    free = Choice(f"Deploy lock free{when}?")
    if brings_drop:
        newer = outcome("superseded", "'a newer drop than ' & $run.key & ' is live already'")
        free.when(_OLDER, finish.release_lock, newer)
    free.when(OUT_OF_POLLS, finish.failed, out_of_polls("deploy lock"))
    free.when(f"$lock.holder = '{NOBODY}' or $lock.holder = $run.execution_arn", acquire)
    free.next(holder)
    read.next(free)
    return Stage(read, (acquire.next,))


def _read_lock(finish: Finish, when: str) -> Task:
    """Read the lock; the first run ever finds one that is free."""
    missing = [f"#{name} = if_not_exists(#{name}, :{name})" for name in ("holder", *NEWEST_DROP)]
    before = {f":{name}": {kind: value} for name, (kind, value) in NEWEST_DROP.items()}
    attributes = "$states.result.Attributes"
    return call(
        f"Read deploy lock{when}",
        "dynamodb:updateItem",
        {
            "TableName": "${LedgerTable}",
            "Key": {"run_id": {"S": DEPLOY_LOCK_ID}},
            "UpdateExpression": f"SET {', '.join(missing)}",
            "ExpressionAttributeNames": {f"#{name}": name for name in ("holder", *NEWEST_DROP)},
            "ExpressionAttributeValues": {":holder": {"S": NOBODY}, **before},
            "ReturnValues": "ALL_NEW",
        },
        assign={
            "lock": {
                "holder": jsonata(f"{attributes}.holder.S"),
                "newest_drop_order_ms": jsonata(f"$number({attributes}.newest_drop_order_ms.N)"),
                "newest_drop_key": jsonata(f"{attributes}.newest_drop_key.S"),
                "newest_drop_sequencer": jsonata(f"{attributes}.newest_drop_sequencer.S"),
            }
        },
        on_error=finish.failed,
    )


def _acquire_lock(finish: Finish, when: str, *, refused: State) -> Task:
    """Take the lock from the holder that was seen; if anyone was quicker, read it again.

    A whole release may have come and gone since the lock was read, so the drop must be the one seen, too.
    """
    seen = {
        ":seen": text("$lock.holder"),
        ":order": number("$lock.newest_drop_order_ms"),
        ":key": text("$lock.newest_drop_key"),
        ":sequencer": text("$lock.newest_drop_sequencer"),
    }
    acquired = {"lock_acquired": True}
    return update_item(
        f"Acquire deploy lock{when}",
        DEPLOY_LOCK_ID,
        {"holder": text("$run.execution_arn")},
        condition=(
            "(#holder = :seen OR #holder = :holder) AND newest_drop_order_ms = :order "
            "AND newest_drop_key = :key AND newest_drop_sequencer = :sequencer"
        ),
        condition_values=seen,
        catches=[catch(refused, ["DynamoDB.ConditionalCheckFailedException"])],
        assign=acquired,
        # The answer may be what was lost: releasing a lock that another one holds does nothing.
        on_error=finish.failed,
        error_assign={**KEEP_ERROR, **acquired},
    )


def record_newest_drop() -> Stage:
    """From now on a drop older than this one gives way."""
    return best_effort(
        update_item(
            "Record newest drop",
            DEPLOY_LOCK_ID,
            {
                "newest_drop_order_ms": number("$inspection.drop_order_ms"),
                "newest_drop_key": text("$run.key"),
                "newest_drop_sequencer": text("$run.sequencer"),
            },
            on_error=None,
        )
    )
