"""Evaluate: the challenger against the champion, on the same test photos."""

from state_machines.common.outcome import Finish, outcome
from state_machines.language.flow import Stage, in_order
from state_machines.language.sdk import Choice, jsonata
from state_machines.language.tasks import THIS_RUN, invoke_function, number, text, update_item


def evaluate(finish: Finish) -> Stage:
    """Only a better model goes on, with `$verdict`; its accuracy is in the ledger either way."""
    judge = invoke_function(
        "Judge model",
        "${JudgeModelFunction}",
        {
            "run": jsonata("$run"),
            "plan": jsonata("$plan"),
            "training": {"model_data_uri": jsonata("$model_data_uri")},
        },
        assign={"verdict": jsonata("$states.result.Payload")},
        on_error=finish.failed,
    )
    record = update_item(
        "Record accuracy",
        THIS_RUN,
        # The model's address is for a rollback to it.
        {"accuracy": number("$verdict.accuracy"), "model_data_uri": text("$model_data_uri")},
        on_error=finish.failed,
    )
    better = Choice("Model better?")
    # A run that comes back from the deployment holds the lock.
    better.when(
        "$verdict.promote = false", finish.release_lock, outcome("$verdict.status", "$verdict.reason")
    )
    return in_order(judge, record, better)
