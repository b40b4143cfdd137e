"""Folder drops by other hands than ours: a marker that comes first, photos that come late."""

import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.demo_data import PhotoSet

LIMIT_S = 180
# What a run ends as whose model was judged.
JUDGED = {"live", "replaced", "champion_kept"}


@pytest.fixture(scope="session")
def photos(food_photos: PhotoSet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The photos of the first drop, by their names in a folder."""
    with zipfile.ZipFile(food_photos.zip_file) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


class Bucket:
    def __init__(self, dropserve: Any) -> None:
        self._s3 = dropserve.client("s3")
        self._name = dropserve.json("status")["outputs"]["BucketName"]

    def put(self, key: str, body: bytes = b"") -> None:
        self._s3.put_object(Bucket=self._name, Key=key, Body=body)

    def inspection(self, run_id: str) -> dict[str, Any]:
        body = self._s3.get_object(Bucket=self._name, Key=f"runs/{run_id}/inspection.json")["Body"].read()
        return dict(json.loads(body))


def runs_of(dropserve: Any, dataset: str, count: int) -> list[dict[str, Any]]:
    """The runs of a drop, oldest first, once there are so many and all have ended."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        runs = [run for run in dropserve.json("runs") if run["dataset"] == dataset]
        if len(runs) >= count and all(run["status"] != "running" for run in runs):
            return runs[::-1]
        time.sleep(0.5)
    raise AssertionError(f"{count} runs of {dataset} did not end within {LIMIT_S} s")


def test_a_marker_that_comes_before_the_photos_begins_a_run_of_all_of_them(
    dropserve: Any, first_release: dict[str, Any], photos: dict[str, bytes]
) -> None:
    """As `aws s3 sync` sends it: in the order of names, and `_` comes before small letters."""
    bucket = Bucket(dropserve)
    bucket.put("drops/marker-first/_SUCCESS")
    for name, body in photos.items():
        time.sleep(8 / len(photos))
        bucket.put(f"drops/marker-first/{name}", body)
    (run,) = runs_of(dropserve, "marker-first", 1)
    assert run["status"] in JUDGED
    assert bucket.inspection(run["run_id"])["image_count"] == len(photos)


def test_a_photo_that_comes_while_the_folder_is_trained_on_begins_a_run_with_it(
    dropserve: Any, first_release: dict[str, Any], photos: dict[str, bytes]
) -> None:
    bucket = Bucket(dropserve)
    for name, body in photos.items():
        bucket.put(f"drops/late/{name}", body)
    bucket.put("drops/late/_SUCCESS")
    sagemaker = dropserve.client("sagemaker")
    deadline = time.monotonic() + LIMIT_S
    while (
        not (runs := [run for run in dropserve.json("runs") if run["dataset"] == "late"])
        or not (sagemaker.list_training_jobs(NameContains=runs[0]["run_id"])["TrainingJobSummaries"])
    ):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    label, _, _ = next(iter(photos)).rpartition("/")
    bucket.put(f"drops/late/{label}/late.jpeg", next(iter(photos.values())) + b"\0")

    first, again = runs_of(dropserve, "late", 2)
    assert first["status"] == "superseded"
    assert "late.jpeg'), so the model of what was there is not released: a new run" in first["reason"]
    assert again["status"] in JUDGED
    assert bucket.inspection(first["run_id"])["image_count"] == len(photos)
    assert bucket.inspection(again["run_id"])["image_count"] == len(photos) + 1


def test_a_second_sync_with_an_unchanged_marker_is_begun_by_hand(
    dropserve: Any, first_release: dict[str, Any], photos: dict[str, bytes]
) -> None:
    bucket = Bucket(dropserve)
    for name, body in photos.items():
        bucket.put(f"drops/synced/{name}", body)
    bucket.put("drops/synced/_SUCCESS")
    runs_of(dropserve, "synced", 1)
    label, _, _ = next(iter(photos)).rpartition("/")
    bucket.put(f"drops/synced/{label}/new.jpeg", next(iter(photos.values())) + b"\0")
    run = json.loads(
        dropserve.run("run", "--key", "drops/synced/_SUCCESS", "--watch", "--json", "--force").stdout
    )
    assert (run["status"], run["source"]) == ("live", "manual")
    assert bucket.inspection(run["run_id"])["image_count"] == len(photos) + 1


def test_a_folder_whose_name_would_be_code_is_refused_at_the_door(
    dropserve: Any, first_release: dict[str, Any], photos: dict[str, bytes]
) -> None:
    bucket = Bucket(dropserve)
    name = "p\n../../code\ts3:/" + "/evil/elsewhere"
    for photo, body in photos.items():
        bucket.put(f"drops/{name}/{photo}", body)
    bucket.put(f"drops/{name}/_SUCCESS", b"")
    result = dropserve.run("run", "--key", f"drops/{name}/_SUCCESS", "--backend", "ec2", "--watch", "--json")
    assert result.returncode == 1
    run = json.loads(result.stdout)
    assert run["status"] == "rejected"
    assert r"key holds the character \x0a, which cannot be shown" in run["reason"]


def test_a_folder_with_a_name_that_a_shell_would_mind_trains_on_ec2(
    dropserve: Any, first_release: dict[str, Any], photos: dict[str, bytes], tmp_path: Path
) -> None:
    name = """-rf .. it's "quoted" $(touch ran) `touch ran`; touch ran"""
    folder = tmp_path / name
    for photo, body in photos.items():
        (folder / photo).parent.mkdir(parents=True, exist_ok=True)
        (folder / photo).write_bytes(body)
    dropserve.run("drop", folder)
    result = dropserve.run(
        "run", "--key", f"drops/{name}/_SUCCESS", "--backend", "ec2", "--force", "--watch", "--json"
    )
    run = json.loads(result.stdout)
    assert (run["status"], run["backend"]) == ("live", "ec2"), run["reason"]
    assert not list(Path(dropserve.environment["DROPSERVE_HOME"]).rglob("ran"))
