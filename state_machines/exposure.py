"""The last act: the audit's gate, the smoke test, the switch, and the end of the release before."""

from typing import Any

from state_machines.deploy_lock import note_newest_drop
from state_machines.endings import Endings, note_error
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


def smoke_test(endings: Endings) -> Chain:
    """The inference function, pointed at the candidate, on a test photo that training got right."""
    ask = invoke_function(
        "Smoke test",
        "${InferenceFunction}:live",
        {
            "s3_uri.$": "$.verdict.answer.smoke_test.image_uri",
            "endpoint_name.$": "$.release.name",
            "top_k": 1,
        },
        into="$.smoke",
        on_error=endings.failed,
    )
    wrong = note_error(
        "Note smoke test failure",
        "SmokeTestFailed",
        "States.Format('the candidate should have said {}; it answered {}', "
        "$.verdict.answer.smoke_test.expected_label, $.smoke.answer.body)",
        endings,
    )
    answered = Choice("Did it answer?")
    answered.add_choice(ChoiceRule.Not(ChoiceRule.NumericEquals("$.smoke.answer.statusCode", 200)), wrong)
    read = Pass(
        "Read its answer",
        parameters={"body.$": "States.StringToJson($.smoke.answer.body)"},
        result_path="$.smoke_answer",
    )
    right = Choice("Is the answer right?")
    right.add_choice(
        ChoiceRule.Not(
            ChoiceRule.StringEqualsPath(
                "$.smoke_answer.body.predictions[0].label", "$.verdict.answer.smoke_test.expected_label"
            )
        ),
        wrong,
    )
    return Chain([ask, answered, read, right])


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
