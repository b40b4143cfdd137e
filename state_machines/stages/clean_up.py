"""Clean up: what an execution left that was stopped, timed out, or failed where nothing could catch it.

EventBridge starts an execution of the same state machine with the event; it goes on for the run that ended.
"""

from contracts.workflow import ROLLBACK
from state_machines.common.live_pointer import read_pointer
from state_machines.common.model_registry import version_in
from state_machines.common.outcome import ENDS_TOLD, LIVE_STATUS, ROLLBACK_FAILED, Finish, outcome
from state_machines.language.sdk import Choice, Fail, State, Succeed, Wait, jsonata
from state_machines.language.tasks import THIS_RUN, call

# Tries of what it cannot do without, 30 s apart at most: nobody cleans up after a clean-up.
PATIENCE = 20


def clean_up(finish: Finish, *, complete_release: State, pause_or_resume: State, roll_back: State) -> State:
    """A run that is live already is completed; of any other, what it made is removed, a canary first of all.

    One that was to be taken back is, though it is live.

    A pause or resume that ended half way is seen to by its own states, with the deploy lock.
    """
    unread = Fail(
        "Run not cleaned up",
        error="CleanUpFailed",
        cause="The ledger or the live pointer could not be read: dropserve status shows what stands beside.",
    )
    # What the execution had begun to call may still take effect.
    wait = Wait("Wait for calls in flight", seconds=jsonata("$settings.poll_s"))
    read = _read_run(on_error=unread)
    wait.next(read)
    unfinished = Choice("Run unfinished?")
    read.next(unfinished)
    reason = "$input.ended_execution.reason"
    begun = {**outcome("failed", reason), "release_begun": True, "lock_acquired": True}
    live = Choice("Run live?", assign=begun)
    replaced = jsonata("$exists($previous.previous) ? $previous.previous : {}")
    switched = {
        **outcome(LIVE_STATUS, f"{reason} & ', after the switch'", release="$previous.release"),
        "previous": replaced,
        "lock_acquired": True,
    }
    to_take_back = (
        f"$input.ended_execution.error = '{ROLLBACK_FAILED}' and $exists($previous.previous.release)"
    )
    is_live = "$previous.release = $release_name"
    live.when(f"{is_live} and {to_take_back}", roll_back, {**begun, "previous": replaced})
    # A release is named after its execution, and its run may be one of long ago.
    live.when(is_live, complete_release, switched)
    live.when("$canary.release = $release_name", roll_back, begun)
    live.next(finish.teardown)
    idles = f"$exists($input.action) and $input.action != '{ROLLBACK}'"
    unfinished.when(f"$unfinished and {idles}", pause_or_resume)
    pointer = read_pointer("Read live pointer", then=live, on_error=unread, attempts=PATIENCE)
    unfinished.when("$unfinished", pointer)
    unfinished.next(Succeed("Nothing to clean up"))
    return wait


def _read_run(*, on_error: State) -> State:
    """Whether the ledger has no end of the run, or not even the run; its model version, its drop's place."""
    item = "$states.result.Item"
    order = f"{item}.drop_order_ms.N"
    running = f"{item}.status.S = 'running' and {item}.execution_arn.S = $run.execution_arn"
    # A run that told its end has told it under the id that it had then; what cannot be read is no run.
    told = f"$input.ended_execution.error in {list(ENDS_TOLD)}"
    unclaimed = f"$not($exists({item})) and $input.accepted = true and $not({told})"
    return call(
        "Read run to clean up",
        "dynamodb:getItem",
        {"TableName": "${LedgerTable}", "Key": {"run_id": {"S": THIS_RUN}}, "ConsistentRead": True},
        assign={
            "unfinished": jsonata(f"({unclaimed}) or ({running})"),
            "inspection": {"drop_order_ms": jsonata(f"$exists({order}) ? $number({order}) : 0")},
            "model_version": {"arn": jsonata(version_in(item)), "note": jsonata("''")},
        },
        attempts=PATIENCE,
        on_error=on_error,
        error_assign=None,
    )
