"""One deployer at a time, and an older drop never replaces a newer one.

The lock names the execution that holds it, so a holder that died is seen for what it is by DescribeExecution.
"""

from typing import Any

from state_machines.endings import Endings
from state_machines.polling import wait_and_count
from state_machines.states_language import Chain, Choice, ChoiceRule
from state_machines.tasks import DEPLOY_LOCK, NOBODY, call, catch, update_item


def take_deploy_lock(endings: Endings, then: Any) -> Any:
    """Wait for the lock within the run's poll limit; `superseded` when a newer drop has been released."""
    read = _read_lock(endings)
    wait = wait_and_count("lock", read, endings.failed)
    take = _take_lock(endings, refused=wait)
    take.next(then)
    look = call(
        "Look at holder",
        "aws-sdk:sfn:describeExecution",
        {"ExecutionArn.$": "$.lock.holder"},
        select={"status.$": "$.Status"},
        into="$.holder",
        on_error=wait,
    )
    holder_lives = Choice("Does the holder live?")
    holder_lives.add_choice(ChoiceRule.StringEquals("$.holder.status", "RUNNING"), wait)
    holder_lives.default_choice(take)
    look.next(holder_lives)
    free = Choice("Is the lock free?")
    free.add_choice(
        ChoiceRule.NumericGreaterThanPath("$.lock.newest_drop_order_ms", "$.inspection.answer.drop_order_ms"),
        endings.superseded,
    )
    free.add_choice(ChoiceRule.StringEquals("$.lock.holder", NOBODY), take)
    free.add_choice(ChoiceRule.StringEqualsPath("$.lock.holder", "$.run.execution_arn"), take)
    free.default_choice(look)
    return Chain([read, free])


def _read_lock(endings: Endings) -> Any:
    """Read the lock; the first run ever finds one that is free."""
    return call(
        "Read deploy lock",
        "dynamodb:updateItem",
        {
            "TableName": "${LedgerTable}",
            "Key": {"run_id": DEPLOY_LOCK},
            "UpdateExpression": (
                "SET #holder = if_not_exists(#holder, :nobody), "
                "#newest_drop_order_ms = if_not_exists(#newest_drop_order_ms, :never)"
            ),
            "ExpressionAttributeNames": {
                "#holder": "holder",
                "#newest_drop_order_ms": "newest_drop_order_ms",
            },
            "ExpressionAttributeValues": {":nobody": {"S": NOBODY}, ":never": {"N": "0"}},
            "ReturnValues": "ALL_NEW",
        },
        select={
            "holder.$": "$.Attributes.holder.S",
            "newest_drop_order_ms.$": "States.StringToJson($.Attributes.newest_drop_order_ms.N)",
        },
        into="$.lock",
        on_error=endings.failed,
    )


def _take_lock(endings: Endings, *, refused: Any) -> Any:
    """Take the lock from the holder that was seen; if anyone was quicker, read it again."""
    return update_item(
        "Take deploy lock",
        DEPLOY_LOCK,
        {"holder": {"S.$": "$.run.execution_arn"}},
        condition="#holder = :seen OR #holder = :holder",
        condition_values={":seen": {"S.$": "$.lock.holder"}},
        catches=[catch(refused, ["DynamoDB.ConditionalCheckFailedException"], result_path=None)],
        into="$.lock_taken",
        on_error=endings.failed,
    )


def note_newest_drop(then: Any) -> Any:
    """From now on a drop older than this one gives way."""
    state = update_item(
        "Note newest drop",
        DEPLOY_LOCK,
        {"newest_drop_order_ms": {"N.$": "States.Format('{}', $.inspection.answer.drop_order_ms)"}},
        on_error=then,
    )
    state.next(then)
    return state
