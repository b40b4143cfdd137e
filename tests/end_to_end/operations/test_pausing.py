"""A paused deployment says so to its callers, keeps its model, and answers again once it is resumed."""

from typing import Any

from deploy_scripts.demo_data import PhotoSet
from tests.support.waiting import wait_until


def test_pause_and_resume(dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet) -> None:
    photo = food_photos.held_out[0][1]
    before, answer = dropserve.json("status"), dropserve.json("predict", photo)

    paused = dropserve.json("pause")

    status = dropserve.json("status")
    refused = dropserve.run("predict", photo)
    assert paused["status"] == "paused"
    assert (status["release"], status["instance_count"]) == (before["release"], None)
    assert status["concurrency"] == {"reserved": 6, "provisioned": None, "provisioned_status": None}
    assert 0 < status["idle_month_usd"] < 0.1 * before["idle_month_usd"]
    assert refused.returncode == 1
    assert "503" in refused.stderr
    assert "dropserve resume" in refused.stderr

    # A deployment brings back nothing that is paid for.
    assert dropserve.run("deploy").returncode == 0
    assert dropserve.json("status")["concurrency"]["provisioned"] is None

    resumed = dropserve.json("resume")

    assert resumed["status"] == "resumed"
    assert "test photos as in training" in resumed["reason"]
    after = dropserve.json("status")
    assert (after["paused_at"], after["release"], after["instance_count"]) == (None, before["release"], 1)
    assert after["concurrency"] == before["concurrency"]
    again = dropserve.json("predict", photo)
    assert again["predictions"] == answer["predictions"]


def test_the_idle_alarm_pauses_a_deployment_that_was_told_to(
    dropserve: Any, first_release: dict[str, Any]
) -> None:
    (alarm,) = dropserve.client("cloudwatch").describe_alarms(AlarmNames=["dropserve-idle"])["MetricAlarms"]
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (86400, 7, "breaching")
    assert "a month costs about $" in alarm["AlarmDescription"]
    assert dropserve.run("deploy", "--parameter", "RetireWhenIdle=true").returncode == 0
    # What CloudWatch does after so many days.
    dropserve.client("cloudwatch").set_alarm_state(
        AlarmName="dropserve-idle", StateValue="ALARM", StateReason="nobody asked"
    )

    try:
        wait_until(lambda: dropserve.json("status")["paused_at"], timeout_s=60)
        newest = dropserve.json("runs")[0]
        assert (newest["source"], newest["run_id"] != first_release["run_id"]) == ("idle", True)
    finally:
        dropserve.run("deploy", "--parameter", "RetireWhenIdle=false")
        assert dropserve.json("resume")["status"] == "resumed"
