"""A release that does badly is taken back by itself; any former release goes live again on demand."""

import json
from typing import Any

import pytest

from tests.faults.support.workflow_stage import Ended, only

BAKE = {"BakeSeconds": "3"}
LONG_BAKE = {"BakeSeconds": "60"}
CANARY = {"CanaryPercent": "25", "CanarySeconds": "2"}
LONG_CANARY = {"CanaryPercent": "25", "CanarySeconds": "60"}
WRONG = {"raise": "only 3 of 10 test photos as in training", "error": "AcceptanceError"}


@pytest.fixture
def live(stage: Any) -> str:
    """The name of a release that serves."""
    return str(stage.run().item["release"])


def is_back(stage: Any, run: Ended, live: str) -> bool:
    """The run was rolled back, and what served before is all that is there."""
    assert (run.status, run.item["status"]) == ("FAILED", "rolled_back")
    return bool(stage.live()["release"] == live and stage.standing() == only(live))


def watched(stage: Any, which: str, **parameters: str) -> str:
    """An execution whose release is watched now, as `which`."""
    execution = stage.start(**parameters)
    # Twice: the emulator's alarms know of no part of a second.
    stage.until_entered(execution, f"Wait to watch {which}", times=2)
    return str(execution)


def test_a_release_that_does_well_stays_and_the_one_before_goes(stage: Any, live: str) -> None:
    stage.add_alarm()
    run = stage.run(**BAKE)
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "live")
    assert run.states.count("Test release") > 1
    assert stage.standing() == only(run.item["release"])
    assert stage.item(live.rpartition("-")[2])["status"] == "replaced"


def test_while_a_release_is_watched_the_one_before_stands(stage: Any, live: str) -> None:
    execution = watched(stage, "release", **BAKE)
    assert live in stage.standing()["endpoint"]
    assert stage.live()["release"] != live
    assert stage.ended(execution).item["status"] == "live"


def test_a_first_release_has_nothing_to_go_back_to(stage: Any) -> None:
    run = stage.run(**BAKE, **CANARY)
    assert run.item["status"] == "live"
    assert not [state for state in run.states if "watch" in state]


def test_an_endpoint_that_is_gone_is_nothing_to_go_back_to(stage: Any, live: str) -> None:
    stage.client("sagemaker").delete_endpoint(EndpointName=live)
    run = stage.run(**LONG_BAKE, **LONG_CANARY)
    assert run.item["status"] == "live"
    assert not [state for state in run.states if "watch" in state]


@pytest.mark.parametrize(("which", "times"), [("release", LONG_BAKE), ("canary", LONG_CANARY)])
def test_an_alarm_takes_it_back(stage: Any, live: str, which: str, times: dict[str, str]) -> None:
    alarm, queue = stage.add_alarm(), stage.subscribed_queue()
    execution = watched(stage, which, **times)
    stage.ring(alarm)
    run = stage.ended(execution)
    assert is_back(stage, run, live)
    assert run.item["reason"] == f"the alarm {alarm} went off"
    subject, text = stage.notification(queue)
    assert (subject, alarm in text) == ("dropserve: rolled_back", True)


def test_an_alarm_that_rang_before_is_of_the_release_before(stage: Any, live: str) -> None:
    stage.ring(stage.add_alarm())
    run = stage.run(**BAKE)
    assert (run.item["status"], stage.live()["release"] != live) == ("live", True)


@pytest.mark.parametrize(("which", "times"), [("release", LONG_BAKE), ("canary", LONG_CANARY)])
def test_wrong_answers_take_it_back(stage: Any, live: str, which: str, times: dict[str, str]) -> None:
    execution = watched(stage, which, **times)
    stage.change("AcceptModelFunction", **WRONG)
    run = stage.ended(execution)
    assert is_back(stage, run, live)
    assert run.item["reason"] == "AcceptanceError: only 3 of 10 test photos as in training"


def test_a_test_that_cannot_be_made_says_nothing_of_the_release(stage: Any, live: str) -> None:
    execution = watched(stage, "release", **BAKE)
    stage.change("AcceptModelFunction", **{"raise": "429", "error": "NoConcurrencyError"})
    assert stage.ended(execution).item["status"] == "live"


@pytest.mark.parametrize(("which", "times"), [("release", LONG_BAKE), ("canary", LONG_CANARY)])
def test_a_person_takes_it_back(stage: Any, live: str, which: str, times: dict[str, str]) -> None:
    execution = watched(stage, which, **times)
    stage.client("dynamodb").update_item(
        TableName=stage.name,
        Key={"run_id": {"S": stage.item_of(execution)["run_id"]}},
        UpdateExpression="SET rollback_requested_at = :now",
        ExpressionAttributeValues={":now": {"S": "2026-11-29T12:00:00Z"}},
    )
    run = stage.ended(execution)
    assert is_back(stage, run, live)
    assert run.item["reason"] == "rolled back by hand, 2026-11-29T12:00:00Z"


def test_a_canary_gets_a_share_before_it_gets_all(stage: Any, live: str) -> None:
    execution = watched(stage, "canary", **CANARY)
    pointer = stage.live()
    assert pointer["release"] == live
    canary = pointer["canary"]
    assert canary["share"] == 0.25
    run = stage.ended(execution)
    assert run.item["status"] == "live"
    assert (stage.live()["release"], canary["release"]) == (run.item["release"], run.item["release"])
    assert "canary" not in stage.live()


def test_a_canary_that_cannot_begin_leaves_nothing(stage: Any, live: str) -> None:
    stage.arguments["Start canary"] = {"Name": stage.pointer_name, "Value": "x", "Type": "NoSuch"}
    run = stage.run(**CANARY)
    assert (run.item["status"], stage.live()["release"], stage.standing()) == ("failed", live, only(live))


def test_a_canary_that_was_stopped_is_cleaned_up(stage: Any, live: str) -> None:
    stopped = stage.stopped_at("Wait to watch canary", **LONG_CANARY)
    assert "canary" in stage.live()
    stage.clean_up(stopped)
    assert stage.item_of(stopped)["status"] == "failed"
    assert (stage.live()["release"], "canary" in stage.live()) == (live, False)
    assert stage.standing() == only(live)


def test_a_release_that_was_stopped_while_it_was_watched_is_completed(stage: Any, live: str) -> None:
    stopped = stage.stopped_at("Wait to watch release", **LONG_BAKE)
    stage.clean_up(stopped)
    item = stage.item_of(stopped)
    assert item["status"] == "live"
    assert stage.standing() == only(item["release"])


def keep(stage: Any, release: str) -> str:
    """The id of the run of a release, with the plan that plan_training would have written."""
    run_id = release.rpartition("-")[2]
    plan = json.dumps(stage.plan())
    stage.client("s3").put_object(Bucket=stage.name, Key=f"runs/{run_id}/plan.json", Body=plan)
    return run_id


def roll_back(stage: Any, run_id: str, **parameters: str) -> Ended:
    ended: Ended = stage.run({"action": "rollback", "to": run_id}, as_it_is=True, **parameters)
    return ended


def test_a_former_release_goes_live_again_without_training(stage: Any, live: str) -> None:
    former, before = keep(stage, live), stage.live()
    bad = stage.run().item
    jobs = len(stage.training_jobs())
    run = roll_back(stage, former, **LONG_BAKE, **LONG_CANARY)
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "restored")
    assert f"rolled back from run {bad['run_id']} to run {former}" in run.item["reason"]
    now = stage.live()
    assert (now["run_id"], now["model_data_uri"]) == (former, before["model_data_uri"])
    assert stage.standing() == only(now["release"])
    assert stage.item(former)["status"] == "live"
    assert stage.item(former)["release"] == now["release"]
    assert stage.item(bad["run_id"])["status"] == "rolled_back"
    assert len(stage.training_jobs()) == jobs
    # And forth again, and on with the next drop.
    assert roll_back(stage, keep(stage, bad["release"])).item["status"] == "restored"
    assert stage.run().item["status"] == "live"


@pytest.mark.parametrize("to", ["f" * 32, "live"])
def test_what_was_never_live_or_is_live_is_no_release_to_go_back_to(stage: Any, live: str, to: str) -> None:
    run = roll_back(stage, live.rpartition("-")[2] if to == "live" else to)
    assert (run.status, run.item["status"]) == ("SUCCEEDED", "rejected")
    assert ("live already" if to == "live" else "was never live") in run.item["reason"]
    assert stage.standing() == only(live)


def test_a_release_whose_model_is_gone_cannot_come_back(stage: Any, live: str) -> None:
    former, uri = keep(stage, live), stage.live()["model_data_uri"]
    newer = stage.run().item["release"]
    stage.client("s3").delete_object(Bucket=stage.name, Key=uri.partition(f"{stage.name}/")[2])
    run = roll_back(stage, former)
    assert (run.item["status"], f"is gone from {uri}" in run.item["reason"]) == ("rejected", True)
    assert stage.standing() == only(newer)


def test_a_former_release_that_answers_otherwise_does_not_go_live(stage: Any, live: str) -> None:
    former = keep(stage, live)
    newer = stage.run().item["release"]
    stage.change("AcceptModelFunction", **WRONG)
    assert roll_back(stage, former).item["status"] == "failed"
    assert (stage.live()["release"], stage.standing()) == (newer, only(newer))
    assert stage.item(former)["status"] == "replaced"


@pytest.mark.parametrize("state", ["Create endpoint", "Drain previous endpoint"])
def test_a_rollback_that_was_stopped_is_cleaned_up(stage: Any, live: str, state: str) -> None:
    former = keep(stage, live)
    newer = stage.run().item["release"]
    document = {"action": "rollback", "to": former}
    stopped = stage.stopped_at(state, document, as_it_is=True, DrainSeconds="5")
    stage.clean_up(stopped)
    switched = state == "Drain previous endpoint"
    assert stage.item_of(stopped)["status"] == ("restored" if switched else "failed")
    assert stage.standing() == only(stage.live()["release"])
    assert (stage.live()["release"] == newer) is not switched
    assert stage.item(former)["status"] == ("live" if switched else "replaced")
