"""Release: audit, acceptance test, the switch of the live endpoint, teardown of the previous release."""

from state_machines.deploy_lock import record_newest_drop
from state_machines.endpoint import CONCURRENCY_NOTE
from state_machines.language.flow import Stage, best_effort, in_order
from state_machines.language.sdk import Choice, State, Wait, jsonata
from state_machines.language.tasks import invoke_function, update_item
from state_machines.live_pointer import switch_pointer
from state_machines.outcome import Finish, outcome
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


def accept_model(finish: Finish, when: str = "", sample_uri: str = "$verdict.acceptance_uri") -> State:
    """The endpoint must answer test photos, through the inference function, as its graph did in training.

    `sample_uri` is the expression of the address of the sample; `when` tells the states of two tests apart.
    """
    return invoke_function(
        f"Accept model{when}",
        "${AcceptModelFunction}",
        {
            "run": jsonata("$run"),
            "acceptance_uri": jsonata(sample_uri),
            "endpoint_name": jsonata("$release_name"),
        },
        assign={"acceptance": jsonata("$states.result.Payload")},
        on_error=finish.failed,
    )


def switch_live_endpoint(finish: Finish) -> State:
    """One SSM parameter says which endpoint is live: the switch is atomic, and so is the way back."""
    pointer = (
        "{'release': $release_name, 'endpoint_name': $release_name, 'run_id': $run.id, "
        "'model_data_uri': $model_data_uri, 'accuracy': $verdict.accuracy, "
        "'exposed_at': $states.context.State.EnteredTime, "
        "'previous': $exists($previous.run_id) ? "
        "{'run_id': $previous.run_id, 'endpoint_name': $previous.endpoint_name} : {}}"
    )
    reason = f"$verdict.reason & '; ' & $acceptance.summary & {CONCURRENCY_NOTE}"
    live = outcome("live", reason, release="$release_name")
    return switch_pointer("Switch live endpoint", pointer, finish, after="", assign=live)


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
