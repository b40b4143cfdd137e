"""Release: audit, acceptance test, canary, switch of the live endpoint, bake, teardown of the one before."""

from state_machines.common.deploy_lock import record_newest_drop
from state_machines.common.endpoint import CONCURRENCY_NOTE, accept_model
from state_machines.common.live_pointer import switch_pointer
from state_machines.common.model_registry import (
    approve_version,
    register_model,
    reject_replaced_version,
    version_in,
)
from state_machines.common.outcome import LIVE_STATUS, Finish, outcome
from state_machines.common.supersede import recheck_folder
from state_machines.common.teardown import teardown_release
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, State, Wait, jsonata
from state_machines.language.tasks import invoke_function, text, update_item
from state_machines.stages.watch import RollBack, bake, canary

# An item of the ledger, as UpdateItem gives it.
_UPDATED = "$states.result.Attributes"


def release(finish: Finish, back: RollBack) -> Stage:
    """The candidate is registered, is live, and has been watched."""
    return in_order(
        audit_iam(finish),
        accept_model("Accept model", on_error=finish.failed),
        recheck_folder(finish, then=finish.teardown, when=" before release"),
        register_model(),
        canary(back),
        switch_live_endpoint(finish),
        bake(back),
    )


def complete_release() -> Stage:
    """The model is approved, the previous release gone. From here on nothing fails the run."""
    return in_order(record_release(), approve_version(), teardown_previous())


def audit_iam(finish: Finish) -> Stage:
    """A critical finding on a role of the pipeline stops the release here."""
    audit = invoke_function(
        "Audit IAM",
        "${IamAuditFunction}",
        {"run": jsonata("$run")},
        assign={"audit": jsonata("$states.result.Payload")},
        on_error=finish.failed,
    )
    blocks = Choice("Audit blocks release?")
    blocks.when("$audit.blocked = true", finish.teardown, outcome("blocked", "$audit.reason"))
    return in_order(audit, blocks)


def switch_live_endpoint(finish: Finish) -> State:
    """One SSM parameter says which endpoint is live: the switch is atomic, and so is the way back."""
    pointer = (
        "{'release': $release_name, 'endpoint_name': $release_name, 'run_id': $released_run_id, "
        "'model_data_uri': $model_data_uri, 'accuracy': $verdict.accuracy, "
        "'exposed_at': $states.context.State.EnteredTime, "
        # Whole: the clean-up may have to write it back.
        "'previous': $merge([{}, $sift($previous, function($value, $name) { $name != 'previous' })])}"
    )
    reason = f"$verdict.reason & '; ' & $acceptance.summary & {CONCURRENCY_NOTE}"
    live = outcome(LIVE_STATUS, reason, release="$release_name")
    return switch_pointer("Switch live endpoint", pointer, finish, after="", assign=live)


def record_release() -> Stage:
    """A drop older than this one gives way from now on; after a rollback, the run before is live again."""
    restored = update_item(
        "Record restored release",
        jsonata("$released_run_id"),
        {"status": {"S": "live"}, "release": text("$release_name")},
        returned="ALL_NEW",
        assign={
            "model_version": {"arn": jsonata(version_in(_UPDATED)), "note": jsonata("$model_version.note")}
        },
        on_error=None,
    )
    newest, again = record_newest_drop(), best_effort(restored)
    by_hand = Choice("Rolled back by hand?")
    by_hand.when("$exists($input.action)", again.start)
    by_hand.next(newest.start)
    return Stage(by_hand, (*newest.exits, *again.exits))


def teardown_previous() -> Stage:
    """The previous release goes once no request can still be on its way to it."""
    drain = Wait("Drain previous endpoint", seconds=jsonata("$settings.drain_s"))
    replaced = update_item(
        "Record replaced release",
        jsonata("$previous.run_id"),
        {"status": text("$exists($input.action) ? 'rolled_back' : 'replaced'")},
        returned="ALL_NEW",
        assign={"replaced_version": jsonata(version_in(_UPDATED))},
        on_error=None,
    )
    gone = in_order(
        drain,
        teardown_release("previous", "$previous.endpoint_name"),
        best_effort(replaced, {"replaced_version": jsonata("''")}),
        reject_replaced_version(),
    )
    previous = Choice("Previous endpoint?")
    previous.when("$exists($previous.endpoint_name)", drain)
    return Stage(previous, (previous.next, *gone.exits))
