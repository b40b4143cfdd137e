"""The local cloud goes down and comes back with all that it held."""

from typing import Any

from deploy_scripts.demo_data import PhotoSet


def test_what_was_live_is_live_after_a_restart(
    dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet
) -> None:
    live, runs = dropserve.live_release(), dropserve.json("runs")

    assert dropserve.run("down").returncode == 0
    refused = dropserve.run("status")
    assert refused.returncode == 1
    assert "dropserve up" in refused.stderr
    assert dropserve.run("up", "--port", "0").returncode == 0

    assert dropserve.live_release() == live
    assert dropserve.json("runs") == runs
    assert dropserve.json("predict", food_photos.held_out[0][1])["model"]["release"] == live
