"""Release: audit, acceptance test, the switch of the live endpoint, teardown of the previous release."""

from typing import Any

from state_machines.deploy_lock import record_newest_drop
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, State, Wait, jsonata
from state_machines.language.tasks import call, invoke_function, update_item
from state_machines.outcome import Finish, outcome, read_failure
from state_machines.supersede import recheck_folder
from state_machines.teardown import teardown_release


def release(finish: Finish) -> Stage:
    """The candidate is live."""
    return in_order(
        audit_iam(finish),
        accept_model(finish),
        recheck_folder(finish, then=finish.teardown, when=" before release"),
        switch_live_endpoint(finish),
    )


def complete_release() -> Stage:
    """The previous release is gone. After the switch nothing fails the run."""
    return in_order(record_newest_drop(), teardown_previous())


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


def accept_model(finish: Finish) -> State:
    """The candidate must answer test photos, through the inference function, as its graph did in training."""
    return invoke_function(
        "Accept model",
        "${AcceptModelFunction}",
        {
            "run": jsonata("$run"),
            "acceptance_uri": jsonata("$verdict.acceptance_uri"),
            "endpoint_name": jsonata("$release_name"),
        },
        assign={"acceptance": jsonata("$states.result.Payload")},
        on_error=finish.failed,
    )


def switch_live_endpoint(finish: Finish) -> State:
    """One SSM parameter says which endpoint is live: the switch is atomic, and so is the way back."""
    # A failed call may have switched all the same: restore first, and only then tear the candidate down.
    restore = _write_pointer(
        "Restore live endpoint",
        "$previous",
        # Whichever is live now, neither is torn down.
        on_error=read_failure("Read switch failure", finish.release_lock),
    )
    restore.next(finish.failed)
    pointer = (
        "{'release': $release_name, 'endpoint_name': $release_name, 'run_id': $run.id, "
        "'model_data_uri': $model_data_uri, 'accuracy': $verdict.accuracy, "
        "'exposed_at': $states.context.State.EnteredTime, "
        "'previous': $exists($previous.run_id) ? "
        "{'run_id': $previous.run_id, 'endpoint_name': $previous.endpoint_name} : {}}"
    )
    note = "($concurrency.note != '' ? '; ' & $concurrency.note : '')"
    reason = f"$verdict.reason & '; ' & $acceptance.summary & {note}"
    live = outcome("live", reason, release="$release_name")
    return _write_pointer("Switch live endpoint", pointer, on_error=restore, assign=live)


def _write_pointer(name: str, value: str, **fields: Any) -> State:
    return call(
        name,
        "aws-sdk:ssm:putParameter",
        {
            "Name": "${LivePointerParameter}",
            "Description": "Which release serves; written by the state machine only",
            "Type": "String",
            "Value": jsonata(f"$string({value})"),
            "Overwrite": True,
        },
        **fields,
    )


def teardown_previous() -> Stage:
    """The previous release goes once no request can still be on its way to it."""
    drain = Wait("Drain previous endpoint", seconds=jsonata("$settings.drain_s"))
    replaced = update_item(
        "Record replaced release",
        jsonata("$previous.run_id"),
        {"status": {"S": "replaced"}},
        on_error=None,
    )
    gone = in_order(drain, teardown_release("previous", "$previous.endpoint_name"), best_effort(replaced))
    previous = Choice("Previous endpoint?")
    previous.when("$exists($previous.endpoint_name)", drain)
    return Stage(previous, (previous.next, *gone.exits))
