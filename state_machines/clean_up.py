"""Clean up: what an execution left that was stopped, timed out, or failed where nothing could catch it.

EventBridge starts an execution of the same state machine with the event; it goes on for the run that ended.
"""

from state_machines.language.sdk import Choice, Fail, State, Succeed, Wait, jsonata
from state_machines.language.tasks import THIS_RUN, call
from state_machines.live_pointer import read_pointer
from state_machines.outcome import LIVE_STATUS, Finish, outcome


def clean_up(finish: Finish, *, complete_release: State, pause_or_resume: State, roll_back: State) -> State:
    """A run that is live already is completed; of any other, what it made is removed, a canary first of all.

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
    switched = {
        **outcome(LIVE_STATUS, f"{reason} & ', after the switch'", release="$previous.release"),
        "previous": jsonata("$exists($previous.previous) ? $previous.previous : {}"),
        "lock_acquired": True,
    }
    # A release is named after its execution, and its run may be one of long ago.
    live.when("$previous.release = $release_name", complete_release, switched)
    live.when("$canary.release = $release_name", roll_back, begun)
    live.next(finish.teardown)
    unfinished.when("$unfinished and $exists($input.action) and $input.action != 'rollback'", pause_or_resume)
    unfinished.when("$unfinished", read_pointer("Read live pointer", then=live, on_error=unread))
    unfinished.next(Succeed("Nothing to clean up"))
    return wait


def _read_run(*, on_error: State) -> State:
    """Whether the ledger has the run as running, by that execution; and the drop's place among drops."""
    item = "$states.result.Item"
    order = f"{item}.drop_order_ms.N"
    running = f"{item}.status.S = 'running' and {item}.execution_arn.S = $run.execution_arn"
    return call(
        "Read run to clean up",
        "dynamodb:getItem",
        {"TableName": "${LedgerTable}", "Key": {"run_id": {"S": THIS_RUN}}, "ConsistentRead": True},
        assign={
            "unfinished": jsonata(running),
            "inspection": {"drop_order_ms": jsonata(f"$exists({order}) ? $number({order}) : 0")},
        },
        on_error=on_error,
        error_assign=None,
    )
