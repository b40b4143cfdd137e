"""The last act: the audit's gate, the acceptance test, the switch, and the end of the release before."""

from typing import Any

from state_machines.deploy_lock import note_newest_drop
from state_machines.endings import Endings
from state_machines.states_language import Chain, Choice, ChoiceRule, Pass, Wait
from state_machines.take_down import take_down
from state_machines.tasks import call, invoke_function, update_item


def audit_iam(endings: Endings) -> Chain:
    """A critical finding on a role of the pipeline stops the release here."""
    audit = invoke_function(
        "Audit IAM", "${IamAuditFunction}", {"run.$": "$.run"}, into="$.audit", on_error=endings.failed
    )
    gate = Choice("Does the audit block?")
    gate.add_choice(ChoiceRule.BooleanEquals("$.audit.answer.blocked", True), endings.blocked)
    return Chain([audit, gate])


def accept_model(endings: Endings) -> Chain:
    """The candidate must answer test photos, through the inference function, as its graph did in training."""
    task = invoke_function(
        "Accept model",
        "${AcceptModelFunction}",
        {
            "run.$": "$.run",
            "acceptance_uri.$": "$.verdict.answer.acceptance_uri",
            "endpoint_name.$": "$.release.name",
        },
        into="$.acceptance",
        on_error=endings.failed,
    )
    return Chain([task])


def expose(endings: Endings) -> Chain:
    """The switch: one SSM parameter says which endpoint is live, so it is atomic, and so is the way back."""
    # A failed call may have switched all the same: point back first, and only then take the candidate down.
    point_back = call(
        "Point back",
        "aws-sdk:ssm:putParameter",
        {
            "Name": "${LivePointerParameter}",
            "Value.$": "States.JsonToString($.previous.live)",
            "Overwrite": True,
        },
        on_error=endings.unclear,
    )
    point_back.next(endings.failed)
    pointer = Pass(
        "Write live pointer",
        parameters={
            "release.$": "$.release.name",
            "endpoint_name.$": "$.release.name",
            "run_id.$": "$.run.id",
            "model_data_uri.$": "$.training.model_data_uri",
            "accuracy.$": "$.verdict.answer.accuracy",
            "exposed_at.$": "$$.State.EnteredTime",
        },
        result_path="$.pointer",
    )
    switch = call(
        "Expose",
        "aws-sdk:ssm:putParameter",
        {"Name": "${LivePointerParameter}", "Value.$": "States.JsonToString($.pointer)", "Overwrite": True},
        on_error=point_back,
    )
    return Chain([pointer, switch])


def retire_previous(endings: Endings) -> Any:
    """The previous release goes once no request can still be on its way to it; this fails no run."""
    mark = update_item(
        "Mark previous as replaced",
        {"S.$": "$.previous.live.run_id"},
        {"status": {"S": "replaced"}},
        on_error=endings.live,
        error_into=None,
    )
    mark.next(endings.live)
    had_one = Choice("Was there a previous one?")
    drain = Wait("Let its requests end", seconds_path="$.settings.drain_s")
    drain.next(take_down("previous", "$.previous.live.endpoint_name", mark))
    had_one.add_choice(ChoiceRule.IsPresent("$.previous.live.endpoint_name", True), drain)
    had_one.default_choice(endings.live)
    return note_newest_drop(had_one)
