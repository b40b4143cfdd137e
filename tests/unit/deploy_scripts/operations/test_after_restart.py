"""What `up` says and does after a sudden end of the local cloud."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy_scripts.operations.after_restart import say_sudden_end, see_to_cut_off, see_to_unstarted_drops
from deploy_scripts.screen import Screen
from local_cloud.server.run_mark import SuddenEnd

SAVED_AT = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
END = SuddenEnd(SAVED_AT, SAVED_AT + timedelta(seconds=2.5))


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (END, "at most the last 2.5 s before its end are lost"),
        (SuddenEnd(SAVED_AT, None), "It goes on from 2026-11-22 10:00:00 UTC. The objects"),
        (SuddenEnd(None, SAVED_AT), "It had saved nothing yet"),
    ],
)
def test_a_sudden_end_is_said_as_far_as_it_is_known(
    end: SuddenEnd, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say_sudden_end(Screen(), end)
    output = capsys.readouterr().out
    assert "without saving" in output
    assert told in output
    assert SuddenEnd.from_json(json.loads(json.dumps(end.to_json()))) == end


def test_a_run_is_named_and_a_clean_up_is_started_anew(
    stubbed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    clean_up, other = stubbed.execution_arn + "-clean-up", stubbed.execution_arn + "-other"
    event = {"detail-type": "Step Functions Execution Status Change", "detail": {"executionArn": "x"}}
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status="failed")]})
    described = {
        "stateMachineArn": stubbed.deployment.state_machine_arn,
        "status": "FAILED",
        "startDate": SAVED_AT,
    }
    for arn, given in ((clean_up, json.dumps(event)), (other, '{"key": "drops/x.zip"}')):
        stubbed.answer(
            "stepfunctions", "describe_execution", {**described, "executionArn": arn, "input": given}
        )
    stubbed.refuse("stepfunctions", "describe_execution", "ExecutionDoesNotExist")
    started = {"executionArn": clean_up, "startDate": SAVED_AT}
    arns = [stubbed.execution_arn, clean_up, other, "gone"]

    with pytest.MonkeyPatch.context() as patch:
        inputs: list[Any] = []
        patch.setattr(
            "deploy_scripts.operations.after_restart.start_execution",
            lambda deployment, given: inputs.append(given) or started,
        )
        see_to_cut_off(Screen(), stubbed.deployment, arns)

    assert inputs == [event]
    output = capsys.readouterr().out
    assert "of drops/food.zip was cut off" in output
    assert "`dropserve run --key drops/food.zip`" in output
    stubbed.assert_all_asked()


@pytest.mark.parametrize(
    ("end", "dropped_at", "is_started"),
    [
        (END, SAVED_AT + timedelta(seconds=1), True),
        # In the same second: its event may have been lost.
        (END, SAVED_AT - timedelta(seconds=0.5), True),
        # Nobody knows why it has no run.
        (END, SAVED_AT - timedelta(seconds=5), False),
        (None, SAVED_AT, False),
        (SuddenEnd(None, None), SAVED_AT, False),
    ],
)
def test_only_a_drop_that_the_sudden_end_cost_its_run_is_started(
    stubbed: Any,
    capsys: pytest.CaptureFixture[str],
    end: SuddenEnd | None,
    dropped_at: datetime,
    is_started: bool,
) -> None:
    started: list[str] = []
    stubbed.answer("dynamodb", "scan", {"Items": []})
    contents = [{"Key": "drops/food.zip", "LastModified": dropped_at}]
    stubbed.answer("s3", "list_objects_v2", {"Contents": contents})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "deploy_scripts.operations.after_restart.start_drop", lambda _, drop: started.append(drop.key)
        )
        see_to_unstarted_drops(Screen(), stubbed.deployment, end)
    assert started == ["drops/food.zip"] * is_started
    output = capsys.readouterr().out
    assert "has no run" in output
    assert ("It runs now" in output) is is_started
    assert ("`dropserve run --key drops/food.zip`" in output) is not is_started
