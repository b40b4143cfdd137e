"""A second, different drop takes over while a client calls all the while."""

import json
import threading
import time
from collections import Counter
from typing import Any
from uuid import uuid4

from deploy_scripts.demo_data import PhotoSet


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


def test_the_switch_is_seen_by_no_caller(
    dropserve: Any, first_release: dict[str, Any], food_photos: PhotoSet, other_photos: PhotoSet
) -> None:
    before = dropserve.json("status")
    s3, bucket, key = dropserve.client("s3"), before["outputs"]["BucketName"], f"uploads/{uuid4().hex}.jpeg"
    s3.upload_file(str(food_photos.held_out[0][1]), bucket, key)
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    client = CallingClient(dropserve.client("lambda"), before["outputs"]["InferenceFunctionAliasArn"], url)
    client.start()

    run = dropserve.json("drop", other_photos.zip_file, "--name", f"other-{uuid4().hex[:8]}", "--watch")
    time.sleep(2)
    client.end()

    assert run["status"] == "live"
    assert not client.failures
    releases = [answer["model"]["release"] for answer in client.answers]
    assert releases[0] == before["release"]
    assert releases[-1] == run["release"]
    assert len(set(releases)) == 2
    assert set(client.answers[-1]["classes"]) == {label for label, _ in other_photos.held_out}

    after = dropserve.json("status")
    assert after["release"] == run["release"]
    assert not any(after["besides"].values())
    replaced = {each["release"]: each["status"] for each in dropserve.json("runs")}
    assert replaced[before["release"]] == "replaced"
