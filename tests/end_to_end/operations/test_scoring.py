"""Batch scoring on the local cloud: every photo once, what fails told, and taken up where it was stopped."""

import csv
import json
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from contracts.scoring import BATCH_PHOTOS
from deploy_scripts.demo_data import PhotoSet
from deploy_scripts.project import PROGRAMS
from tests.support.waiting import wait_until

PREFIX = "photos/end-to-end/"
# Two batches begin together: one more is at work when the first has ended, and one has not begun.
BATCHES = 4
COUNT = (BATCHES - 1) * BATCH_PHOTOS + 7


@pytest.fixture(scope="module")
def place(dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet) -> str:
    """With photos, each with other bytes at its end, one cut short, no photo, a folder's marker."""
    with zipfile.ZipFile(food_photos.zip_file) as archive:
        photos = [archive.read(name) for name in sorted(archive.namelist()) if not name.endswith("/")]
    s3, bucket = dropserve.client("s3"), dropserve.outputs["BucketName"]
    for number in range(COUNT):
        body = photos[number % len(photos)] + f" {number}".encode()
        s3.put_object(Bucket=bucket, Key=f"{PREFIX}{number:04d}.jpg", Body=body)
    s3.put_object(Bucket=bucket, Key=f"{PREFIX}=cut.jpg", Body=photos[0][: len(photos[0]) // 2])
    s3.put_object(Bucket=bucket, Key=f"{PREFIX}=notes.txt", Body=b"no photo")
    s3.put_object(Bucket=bucket, Key=PREFIX, Body=b"")
    return f"s3://{bucket}/{PREFIX}"


def _scored(folder: Path) -> list[str]:
    return [json.loads(line)["s3_uri"] for line in (folder / "scores.jsonl").read_text("utf-8").splitlines()]


def test_every_photo_is_scored_once_and_what_failed_is_listed(
    dropserve: Any, place: str, live: dict[str, Any], tmp_path: Path
) -> None:
    summary = dropserve.json("score", place, "--yes", "--out", tmp_path / "result")
    photos = [f"{place}{number:04d}.jpg" for number in range(COUNT)]
    assert _scored(tmp_path / "result") == photos
    assert (summary["scored"], summary["failures"]) == (COUNT, {"damaged_image": 1, "not_an_image": 1})
    assert summary["releases"] == {live["release"]: COUNT}
    with (tmp_path / "result" / "scores.csv").open(encoding="utf-8", newline="") as table:
        assert [row["s3_uri"] for row in csv.DictReader(table)] == photos
    with (tmp_path / "result" / "failures.csv").open(encoding="utf-8", newline="") as table:
        failures = [(row["s3_uri"], row["again"]) for row in csv.DictReader(table)]
    assert failures == [(f"{place}=cut.jpg", "no"), (f"{place}=notes.txt", "no")]


def test_a_stopped_job_is_taken_up_where_it_stopped(dropserve: Any, place: str, tmp_path: Path) -> None:
    steps, machine = dropserve.client("stepfunctions"), dropserve.outputs["ScoringStateMachineArn"]
    bucket, s3 = dropserve.outputs["BucketName"], dropserve.client("s3")
    command = subprocess.Popen(
        [str(PROGRAMS / "dropserve"), "score", place, "--yes", "--out", str(tmp_path / "result")],
        env=dropserve.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def running() -> dict[str, Any] | None:
        found = steps.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
        return dict(found[0]) if found else None

    execution = wait_until(running)
    job = execution["name"].rpartition("-")[0]

    def parts() -> dict[str, str]:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"scores/{job}/parts/")
        return {each["Key"]: each["ETag"] for each in listed.get("Contents", [])}

    before = wait_until(parts)
    steps.stop_execution(executionArn=execution["executionArn"])
    said, _ = command.communicate(timeout=60)
    assert command.returncode == 1 and f"dropserve score --resume {job}" in said
    wait_until(lambda: running() is None)
    time.sleep(1)
    before = parts()
    assert len(before) < BATCHES

    summary = dropserve.json("score", "--resume", job, "--out", tmp_path / "result")

    assert _scored(tmp_path / "result") == [f"{place}{number:04d}.jpg" for number in range(COUNT)]
    assert summary["job"] == job
    # What was there is as it was.
    assert before.items() <= parts().items()
