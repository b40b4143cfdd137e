"""The first act: claim the drop, look at it, plan the training."""

from typing import Any

from state_machines.arrival import wait_for_photos
from state_machines.endings import Endings
from state_machines.settings import INPUT_DEFAULTS, SETTINGS
from state_machines.states_language import Chain, Choice, ChoiceRule, Pass
from state_machines.tasks import (
    RUN_ATTRIBUTES,
    THIS_RUN,
    call,
    catch,
    invoke_function,
    read_with_function,
    update_item,
)

# What stands for the run where the function that reads the input fails: the ledger still gets an item.
_UNREAD = {
    "accepted": False,
    "reason.$": (
        "States.Format('the input could not be read ({}): dropserve logs read_input tells why', $.Error)"
    ),
    "run": {"source": "manual", "key": "", "version_id": "", "sequencer": "", "event_time": ""},
    "overrides": {},
    "failed": True,
}


def read_input() -> Chain:
    """The input, made small and checked, as `run`, `release`, `overrides` and `settings`.

    A function does it, since an intrinsic function fails the execution without a trace on a value of another
    type or size. What is wrong with an input is said once the run has its item in the ledger.
    """
    start = Pass(
        "Apply defaults", parameters={"input.$": "$", "defaults": INPUT_DEFAULTS, "settings": SETTINGS}
    )
    unread = Pass("Note unread input", parameters=_UNREAD)
    unread.next(start)
    read = read_with_function("Read input", "${ReadInputFunction}", on_error=unread)
    merge = Pass(
        "Complete run",
        parameters={"run.$": "States.JsonMerge($.defaults, $.input.run, false)"},
        result_path="$.complete",
    )
    name_release = Pass(
        "Name release",
        parameters={"name.$": "States.Format('${StackName}-{}', $.run.id)"},
        result_path="$.release",
    )
    return Chain([read, start, merge, _name_run(), name_release])


def _name_run() -> Pass:
    """The run's id: the same drop announced twice gets the same one, a manual start gets its own."""
    drop = "$.complete.run.bucket, $.complete.run.key, $.complete.run.version_id, $.complete.run.claim"
    return Pass(
        "Name run",
        parameters={
            "run": {
                # 32 characters: with a stack's name before it an id still fits SageMaker's 63.
                "id.$": f"States.Hash(States.JsonToString(States.Array({drop})), 'MD5')",
                "source.$": "$.complete.run.source",
                "bucket.$": "$.complete.run.bucket",
                "key.$": "$.complete.run.key",
                "version_id.$": "$.complete.run.version_id",
                "sequencer.$": "$.complete.run.sequencer",
                "event_time.$": "$.complete.run.event_time",
                "started_at.$": "$$.Execution.StartTime",
                "execution_arn.$": "$$.Execution.Id",
            },
            "overrides.$": "$.input.overrides",
            "input.$": "$.input",
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


def check_input(endings: Endings) -> Choice:
    """An input that cannot be followed ends here, with the reason."""
    sound = Choice("Is the input sound?")
    sound.add_choice(ChoiceRule.IsPresent("$.input.failed", value=True), endings.unread)
    sound.add_choice(
        ChoiceRule.BooleanEquals("$.input.accepted", False), endings.reject("Reject input", "$.input.reason")
    )
    return sound


def inspect_dataset(endings: Endings) -> Chain:
    """A drop that cannot be trained on ends here, with the reason."""
    task = invoke_function(
        "Inspect dataset",
        "${InspectDatasetFunction}",
        {"run.$": "$.run"},
        into="$.inspection",
        on_error=endings.failed,
    )
    rejected = endings.reject("Reject drop", "$.inspection.answer.reason")
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
    gate = _accepted_or(
        "Is the plan affordable?", "$.plan", endings.reject("Reject plan", "$.plan.answer.reason")
    )
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
