"""Waiting for something that only a describe call tells, within one limit of polls a run."""

from typing import Any

from state_machines.states_language import Chain, Choice, ChoiceRule, Pass, Wait


def wait_and_count(what: str, again: Any, gave_up: Any) -> Any:
    """Wait `settings.poll_s` seconds, then go `again`; past `settings.poll_limit` polls go to `gave_up`."""
    spent = Pass(
        f"Give up on {what}",
        parameters={
            "Error": "PollLimitReached",
            "Cause": f"Waited for the {what} as often as the deployment's PollLimit allows.",
        },
        result_path="$.error",
    )
    spent.next(gave_up)
    wait = Wait(f"Wait for {what}", seconds_path="$.settings.poll_s")
    count = Pass(
        f"Count polls of {what}",
        parameters={"count.$": "States.MathAdd($.polls.count, 1)"},
        result_path="$.polls",
    )
    limit = Choice(f"Is there time for {what}?")
    limit.add_choice(ChoiceRule.NumericGreaterThanPath("$.polls.count", "$.settings.poll_limit"), spent)
    limit.default_choice(again)
    return Chain([wait, count, limit])
