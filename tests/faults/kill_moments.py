"""Kills the local cloud at moments spread over a real run, and looks at what `up` makes of each.

Every moment has a drop of its own; a model that is as good as the live one goes live, so that each run would
go through to its switch. After a kill and `up`: no process is left, S3 and ledger are whole, what is live
answers, and the drop has a run that is live, failed with a reason, or was started anew. Of those that failed,
the first and the last are run again. `make kill-moments` runs it: half an hour, so no part of CI.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from deploy_scripts.demo_data import DEMO_GROUPS, PhotoSet, prepare_photos
from local_cloud import control
from tests.support.command_line import Dropserve, cloud_processes, command_line_for
from tests.support.waiting import wait_until

GONE_LIMIT_S = 20
# A run that `up` starts anew takes under a minute of two idle cores.
END_LIMIT_S = 300
ENDED_WELL = {"live", "replaced"}


@dataclass(frozen=True)
class Outcome:
    """What became of the drop whose run was to be killed `at_s` seconds after its upload."""

    at_s: float
    state: str
    lost_s: float | None
    started_anew: bool
    status: str
    reason: str | None
    faults: list[str]


class KilledRuns:
    """One home, whose cloud is killed again and again."""

    def __init__(self, home: Path, photos: PhotoSet) -> None:
        self._home = home
        self._photos = photos
        self._dropserve: Dropserve = command_line_for(home)

    def deploy(self) -> float:
        """A first release, and how long its run took, in seconds."""
        self._succeed("up", "--port", "0")
        self._succeed("deploy", "--parameter", "PromotionRule=not_worse")
        began = time.monotonic()
        self._succeed("drop", self._photos.zip_file, "--name", "first", "--watch")
        return time.monotonic() - began

    def close(self) -> None:
        self._dropserve.run("down")

    def kill_at(self, at_s: float, name: str) -> Outcome:
        """Drop, kill, `up`, and look at everything."""
        key = f"drops/{name}.zip"
        bucket = self._dropserve.outputs["BucketName"]
        self._dropserve.client("s3").upload_file(str(self._photos.zip_file), bucket, key)
        time.sleep(at_s)
        state = self._state(key)
        processes = cloud_processes(self._home)
        os.kill(processes[0].pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(processes, timeout=GONE_LIMIT_S)
        wait_until(lambda: not control.is_there(self._home / "cloud"))
        up = self._dropserve.run("up", "--port", "0")
        faults = [f"process {process.pid} is left" for process in alive]
        if up.returncode != 0:
            return Outcome(at_s, state, None, False, "", None, [*faults, f"up: {up.stderr[-500:]}"])
        if "without saving" not in up.stdout:
            faults.append("up does not say that the cloud ended without saving")
        lost = control.sudden_end(self._home / "cloud")
        wait_until(lambda: not self._status()["besides"]["running_executions"], timeout_s=END_LIMIT_S)
        run = next((each for each in self._dropserve.json("runs") if each["dataset"] == name), None)
        faults += list(self._faults(name, up.stdout, run))
        return Outcome(
            at_s,
            state,
            lost.lost_s if lost else None,
            "It runs now" in up.stdout,
            run["status"] if run else "none",
            run["reason"] if run else None,
            faults,
        )

    def run_again(self, name: str) -> str | None:
        """What is wrong with the command that `up` named; None when it leads to a release."""
        again = self._dropserve.run("run", "--key", f"drops/{name}.zip", "--watch")
        return None if again.returncode == 0 else again.stdout[-300:] + again.stderr[-300:]

    def _faults(self, name: str, told: str, run: dict[str, Any] | None) -> Iterator[str]:
        if run is None:
            yield "the drop has no run"
        elif run["status"] not in ENDED_WELL and not (run["status"] == "failed" and run["reason"]):
            yield f"the run is {run['status']}: {run['reason']}"
        elif run["status"] == "failed" and f"dropserve run --key drops/{name}.zip" not in told:
            yield "up does not name the command that runs it again"
        yield from self._faults_of_live()
        yield from self._faults_of_s3()
        folders = [each.name for each in (self._home / "cloud" / "sagemaker").glob("training-*")]
        if folders:
            yield f"left on disk: {folders}"

    def _faults_of_live(self) -> Iterator[str]:
        status = self._status()
        leaked = {kind: names for kind, names in status["besides"].items() if names}
        if leaked:
            yield f"stands beside the live release: {leaked}"
        live = [run["run_id"] for run in self._dropserve.json("runs") if run["status"] == "live"]
        if live != [status["run_id"]]:
            yield f"the ledger says that {live} is live, the pointer {status['run_id']}"
        predicted = self._dropserve.run("predict", self._photos.held_out[0][1], "--json")
        if predicted.returncode != 0:
            yield f"predict: {predicted.stderr[-300:]}"
        elif json.loads(predicted.stdout)["model"]["release"] != status["release"]:
            yield "another release answers than the one that is live"
        lock = self._dropserve.client("dynamodb").get_item(
            TableName=self._dropserve.outputs["LedgerTableName"], Key={"run_id": {"S": "deploy-lock"}}
        )
        holder = lock.get("Item", {}).get("holder", {}).get("S", "nobody")
        if holder != "nobody":
            yield f"the deploy lock is held by {holder}"

    def _faults_of_s3(self) -> Iterator[str]:
        s3, bucket = self._dropserve.client("s3"), self._dropserve.outputs["BucketName"]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in page.get("Versions", []):
                named = {"Key": version["Key"], "VersionId": version["VersionId"]}
                content = s3.get_object(Bucket=bucket, **named)["Body"].read()
                etag = version["ETag"].strip('"')
                is_same = "-" in etag or hashlib.md5(content, usedforsecurity=False).hexdigest() == etag
                if len(content) != version["Size"] or not is_same:
                    yield f"not whole: {named}"
        unfinished = [str(each) for each in (self._home / "cloud" / "s3").rglob("*.tmp")]
        if unfinished:
            yield f"half written: {unfinished}"

    def _state(self, key: str) -> str:
        """The state that the run of a drop is in, as a person could look it up."""
        table = self._dropserve.outputs["LedgerTableName"]
        items = self._dropserve.client("dynamodb").scan(TableName=table)["Items"]
        arn = next(
            (each["execution_arn"]["S"] for each in items if each.get("drop_key", {}).get("S") == key), None
        )
        if arn is None:
            return "(before its claim)"
        machines = self._dropserve.client("stepfunctions")
        events = machines.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=50)["events"]
        entered = (each.get("stateEnteredEventDetails", {}).get("name") for each in events)
        ended = machines.describe_execution(executionArn=arn)["status"] != "RUNNING"
        return "(after its end)" if ended else next(filter(None, entered), "(begun)")

    def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = self._dropserve.json("status")
        return status

    def _succeed(self, *arguments: object) -> None:
        result = self._dropserve.run(*arguments)
        if result.returncode != 0:
            raise SystemExit(f"{arguments}: {result.stdout}{result.stderr}")


def moments(count: int, seed: int, length_s: float) -> list[float]:
    """One random moment in each of `count` equal parts of a run."""
    chance = random.Random(seed)
    return [round((part + chance.random()) * length_s / count, 2) for part in range(count)]


def kill_at_moments(home: Path, count: int, seed: int) -> list[Outcome]:
    """The whole of it. Prints a line a moment."""
    runs = KilledRuns(home, prepare_photos("end-to-end-food", DEMO_GROUPS, at_most=14))
    outcomes = []
    try:
        length_s = runs.deploy()
        print(f"a run takes {length_s:.1f} s", flush=True)
        for number, at_s in enumerate(moments(count, seed, length_s)):
            outcome = runs.kill_at(at_s, f"k{number}")
            outcomes.append(outcome)
            anew = "started anew, " if outcome.started_anew else ""
            print(
                f"{at_s:6.2f} s  {outcome.state:<34} lost {outcome.lost_s or 0:.1f} s  "
                f"{anew}{outcome.status}  {'; '.join(outcome.faults) or 'ok'}",
                flush=True,
            )
        failed = [number for number, each in enumerate(outcomes) if each.status == "failed"]
        # The first and the last: each takes a whole run.
        for number in sorted({*failed[:1], *failed[-1:]}):
            fault = runs.run_again(f"k{number}")
            print(f"k{number} run again: {fault or 'live'}", flush=True)
            if fault:
                outcomes[number].faults.append(f"run again: {fault}")
    finally:
        runs.close()
    return outcomes


def main() -> int:
    """The exit code: 1 when a moment shows a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kill_moments", description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="how many moments (default: 20)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the outcomes there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-moments-") as home:
        outcomes = kill_at_moments(Path(home), options.count, options.seed)
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in outcomes], indent=1) + "\n")
    return 1 if any(each.faults for each in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
