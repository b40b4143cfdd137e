"""The first act: claim the drop, look at it, plan the training."""

from typing import Any

from state_machines.arrival import wait_for_photos
from state_machines.endings import Endings
from state_machines.settings import INPUT_DEFAULTS, SETTINGS
from state_machines.states_language import Chain, Choice, ChoiceRule, Fail, Pass
from state_machines.tasks import RUN_ATTRIBUTES, THIS_RUN, call, catch, invoke_function, update_item


def read_input() -> Chain:
    """The input with its defaults, as `run`, `release`, `overrides` and `settings`."""
    start = Pass("Read input", parameters={"given.$": "$", "defaults": INPUT_DEFAULTS, "settings": SETTINGS})
    complete = Choice("Is a key given?")
    complete.add_choice(
        ChoiceRule.Not(ChoiceRule.IsPresent("$.given.key", value=True)),
        Fail(
            "No key",
            error="InputIncomplete",
            cause='Start me with {"key": "drops/<dataset>.zip"}; "bucket" and "version_id" are optional.',
        ),
    )
    merge = Pass(
        "Apply defaults",
        parameters={"merged.$": "States.JsonMerge($.defaults, $.given, false)"},
        result_path="$.input",
    )
    name_release = Pass(
        "Name release",
        parameters={"name.$": "States.Format('${StackName}-{}', $.run.id)"},
        result_path="$.release",
    )
    return Chain([start, complete, merge, _name_run(), name_release])


def _name_run() -> Pass:
    """The run's id: the same drop announced twice gets the same one, a manual start gets its own."""
    drop = "$.input.merged.bucket, $.input.merged.key, $.input.merged.version_id, $.input.merged.claim"
    return Pass(
        "Name run",
        parameters={
            "run": {
                # 32 characters: with a stack's name before it an id still fits SageMaker's 63.
                "id.$": f"States.Hash(States.JsonToString(States.Array({drop})), 'MD5')",
                "source.$": "$.input.merged.source",
                "bucket.$": "$.input.merged.bucket",
                "key.$": "$.input.merged.key",
                "version_id.$": "$.input.merged.version_id",
                "started_at.$": "$$.Execution.StartTime",
                "execution_arn.$": "$$.Execution.Id",
            },
            "overrides.$": "$.given",
            "settings.$": "$.settings",
            "polls": {"count": 0},
            "arrival": {"waits": 0},
        },
    )


def claim_drop(endings: Endings) -> Any:
    """One run a drop: whoever writes the run's item first has it, and S3's second announcement ends here."""
    return call(
        "Claim drop",
        "dynamodb:putItem",
        {
            "TableName": "${LedgerTable}",
            "Item": {
                "run_id": THIS_RUN,
                **RUN_ATTRIBUTES,
                "status": {"S": "running"},
            },
            # The second half lets a retried call of the same execution through.
            "ConditionExpression": "attribute_not_exists(run_id) OR execution_arn = :me",
            "ExpressionAttributeValues": {":me": {"S.$": "$.run.execution_arn"}},
        },
        catches=[catch(endings.duplicate, ["DynamoDB.ConditionalCheckFailedException"])],
        on_error=endings.failed,
    )


def inspect_dataset(endings: Endings) -> Chain:
    """A drop that cannot be trained on ends here, with the reason."""
    task = invoke_function(
        "Inspect dataset",
        "${InspectDatasetFunction}",
        {"run.$": "$.run"},
        into="$.inspection",
        on_error=endings.failed,
    )
    rejected = endings.reject("Reject drop", "$.inspection")
    usable = _accepted_or("Is the drop usable?", "$.inspection", rejected)
    return Chain([task, wait_for_photos(task, endings), usable])


def plan_training(endings: Endings) -> Chain:
    """Backend, instance, time and money; over budget or impossible ends here, with the reason."""
    task = invoke_function(
        "Plan training",
        "${PlanTrainingFunction}",
        {"run.$": "$.run", "overrides.$": "$.overrides", "inspection.$": "$.inspection.answer"},
        into="$.plan",
        on_error=endings.failed,
    )
    gate = _accepted_or("Is the plan affordable?", "$.plan", endings.reject("Reject plan", "$.plan"))
    record = update_item(
        "Record plan",
        THIS_RUN,
        {"backend": {"S.$": "$.plan.answer.backend"}, "dataset": {"S.$": "$.inspection.answer.dataset"}},
        on_error=endings.failed,
    )
    return Chain([task, gate, record])


def _accepted_or(name: str, path: str, otherwise: Any) -> Choice:
    choice = Choice(name)
    choice.add_choice(ChoiceRule.BooleanEquals(f"{path}.answer.accepted", False), otherwise)
    return choice
