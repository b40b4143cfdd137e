"""Folder drops by other hands than ours, and a run by hand: one folder, trained on three times.

Its name is one that a shell would mind. The marker comes first and a photo late; then one more comes, which
no marker tells of, and a run by hand trains on EC2.
"""

import json
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy_scripts.demo_data import PhotoSet
from tests.support.waiting import wait_until

LIMIT_S = 180
# What a run ends as whose model was judged.
JUDGED = {"live", "replaced", "champion_kept"}
NAME = """-rf .. it's "quoted" $(touch ran) `touch ran`; touch ran"""


class Bucket:
    def __init__(self, dropserve: Any) -> None:
        self._s3 = dropserve.client("s3")
        self.outputs = dropserve.outputs
        self._name = self.outputs["BucketName"]

    def put(self, key: str, body: bytes = b"") -> None:
        self._s3.put_object(Bucket=self._name, Key=key, Body=body)

    def inspection(self, run_id: str) -> dict[str, Any]:
        body = self._s3.get_object(Bucket=self._name, Key=f"runs/{run_id}/inspection.json")["Body"].read()
        return dict(json.loads(body))


@dataclass(frozen=True)
class Folder:
    """The folder in the bucket, and the runs that it has begun."""

    photos: dict[str, bytes]
    bucket: Bucket
    first: dict[str, Any]
    again: dict[str, Any]

    def put_photo(self, name: str) -> None:
        """A photo like none that is there."""
        label, _, _ = next(iter(self.photos)).rpartition("/")
        content = next(iter(self.photos.values())) + name.encode()
        self.bucket.put(f"drops/{NAME}/{label}/{name}", content)


@pytest.fixture(scope="module")
def folder(dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet) -> Folder:
    """As `aws s3 sync` sends it: in the order of names, and `_` comes before small letters."""
    with zipfile.ZipFile(food_photos.zip_file) as archive:
        photos = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    bucket = Bucket(dropserve)
    bucket.put(f"drops/{NAME}/_SUCCESS")
    for name, body in photos.items():
        time.sleep(8 / len(photos))
        bucket.put(f"drops/{NAME}/{name}", body)

    def own_runs() -> list[dict[str, Any]]:
        return [run for run in dropserve.json("runs") if run["dataset"] == NAME][::-1]

    sagemaker, dynamodb = dropserve.client("sagemaker"), dropserve.client("dynamodb")
    run_id = wait_until(own_runs, timeout_s=LIMIT_S)[0]["run_id"]
    wait_until(
        lambda: sagemaker.list_training_jobs(NameContains=run_id)["TrainingJobSummaries"], timeout_s=LIMIT_S
    )
    Folder(photos, bucket, {}, {}).put_photo("late.jpeg")

    def have_ended() -> bool:
        items = dynamodb.scan(TableName=bucket.outputs["LedgerTableName"], ConsistentRead=True)["Items"]
        mine = [item for item in items if item.get("dataset") == {"S": NAME}]
        return len(mine) >= 2 and all(item["status"]["S"] != "running" for item in mine)

    wait_until(have_ended, timeout_s=LIMIT_S)
    first, again = own_runs()
    return Folder(photos, bucket, first, again)


@pytest.fixture(scope="module")
def by_hand(dropserve: Any, folder: Folder) -> dict[str, Any]:
    """The run that is begun once more photos came without a new marker."""
    folder.put_photo("new.jpeg")
    key = f"drops/{NAME}/_SUCCESS"
    result = dropserve.run("run", "--key", key, "--backend", "ec2", "--force", "--watch", "--json")
    return dict(json.loads(result.stdout))


def test_a_marker_that_comes_before_the_photos_begins_a_run_of_all_of_them(folder: Folder) -> None:
    assert folder.bucket.inspection(folder.first["run_id"])["image_count"] == len(folder.photos)


def test_a_photo_that_comes_while_the_folder_is_trained_on_begins_a_run_with_it(folder: Folder) -> None:
    assert folder.first["status"] == "superseded"
    assert "late.jpeg'), so the model of what was there is not released: a new run" in folder.first["reason"]
    assert folder.again["status"] in JUDGED
    assert folder.bucket.inspection(folder.again["run_id"])["image_count"] == len(folder.photos) + 1


def test_a_second_sync_with_an_unchanged_marker_is_begun_by_hand(
    folder: Folder, by_hand: dict[str, Any]
) -> None:
    assert (by_hand["status"], by_hand["source"]) == ("live", "manual"), by_hand["reason"]
    assert folder.bucket.inspection(by_hand["run_id"])["image_count"] == len(folder.photos) + 2


def test_the_ec2_branch_trains_and_releases(dropserve: Any, by_hand: dict[str, Any]) -> None:
    assert (by_hand["status"], by_hand["backend"]) == ("live", "ec2"), by_hand["reason"]
    assert dropserve.live_release() == by_hand["release"]
    instances = [
        instance
        for reservation in dropserve.client("ec2").describe_instances(
            Filters=[{"Name": "tag:dropserve:run", "Values": [by_hand["run_id"]]}]
        )["Reservations"]
        for instance in reservation["Instances"]
    ]
    # One that has ended is forgotten after a while.
    assert {instance["State"]["Name"] for instance in instances} <= {"terminated", "shutting-down"}
    lines = [json.loads(line) for line in dropserve.run("logs", "training", "--json").stdout.splitlines()]
    messages = [line["message"] for line in lines if line["stream"] == f"{by_hand['release']}-0"]
    assert any(message.startswith("epoch=1 ") for message in messages)
    assert f"test_accuracy={by_hand['accuracy']:.4f}" in " ".join(messages)
    assert messages[-1].startswith("phase=done ")


@pytest.mark.usefixtures("by_hand")
def test_a_name_that_a_shell_would_mind_runs_nothing(dropserve: Any) -> None:
    assert not list(Path(dropserve.home).rglob("ran"))


def test_a_folder_whose_name_would_be_code_is_refused_at_the_door(
    dropserve: Any, first_release: dict[str, Any]
) -> None:
    name = "p\n../../code\ts3:/" + "/evil/elsewhere"
    Bucket(dropserve).put(f"drops/{name}/_SUCCESS")
    result = dropserve.run("run", "--key", f"drops/{name}/_SUCCESS", "--backend", "ec2", "--watch", "--json")
    assert result.returncode == 1
    run = json.loads(result.stdout)
    assert run["status"] == "rejected"
    assert r"key holds the character \x0a, which cannot be shown" in run["reason"]
