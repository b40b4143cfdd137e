"""A paused deployment says so to its callers, keeps its model, and answers again once it is resumed."""

from typing import Any

from deploy_scripts.demo_data import PhotoSet


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
