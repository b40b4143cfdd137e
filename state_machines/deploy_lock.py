"""One deployer at a time, and an older drop never replaces a newer one.

The lock names the execution that holds it, so a holder that died is seen for what it is by DescribeExecution.
It also names the drop that was released last: its key, its sequencer, and when it was complete. Two drops of
one key are ordered by S3's sequencer, others by time, which S3's events tell in whole seconds:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from typing import Any

from contracts.workflow import NOBODY
from state_machines.endings import Endings
from state_machines.newer_version import give_way_to_newer_version
from state_machines.polling import wait_and_count
from state_machines.states_language import Chain, Choice, ChoiceRule
from state_machines.tasks import DEPLOY_LOCK, call, catch, update_item

# The attributes of the lock that say which drop was released last -> (type, value before the first release).
NEWEST_DROP = {
    "newest_drop_order_ms": ("N", "0"),
    "newest_drop_key": ("S", ""),
    "newest_drop_sequencer": ("S", ""),
}


def take_deploy_lock(endings: Endings, then: Any) -> Any:
    """Wait for the lock within the run's poll limit; `superseded` when a newer drop has been released."""
    read = _read_lock(endings)
    wait = wait_and_count("lock", read, endings.failed)
    take = _take_lock(endings, refused=wait)
    # Once more, with the lock held: training took its time.
    take.next(give_way_to_newer_version(endings, "Read current version again", then))
    look = call(
        "Look at holder",
        "aws-sdk:sfn:describeExecution",
        # Without its input and output, which may be as large as a state's data may be.
        {"ExecutionArn.$": "$.lock.holder", "IncludedData": "METADATA_ONLY"},
        select={"status.$": "$.Status"},
        into="$.holder",
        on_error=wait,
        error_into=None,
    )
    holder_lives = Choice("Does the holder live?")
    holder_lives.add_choice(ChoiceRule.StringEquals("$.holder.status", "RUNNING"), wait)
    holder_lives.default_choice(take)
    look.next(holder_lives)
    free = Choice("Is the lock free?")
    free.add_choice(_is_older(), endings.superseded)
    free.add_choice(ChoiceRule.StringEquals("$.lock.holder", NOBODY), take)
    free.add_choice(ChoiceRule.StringEqualsPath("$.lock.holder", "$.run.execution_arn"), take)
    free.default_choice(look)
    return Chain([read, free])


def _is_older() -> ChoiceRule:
    """Whether this run's drop is older than the one that was released last."""
    comparable = [
        ChoiceRule.StringEqualsPath("$.lock.newest_drop_key", "$.run.key"),
        ChoiceRule.Not(ChoiceRule.StringEquals("$.run.sequencer", "")),
        ChoiceRule.Not(ChoiceRule.StringEquals("$.lock.newest_drop_sequencer", "")),
    ]
    by_sequencer = ChoiceRule.StringLessThanPath("$.run.sequencer", "$.lock.newest_drop_sequencer")
    by_time = ChoiceRule.NumericLessThanPath(
        "$.inspection.answer.drop_order_ms", "$.lock.newest_drop_order_ms"
    )
    return ChoiceRule.Or(
        [
            ChoiceRule.And([*comparable, by_sequencer]),
            ChoiceRule.And([ChoiceRule.Not(ChoiceRule.And(comparable)), by_time]),
        ]
    )


def _read_lock(endings: Endings) -> Any:
    """Read the lock; the first run ever finds one that is free."""
    missing = [f"#{name} = if_not_exists(#{name}, :{name})" for name in ("holder", *NEWEST_DROP)]
    before = {f":{name}": {kind: value} for name, (kind, value) in NEWEST_DROP.items()}
    return call(
        "Read deploy lock",
        "dynamodb:updateItem",
        {
            "TableName": "${LedgerTable}",
            "Key": {"run_id": DEPLOY_LOCK},
            "UpdateExpression": f"SET {', '.join(missing)}",
            "ExpressionAttributeNames": {f"#{name}": name for name in ("holder", *NEWEST_DROP)},
            "ExpressionAttributeValues": {":holder": {"S": NOBODY}, **before},
            "ReturnValues": "ALL_NEW",
        },
        select={
            "holder.$": "$.Attributes.holder.S",
            "newest_drop_order_ms.$": "States.StringToJson($.Attributes.newest_drop_order_ms.N)",
            "newest_drop_key.$": "$.Attributes.newest_drop_key.S",
            "newest_drop_sequencer.$": "$.Attributes.newest_drop_sequencer.S",
        },
        into="$.lock",
        on_error=endings.failed,
    )


def _take_lock(endings: Endings, *, refused: Any) -> Any:
    """Take the lock from the holder that was seen; if anyone was quicker, read it again.

    A whole release may have come and gone since the lock was read, so the drop must be the one seen, too.
    """
    seen = {
        ":order": {"N.$": "States.Format('{}', $.lock.newest_drop_order_ms)"},
        ":key": {"S.$": "$.lock.newest_drop_key"},
        ":sequencer": {"S.$": "$.lock.newest_drop_sequencer"},
    }
    return update_item(
        "Take deploy lock",
        DEPLOY_LOCK,
        {"holder": {"S.$": "$.run.execution_arn"}},
        condition=(
            "(#holder = :seen OR #holder = :holder) AND newest_drop_order_ms = :order "
            "AND newest_drop_key = :key AND newest_drop_sequencer = :sequencer"
        ),
        condition_values={":seen": {"S.$": "$.lock.holder"}, **seen},
        catches=[catch(refused, ["DynamoDB.ConditionalCheckFailedException"], result_path=None)],
        into="$.lock_taken",
        on_error=endings.failed,
    )


def note_newest_drop(then: Any) -> Any:
    """From now on a drop older than this one gives way."""
    state = update_item(
        "Note newest drop",
        DEPLOY_LOCK,
        {
            "newest_drop_order_ms": {"N.$": "States.Format('{}', $.inspection.answer.drop_order_ms)"},
            "newest_drop_key": {"S.$": "$.run.key"},
            "newest_drop_sequencer": {"S.$": "$.run.sequencer"},
        },
        on_error=then,
        error_into=None,
    )
    state.next(then)
    return state
