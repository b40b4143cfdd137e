"""Kills the local cloud at moments of a real run, and looks at what `up` makes of each.

Half of the moments are spread evenly over the run's time, most of which is training; the others follow the
entrances of states after it, drawn by chance. Every moment has a drop of its own; a model that is as good as
the live one goes live, so that each run would go through to its switch. After a kill and `up`: no process is
left, S3 and ledger are whole, what is live answers, and the drop has a run that is live, failed with a reason
or was started anew. Of those that failed, the first and the last are run again. `make kill-moments` runs it:
a quarter of an hour, so no part of CI. Its figures land where those of `make faults` do; Ctrl-C ends it
early, and those of the moments so far are kept.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from deploy_scripts.demo_data import DEMO_GROUPS, PhotoSet, prepare_photos
from local_cloud import control
from tests.faults.matrix import results
from tests.support.command_line import Dropserve, cloud_processes, command_line_for
from tests.support.waiting import wait_until

GONE_LIMIT_S = 20
# A run that `up` starts anew takes under a minute of two idle cores.
END_LIMIT_S = 600
ENDED_WELL = {"live", "replaced"}


@dataclass(frozen=True)
class Moment:
    """When to kill: so long after the upload, or, where a state is named, after the run has entered it."""

    after_s: float
    state: str = ""


@dataclass
class Outcome:
    """What became of the drop whose run was killed `at_s` seconds after its upload."""

    name: str
    at_s: float
    state: str
    lost_s: float | None
    started_anew: bool
    status: str
    reason: str | None
    faults: list[str]
    run_again: bool = False
    """By a person, since it failed."""


class KilledRuns:
    """One home, whose cloud is killed again and again."""

    def __init__(self, home: Path, photos: PhotoSet) -> None:
        self._home = home
        self._photos = photos
        self._dropserve: Dropserve = command_line_for(home)

    def deploy(self) -> tuple[float, list[str]]:
        """A first release: how long its run took, in seconds, and which states it entered after training."""
        self._succeed("up", "--port", "0")
        self._succeed("deploy", "--parameter", "PromotionRule=not_worse")
        began = time.monotonic()
        self._succeed("drop", self._photos.zip_file, "--name", "first", "--watch")
        length_s = time.monotonic() - began
        ledger, machines = (self._dropserve.client(service) for service in ("dynamodb", "stepfunctions"))
        arn = self._execution(ledger, "drops/first.zip")
        states = [] if arn is None else list(reversed(_states(machines, arn)))
        return length_s, states[states.index("Train on SageMaker") + 1 :]

    def close(self) -> None:
        self._dropserve.run("down")

    def kill_at(self, moment: Moment, name: str) -> Outcome:
        """Drop, kill, `up`, and look at everything."""
        key = f"drops/{name}.zip"
        bucket = self._dropserve.outputs["BucketName"]
        ledger, machines = (self._dropserve.client(service) for service in ("dynamodb", "stepfunctions"))
        self._dropserve.client("s3").upload_file(str(self._photos.zip_file), bucket, key)
        dropped_at = time.monotonic()
        if moment.state:
            wait_until(lambda: moment.state in self._states_of(ledger, machines, key), timeout_s=END_LIMIT_S)
        time.sleep(moment.after_s)
        state = next(iter(self._states_of(ledger, machines, key)), "(before its claim)")
        processes = cloud_processes(self._home)
        os.kill(processes[0].pid, signal.SIGKILL)
        at_s = round(time.monotonic() - dropped_at, 1)
        _, alive = psutil.wait_procs(processes, timeout=GONE_LIMIT_S)
        wait_until(lambda: not control.is_there(self._home / "cloud"))
        up = self._dropserve.run("up", "--port", "0", limit_s=END_LIMIT_S)
        faults = [f"process {process.pid} is left" for process in alive]
        if up.returncode != 0:
            return Outcome(name, at_s, state, None, False, "", None, [*faults, f"up: {up.stderr[-500:]}"])
        if "without saving" not in up.stdout:
            faults.append("up does not say that the cloud ended without saving")
        lost = control.sudden_end(self._home / "cloud")
        self._wait_until_at_rest()
        runs = self._dropserve.json("runs")
        run = next((each for each in runs if each["dataset"] == name), None)
        faults += [*self._faults(name, up.stdout, run), *self._faults_of_live(runs)]
        return Outcome(
            name,
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
        again = self._dropserve.run("run", "--key", f"drops/{name}.zip", "--watch", limit_s=END_LIMIT_S)
        return None if again.returncode == 0 else again.stdout[-300:] + again.stderr[-300:]

    def _faults(self, name: str, told: str, run: dict[str, Any] | None) -> Iterator[str]:
        if run is None:
            yield "the drop has no run"
        elif run["status"] not in ENDED_WELL and not (run["status"] == "failed" and run["reason"]):
            yield f"the run is {run['status']}: {run['reason']}"
        elif run["status"] == "failed" and f"dropserve run --key drops/{name}.zip" not in told:
            yield "up does not name the command that runs it again"
        yield from self._faults_of_s3()
        folders = [each.name for each in (self._home / "cloud" / "sagemaker").glob("training-*")]
        if folders:
            yield f"left on disk: {folders}"

    def _faults_of_live(self, runs: list[dict[str, Any]]) -> Iterator[str]:
        status = self._dropserve.json("status")
        leaked = {kind: names for kind, names in status["besides"].items() if names}
        if leaked:
            yield f"stands beside the live release: {leaked}"
        live = [run["run_id"] for run in runs if run["status"] == "live"]
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

    def _states_of(self, ledger: Any, machines: Any, key: str) -> list[str]:
        """The states that the run of a drop has entered, last first; none before its claim."""
        arn = self._execution(ledger, key)
        return _states(machines, arn) if arn else []

    def _execution(self, ledger: Any, key: str) -> str | None:
        items = ledger.scan(TableName=self._dropserve.outputs["LedgerTableName"])["Items"]
        arns = (item["execution_arn"]["S"] for item in items if item.get("drop_key", {}).get("S") == key)
        return next(arns, None)

    def _wait_until_at_rest(self) -> None:
        machines = self._dropserve.client("stepfunctions")
        running = {"stateMachineArn": self._dropserve.outputs["StateMachineArn"], "statusFilter": "RUNNING"}
        wait_until(lambda: not machines.list_executions(**running)["executions"], timeout_s=END_LIMIT_S)

    def _succeed(self, *arguments: object) -> None:
        try:
            result = self._dropserve.run(*arguments, limit_s=END_LIMIT_S)
        except subprocess.TimeoutExpired as hung:
            # Nothing was killed yet: it says nothing of a moment.
            raise SystemExit(str(hung)) from hung
        if result.returncode != 0:
            raise SystemExit(f"{arguments}: {result.stdout}{result.stderr}")


def _states(machines: Any, execution: str) -> list[str]:
    """Names of the states that an execution has entered, last first."""
    events = machines.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=1000)[
        "events"
    ]
    entered = (event.get("stateEnteredEventDetails", {}).get("name") for event in events)
    return [name for name in entered if name]


def draw_moments(count: int, seed: int, length_s: float, states: list[str]) -> list[Moment]:
    """Half of them spread over the time, half after entrances of the states; in random order."""
    chance = random.Random(seed)
    by_time = [Moment((part + chance.random()) * length_s / (count // 2)) for part in range(count // 2)]
    by_state = [Moment(chance.random() / 2, chance.choice(states)) for _ in range(count - len(by_time))]
    return chance.sample(by_time + by_state, count)


def kill_at_moments(home: Path, count: int, seed: int) -> list[Outcome]:
    """The whole of it. Prints a line a moment."""
    runs = KilledRuns(home, prepare_photos("end-to-end-food", DEMO_GROUPS, at_most=14))
    outcomes: list[Outcome] = []
    try:
        length_s, states = runs.deploy()
        print(f"a run takes {length_s:.1f} s", flush=True)
        for number, moment in enumerate(draw_moments(count, seed, length_s, states)):
            outcomes.append(runs.kill_at(moment, f"k{number}"))
            print(_line(outcomes[-1]), flush=True)
        run_again(runs, outcomes)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    except (AssertionError, subprocess.TimeoutExpired) as hung:
        # What hangs is a fault, and the last one: what follows would meet it, too.
        name = f"k{len(outcomes)}"
        outcomes.append(Outcome(name, 0.0, "?", None, False, "", None, [f"it hung: {hung}"]))
        print(_line(outcomes[-1]), flush=True)
    finally:
        runs.close()
    return outcomes


def run_again(runs: KilledRuns, outcomes: list[Outcome]) -> None:
    """Of the drops whose runs failed, the first and the last: each takes a whole run."""
    failed = [each for each in outcomes if each.status == "failed"]
    for outcome in {each.name: each for each in (*failed[:1], *failed[-1:])}.values():
        fault = runs.run_again(outcome.name)
        print(f"{outcome.name} run again: {fault or 'live'}", flush=True)
        outcome.run_again = True
        if fault:
            outcome.faults.append(f"run again: {fault}")


def _line(outcome: Outcome) -> str:
    anew = "started anew, " if outcome.started_anew else ""
    return (
        f"{outcome.at_s:6.1f} s  {outcome.state:<34} lost {outcome.lost_s or 0:.1f} s  "
        f"{anew}{outcome.status}  {'; '.join(outcome.faults) or 'ok'}"
    )


def figures(outcomes: list[Outcome]) -> dict[str, Any]:
    """As benchmarks/results/faults.json has them."""
    return {
        "moments": len(outcomes),
        "faults": sum(bool(each.faults) for each in outcomes),
        "states": len({each.state for each in outcomes}),
        "lost_s": round(max(each.lost_s or 0.0 for each in outcomes), 1),
        "ends": dict(sorted(Counter(each.status for each in outcomes).items())),
        "started_anew": sum(each.started_anew for each in outcomes),
        "run_again": sum(each.run_again for each in outcomes),
    }


def main() -> int:
    """The exit code: 1 when a moment shows a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kill_moments", description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="how many moments (default: 20)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-moments-") as home:
        outcomes = kill_at_moments(Path(home), options.count, options.seed)
    if outcomes:
        results.write([("kill_moments", figures(outcomes))])
    return 1 if any(each.faults for each in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
