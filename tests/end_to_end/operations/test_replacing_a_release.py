"""Other photos take over while a client calls all the while: of three drops of one key, the newest."""

import json
import threading
import time
from collections import Counter
from typing import Any
from uuid import uuid4

from deploy_scripts.demo_data import PhotoSet
from tests.support.waiting import wait_until


class CallingClient(threading.Thread):
    """Asks the inference function again and again, and keeps every answer."""

    def __init__(self, functions: Any, function: str, url: str) -> None:
        super().__init__(daemon=True)
        self._ask = lambda: functions.invoke(FunctionName=function, Payload=json.dumps({"url": url}))
        self._over = threading.Event()
        self.answers: list[dict[str, Any]] = []
        self.failures: Counter[str] = Counter()

    def run(self) -> None:
        while not self._over.is_set():
            reply = json.loads(self._ask()["Payload"].read())
            if reply.get("statusCode") == 200:
                self.answers.append(json.loads(reply["body"]))
            else:
                self.failures[json.dumps(reply)] += 1
            time.sleep(0.05)

    def end(self) -> None:
        self._over.set()
        self.join(timeout=60)


def test_of_three_drops_in_a_second_the_newest_is_live_and_no_caller_sees_the_switch(
    dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet, other_photos: PhotoSet
) -> None:
    before = dropserve.json("status")
    s3, bucket, key = dropserve.client("s3"), before["outputs"]["BucketName"], f"uploads/{uuid4().hex}.jpeg"
    s3.upload_file(str(food_photos.held_out[0][1]), bucket, key)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    client = CallingClient(dropserve.client("lambda"), before["outputs"]["InferenceFunctionAliasArn"], url)
    client.start()

    body = other_photos.zip_file.read_bytes()
    versions = [
        s3.put_object(Bucket=bucket, Key="drops/thrice.zip", Body=body)["VersionId"] for _ in range(3)
    ]
    runs = ended_runs_of(dropserve, before["outputs"]["LedgerTableName"], "drops/thrice.zip", versions)
    time.sleep(2)
    client.end()

    assert [runs[version]["status"]["S"] for version in versions] == ["superseded", "superseded", "live"]
    release = runs[versions[2]]["release"]["S"]
    assert not client.failures
    releases = [answer["model"]["release"] for answer in client.answers]
    assert releases[0] == before["release"]
    assert releases[-1] == release
    assert len(set(releases)) == 2
    assert set(client.answers[-1]["classes"]) == {label for label, _ in other_photos.held_out}

    after = dropserve.json("status")
    assert after["release"] == release
    assert not any(after["besides"].values())
    replaced = {each["release"]: each["status"] for each in dropserve.json("runs")}
    assert replaced[before["release"]] == "replaced"


def test_back_to_the_former_release_and_nothing_stays_behind(
    dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet, other_photos: PhotoSet
) -> None:
    if len(dropserve.json("releases")) < 2:
        assert dropserve.run("drop", other_photos.zip_file, "--watch").returncode == 0
    newer, *former = dropserve.json("releases")
    assert (newer["state"], {each["state"] for each in former}) == ("live", {"kept"})
    jobs = dropserve.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    # What a run left that ended where nothing saw to it.
    sagemaker, stray = dropserve.client("sagemaker"), f"dropserve-{uuid4().hex}"
    described = sagemaker.describe_model(ModelName=newer["release"])
    sagemaker.create_model(
        ModelName=stray,
        ExecutionRoleArn=described["ExecutionRoleArn"],
        PrimaryContainer=described["PrimaryContainer"],
    )
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=newer["release"])["ProductionVariants"][0]
    sagemaker.create_endpoint_config(
        EndpointConfigName=stray, ProductionVariants=[{**variant, "ModelName": stray}]
    )
    sagemaker.create_endpoint(EndpointName=stray, EndpointConfigName=stray)

    assert dropserve.run("rollback").returncode == 0
    live, after = dropserve.json("status"), {each["run_id"]: each for each in dropserve.json("releases")}
    assert live["run_id"] == former[0]["run_id"]
    assert after[live["run_id"]]["state"] == "live"
    assert (after[newer["run_id"]]["state"], after[newer["run_id"]]["status"]) == ("kept", "rolled_back")
    assert len(sagemaker.list_training_jobs()["TrainingJobSummaries"]) == len(jobs)
    photo = str(food_photos.held_out[0][1])
    assert dropserve.json("predict", photo)["model"]["run_id"] == live["run_id"]

    left = dropserve.json("janitor")
    assert {(each["kind"], each["name"]) for each in left} == {
        ("endpoint", stray),
        ("endpoint config", stray),
        ("model", stray),
    }
    assert left[0]["usd_a_month"] > 10
    assert dropserve.run("janitor", "--yes").returncode == 0
    assert dropserve.json("janitor") == []
    assert not any(dropserve.json("status")["besides"].values())
    assert dropserve.json("predict", photo)["model"]["run_id"] == live["run_id"]


def ended_runs_of(dropserve: Any, table: str, key: str, versions: list[str]) -> dict[str, Any]:
    """The ledger's items of these versions of a key, once each has ended."""
    dynamodb = dropserve.client("dynamodb")

    def ended() -> dict[str, Any] | None:
        items = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
        found = {item["version_id"]["S"]: item for item in items if item.get("drop_key") == {"S": key}}
        running = any(item["status"]["S"] == "running" for item in found.values())
        return found if set(found) == set(versions) and not running else None

    found: dict[str, Any] = wait_until(ended, timeout_s=240, poll_s=0.5)
    return found
