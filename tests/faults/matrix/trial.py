"""One case on a deployment: make it happen, and say everything that is not as it has to be."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.faults.matrix.asker import Asker
from tests.faults.matrix.cases.case import Case
from tests.faults.matrix.deployment import PHOTOS, Deployment, ended_with_all
from tests.faults.matrix.injection import Fault
from tests.faults.support.acceptance_sample import put_sample
from tests.faults.support.workflow_stage import Ended

# How a run may be said to have ended.
ENDINGS = {"duplicate", "rejected", "superseded", "champion_kept", "blocked", "failed", "live", "replaced"}
ENDINGS |= {"paused", "resumed", "restored", "rolled_back"}

# Where something has to stay, all else has gone by then.
_KEPT_SETTLE_S = 20.0
# Where the ledger refuses these for good, the pointer alone tells which run is live.
UNTOLD = ("Record replaced release", "Record restored release")


@dataclass
class Outcome:
    """`problems` has a sentence each; empty: all is as it has to be."""

    end: str
    leaks: list[str]
    """What was left or gone once all had ended."""
    kept: list[str]
    """What of it nobody was allowed to remove."""
    problems: list[str]
    answers: int


class Trial:
    """Runs one case after the other on a deployment that serves."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.deployment.as_usual()
        first = deployment.run(deployment.drop())
        assert first.item["status"] == "live", first.item
        self.asker = Asker(deployment)

    def close(self) -> None:
        self.asker.stop()

    def run(self, case: Case) -> Outcome:
        """What came of a case; the deployment serves as before then, unless there are problems."""
        deployment = self.deployment
        deployment.as_usual()
        document = case.story.begin(deployment)
        before = deployment.live()["release"]
        self._holder_before = deployment.item("deploy-lock")["holder"]
        deployment.notifications()
        self.asker.taken()
        with tempfile.TemporaryDirectory() as folder:
            ended, others = self._fail(case, document, Path(folder))
        self._clean_up(case, ended)
        subject = _subject(case, document, ended)
        problems = [*self._ledger(case, subject), *self._told(case, subject), *others]
        problems += self._trainings(case, subject)
        leaks = deployment.leaks(settle_s=_KEPT_SETTLE_S) if case.leaves else deployment.leaks()
        kept = _kept(case, leaks)
        problems += [leak for leak in leaks if leak not in kept]
        if kept:
            self._remove(kept)
        problems += self._pointer(case, subject, before)
        problems += self._rerun(case, document)
        problems += self._answers(case)
        end = deployment.item_of(subject).get("status", "") if subject else ""
        return Outcome(end, leaks, kept, problems, self._asked)

    # -- the run and the clean-up

    def _fail(self, case: Case, document: Any, folder: Path) -> tuple[Ended, list[str]]:
        deployment = self.deployment
        deployment.faults = {state: list(faults) for state, faults in case.faults.items()}
        deployment.changes = {state: dict(fields) for state, fields in case.changes.items()}
        if case.prepare:
            case.prepare(deployment)
        others: list[str] = []
        if case.waiter:
            return self._fail_beside(case, document, folder / "go")
        as_it_is = case.story.acts or case.story.cleans_up
        ended = ended_with_all(deployment, deployment.start(document, as_it_is=as_it_is))
        return ended, others

    def _fail_beside(self, case: Case, document: Any, go: Path) -> tuple[Ended, list[str]]:
        """Held at the state until another run has asked who holds the lock."""
        deployment = self.deployment
        (fault, *rest) = deployment.faults[case.state]
        held = Fault("hold", until=str(go))
        deployment.faults[case.state] = [replace(held), replace(fault, skip=0), *rest]
        first = deployment.start(document)
        deployment.until_entered(first, case.state)
        deployment.as_usual()
        second = deployment.start(deployment.drop("drops/cats.zip"))
        deployment.until_entered(second, "Read lock holder")
        go.touch()
        ended = deployment.ended(first)
        deployment.clean_up(first)
        waited = deployment.ended(second)
        status = waited.item.get("status")
        return ended, [] if status == "live" else [f"the run that waited ended as {status}: {waited.item}"]

    def _clean_up(self, case: Case, ended: Ended) -> None:
        """What the rule starts for each execution that did not succeed, but for those that clean up."""
        deployment = self.deployment
        deployment.faults, deployment.changes, deployment.parameters = {}, {}, {}
        if ended.status == "SUCCEEDED" or case.waiter:
            return
        if case.story.cleans_up:
            # Nobody starts another one by itself: a person starts it again.
            states = deployment.client("stepfunctions")
            given = json.loads(states.describe_execution(executionArn=ended.execution)["input"])
            deployment.ended(deployment.start(given, as_it_is=True))
        else:
            deployment.clean_up(ended.execution)

    def _rerun(self, case: Case, document: Any) -> list[str]:
        """The same drop again, by hand, or a resume."""
        deployment = self.deployment
        deployment.as_usual()
        live = deployment.live()
        if "paused_at" in live:
            put_sample(deployment, PHOTOS, live["run_id"])
            again = deployment.ended(deployment.start({"action": "resume"}, as_it_is=True))
            wanted = "resumed"
        elif case.statuses == {"live"} or case.waiter or not case.is_run_again:
            # The run itself, or the one that waited, shows that the next one succeeds.
            return []
        else:
            again, wanted = deployment.run(deployment.drop()), "live"
        status = again.item.get("status")
        found = [] if status == wanted else [f"a re-run ended as {status}: {again.item.get('reason')}"]
        return [*found, *(f"after the re-run: {leak}" for leak in deployment.leaks())]

    # -- what has to be so

    def _ledger(self, case: Case, subject: str) -> Iterator[str]:
        item = self.deployment.item_of(subject) if subject else {}
        status = item.get("status", "")
        if status not in case.statuses:
            wanted = " or ".join(sorted(case.statuses)) or "nothing"
            yield f"the run ended as {status or 'nothing'} ({item.get('reason')}), not as {wanted}"
        for row in self.deployment.rows():
            if row.get("status") not in ENDINGS:
                yield f"the ledger says {row.get('status')} of run {row['run_id']}"
        holder = self.deployment.item("deploy-lock")["holder"]
        # Of a dead one it is taken by the next run that asks for it.
        if holder not in ("nobody", self._holder_before) and case.state != "Release deploy lock":
            yield f"the deploy lock is held by {holder}"
        if case.state in UNTOLD or case.story.both_stay:
            return
        live = [row.get("release") for row in self.deployment.rows() if row.get("status") == "live"]
        if self.deployment.live()["release"] not in live and case.story.status != "resumed":
            yield f"the ledger says that {live} are live, not {self.deployment.live()['release']}"
        if len(live) > 1:
            yield f"the ledger says of {len(live)} runs that they are live"

    def _trainings(self, case: Case, subject: str) -> Iterator[str]:
        if not case.trains_once:
            return
        run_id = self.deployment.item_of(subject)["run_id"]
        jobs = self.deployment.client("sagemaker").list_training_jobs(NameContains=run_id)
        told = [each["TrainingJobStatus"] for each in jobs["TrainingJobSummaries"]]
        if (told.count("Completed"), told.count("Stopped")) != (1, 1):
            yield f"the training jobs of the run are {told}, not one that was stopped and one that trained"

    def _told(self, case: Case, subject: str) -> Iterator[str]:
        run_id = self.deployment.item_of(subject).get("run_id") if subject else None
        told = [text for text in self.deployment.notifications() if run_id and f"Run {run_id} " in text]
        needed = run_id and not case.silent and case.story.status != "duplicate"
        if needed and not told:
            yield "nobody was told how the run ended"

    def _pointer(self, case: Case, subject: str, before: str) -> Iterator[str]:
        if case.waiter or case.story.both_stay or not subject:
            return
        item = self.deployment.item_of(subject)
        live = self.deployment.live()
        if item.get("status") == "live" and live["run_id"] != item["run_id"]:
            yield f"the ledger says live, and the pointer names {live['release']}"
        if item.get("status") == "restored":
            if live["release"] == before:
                yield f"the ledger says restored, and the pointer names {before} still"
        elif item.get("status") != "live" and live["release"] != before:
            yield f"the run ended as {item.get('status')}, and {live['release']} is live instead of {before}"

    def _answers(self, case: Case) -> Iterator[str]:
        # What a case paused serves again by now.
        answered = self.asker.until_answered()
        good, paused, bad = self.asker.taken()
        self._asked = good + paused + len(bad)
        for answer in bad[:2]:
            yield f"{len(bad)} of {self._asked} questions were answered otherwise: {answer}"
        may_pause = case.story.acts or "pause" in case.story.name
        if paused and not may_pause:
            yield f"{paused} questions were answered as paused"
        if not answered:
            yield "no question was answered"

    def _remove(self, kept: list[str]) -> None:
        """By hand, what nobody was allowed to remove."""
        sagemaker, scaling = (
            self.deployment.client("sagemaker"),
            self.deployment.client("application-autoscaling"),
        )
        # An endpoint takes its scaling target with it.
        for leak in sorted(kept, reverse=True):
            kind, name = leak.removesuffix(" is left").removesuffix(" runs").rsplit(" ", 1)
            if kind == "endpoint":
                sagemaker.delete_endpoint(EndpointName=name)
            elif kind == "configuration":
                sagemaker.delete_endpoint_config(EndpointConfigName=name)
            elif kind == "model":
                sagemaker.delete_model(ModelName=name)
            elif kind == "scaling target":
                scaling.deregister_scalable_target(
                    ServiceNamespace="sagemaker",
                    ResourceId=f"endpoint/{name}/variant/AllTraffic",
                    ScalableDimension="sagemaker:variant:DesiredInstanceCount",
                )
            elif kind == "instance":
                self.deployment.client("ec2").terminate_instances(InstanceIds=[name])


def _subject(case: Case, document: Any, ended: Ended) -> str:
    """The execution whose run is judged."""
    if case.story.cleans_up:
        return str(document["detail"]["executionArn"])
    return ended.execution


def _kept(case: Case, leaks: list[str]) -> list[str]:
    if not case.leaves:
        return []
    # The programs of an endpoint stay with it.
    return [leak for leak in leaks if any(each in leak for each in (" is left", "instance", " serve "))]
