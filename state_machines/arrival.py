"""A folder drop arrives object by object: it is waited for, and looked at again after its training and before
its release.
"""

from typing import Any

from contracts.workflow import DROP_FIELDS
from state_machines.endings import Endings
from state_machines.states_language import Chain, Choice, ChoiceRule, Pass, Wait
from state_machines.tasks import call, invoke_function

# The function itself gives up after six hours; this only bounds the execution's history.
MOST_WAITS = 720
# How a run that was begun by itself is known: it begins no further one.
_AGAIN = "-again"
# What an input says of a drop: a run that takes it up keeps its place in the order of drops.
_DROP = tuple(name for name in DROP_FIELDS if name != "claim")


def wait_for_photos(inspect: Any, endings: Endings) -> Choice:
    """What follows the inspection: `inspect` again in `wait_s` seconds, while the folder still arrives."""
    wait = Wait("Wait for photos", seconds_path="$.inspection.answer.wait_s")
    count = Pass(
        "Count waits for photos",
        parameters={"waits.$": "States.MathAdd($.arrival.waits, 1)"},
        result_path="$.arrival",
    )
    limit = Choice("Is there time for photos?")
    limit.add_choice(
        ChoiceRule.NumericGreaterThan("$.arrival.waits", MOST_WAITS),
        endings.reject("Give up on photos", "$.inspection.answer.reason"),
    )
    limit.default_choice(inspect)
    arrived = Choice("Has all of it arrived?")
    arrived.add_choice(
        ChoiceRule.And(
            [
                ChoiceRule.IsPresent("$.inspection.answer.wait_s", True),
                ChoiceRule.NumericGreaterThan("$.inspection.answer.wait_s", 0),
            ]
        ),
        Chain([wait, count, limit]),
    )
    return arrived


def look_again(endings: Endings, then: Any, *, before_release: bool = False) -> Choice:
    """A folder that is no longer what was inspected is not judged, and not released: a new run takes it up,
    once.
    """
    when = " before release" if before_release else ""
    look = invoke_function(
        f"Look at folder again{when}",
        "${InspectDatasetFunction}",
        {"run.$": "$.run", "inspected.$": "$.inspection.answer"},
        into="$.second_look",
        on_error=endings.failed,
    )
    changed = Choice(f"Has the folder changed{when}?")
    changed.add_choice(
        ChoiceRule.BooleanEquals("$.second_look.answer.changed", True),
        _take_up(endings, when, endings.clean_up if before_release else endings.record),
    )
    changed.default_choice(then)
    look.next(changed)
    kind = Choice(f"Is it a folder{when}?")
    kind.add_choice(
        ChoiceRule.And(
            [
                ChoiceRule.IsPresent("$.inspection.answer.format", True),
                ChoiceRule.StringEquals("$.inspection.answer.format", "folder"),
            ]
        ),
        look,
    )
    kind.default_choice(then)
    return kind


def _take_up(endings: Endings, when: str, then: Any) -> Choice:
    """Begin a run of the same drop and overrides; a run that began so tells a person the command instead.

    `when` tells the states of the two looks apart; `then` follows both endings.
    """
    reason = "$.second_look.answer.reason"
    left = endings.give_way(
        f"Leave changed folder{when}",
        f"States.Format('{{}}: {{}}', {reason}, $.second_look.answer.advice)",
        then,
    )
    prepare = Pass(
        f"Prepare new run{when}",
        parameters={
            **{f"{name}.$": f"$.run.{name}" for name in _DROP},
            "claim.$": f"States.Format('{{}}{_AGAIN}', $.run.id)",
        },
        result_path="$.again",
    )
    start = call(
        f"Begin new run{when}",
        "aws-sdk:sfn:startExecution",
        {
            "StateMachineArn.$": "$$.StateMachine.Id",
            "Name.$": "$.again.claim",
            "Input.$": "States.JsonToString(States.JsonMerge($.overrides, $.again, false))",
        },
        select={"execution_arn.$": "$.ExecutionArn"},
        into="$.again",
        on_error=left,
        error_into=None,
    )
    begun = endings.give_way(
        f"Give way to new run{when}", f"States.Format('{{}}: a new run of it has begun', {reason})", then
    )
    once = Choice(f"Was it taken up already{when}?")
    once.add_choice(
        ChoiceRule.And(
            [
                ChoiceRule.IsPresent("$.input.run.claim", True),
                ChoiceRule.StringMatches("$.input.run.claim", f"*{_AGAIN}"),
            ]
        ),
        left,
    )
    once.default_choice(Chain([prepare, start, begun]))
    return once
