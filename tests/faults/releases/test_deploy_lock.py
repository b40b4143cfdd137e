"""One deployer at a time; an older drop never replaces a newer one; a dead holder holds nothing."""

from typing import Any

import pytest

pytestmark = pytest.mark.cloud

WAIT_FOREVER = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
END_AT_ONCE = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


def test_an_older_drop_gives_way(stage: Any) -> None:
    stage.put_lock("nobody", newest_drop_order_ms=2000)
    run = stage.run()
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "superseded")
    assert "newer" in run.item["reason"]
    assert "Create endpoint" not in run.states


def test_a_released_drop_is_remembered_as_the_newest(stage: Any) -> None:
    assert stage.run().item["status"] == "live"
    assert stage.item("deploy-lock")["newest_drop_order_ms"] == "1000"
    stage.change("InspectDatasetFunction", drop_order_ms=999)
    assert stage.run().item["status"] == "superseded"


def test_the_lock_of_a_holder_that_ended_is_taken(stage: Any) -> None:
    dead = stage.bench.start(END_AT_ONCE)
    stage.bench.finished(dead)
    stage.put_lock(dead)
    run = stage.run()
    assert run.item["status"] == "live"
    assert "Read lock holder" in run.states


def test_the_lock_of_a_holder_that_nobody_knows_any_more_is_taken_at_once(stage: Any) -> None:
    stage.put_lock(f"arn:aws:states:us-east-1:000000000000:execution:{stage.name}:of-a-former-deployment")
    run = stage.run()
    assert run.item["status"] == "live"
    assert "Wait for deploy lock" not in run.states


def test_a_living_holder_is_waited_for_within_the_limit(stage: Any) -> None:
    holder = stage.bench.start(WAIT_FOREVER)
    stage.put_lock(holder)
    run = stage.run(PollLimit="2")
    assert run.item["status"] == "failed"
    assert "PollLimit" in run.item["reason"]
    assert run.states.count("Wait for deploy lock") == 3
    assert stage.item("deploy-lock")["holder"] == holder


def test_a_run_goes_on_once_the_holder_ends(stage: Any) -> None:
    holder = stage.bench.start(WAIT_FOREVER)
    stage.put_lock(holder)
    execution = stage.start()
    states = stage.client("stepfunctions")
    stage.until_entered(execution, "Wait for deploy lock")
    states.stop_execution(executionArn=holder)
    stage.bench.finished(execution)
    assert stage.live() != {}


def test_a_release_that_went_live_after_the_verdict_is_judged_against(stage: Any) -> None:
    champion = stage.run()
    stage.change("JudgeModelFunction", judged_against="an older release")
    execution = stage.start()
    stage.until_entered(execution, "Judge model", times=2)
    stage.client("stepfunctions").stop_execution(executionArn=execution)
    assert stage.live()["run_id"] == champion.run_id
