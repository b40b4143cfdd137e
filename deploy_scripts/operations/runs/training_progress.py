"""How far a training is: from the lines that it logs, and from what SageMaker says about its job."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from contracts.bucket import PLAN, run_key
from deploy_scripts.aws import Aws
from deploy_scripts.errors import is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.s3_documents import read_json

SAGEMAKER_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
# What training/job/progress.py prints: phase=features images_done=120 images_total=238
_IMAGES = re.compile(r"phase=(\w+) images_done=(\d+) images_total=(\d+)")
_EPOCH = re.compile(r"epoch=(\d+) train_loss=(\S+) .*valid_accuracy=([0-9.]+)")
_TEST = re.compile(r"test_accuracy=([0-9.]+)")
_LINES_KEPT = 200


@dataclass(frozen=True)
class TrainingProgress:
    """`total` None means that nothing can be counted yet."""

    text: str
    done: int = 0
    total: int | None = None


@dataclass(frozen=True)
class Epoch:
    """One epoch as training logs it; losses are cross-entropies, the accuracy is a fraction of 1."""

    epoch: int
    train_loss: float
    valid_accuracy: float


class TrainingLog:
    """What a training has logged so far: its last lines, and every epoch."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self.epochs: dict[int, Epoch] = {}

    def add(self, line: str) -> None:
        """A line with its end or without."""
        self.lines.append(line.rstrip("\n"))
        if found := _EPOCH.search(line):
            number = int(found.group(1))
            self.epochs[number] = Epoch(number, float(found.group(2)), float(found.group(3)))


class TrainingFollower(Protocol):
    """Whoever can say how far the training of a run is."""

    log: TrainingLog

    def read(self) -> TrainingProgress | None:
        """The newest that is known; None before the training exists."""


class SageMakerFollower:
    """Reads the newest training job of a run."""

    def __init__(self, deployment: Deployment, run_id: str) -> None:
        self._aws = deployment.aws
        self._run_id = run_id
        self._job = ""
        self._new: _NewLines | None = None
        self.log = TrainingLog()
        self._progress: TrainingProgress | None = None
        self._epochs: int | None = None

    def read(self) -> TrainingProgress | None:
        name = newest_training_job(self._aws.sagemaker, self._run_id)
        if name is None:
            return None
        job = self._aws.sagemaker.describe_training_job(TrainingJobName=name)
        if name != self._job or self._new is None:
            self._job, self._progress = name, None
            self.log = TrainingLog()
            self._new = _NewLines(self._aws, SAGEMAKER_LOG_GROUP, f"{name}/")
            self._epochs = _epochs(job.get("HyperParameters", {}))
        for line in self._new.read():
            self.log.add(line)
            self._progress = parse_progress(line, self._epochs) or self._progress
        if job.get("SecondaryStatus") == "Training" and self._progress:
            return self._progress
        return TrainingProgress(_describe(job))


class Ec2Follower:
    """Reads what the training instances of a run log; a retried one writes a stream of its own."""

    def __init__(self, deployment: Deployment, run_id: str) -> None:
        self._deployment = deployment
        self._run_id = run_id
        group = deployment.outputs["Ec2TrainingLogGroupName"]
        self._new = _NewLines(deployment.aws, group, f"{deployment.aws.stack}-{run_id}-")
        self._progress: TrainingProgress | None = None
        self._epochs: int | None = None
        self.log = TrainingLog()

    def read(self) -> TrainingProgress | None:
        if self._progress is None:
            uri = f"s3://{self._deployment.bucket}/{run_key(self._run_id, PLAN)}"
            self._epochs = _epochs(read_json(self._deployment, uri)["hyperparameters"])
            self._progress = TrainingProgress("starting an instance")
        for line in self._new.read():
            self.log.add(line)
            self._progress = parse_progress(line, self._epochs) or self._progress
        return self._progress


class _NewLines:
    """What was added to those streams of a group whose names have a prefix."""

    def __init__(self, aws: Aws, group: str, stream_prefix: str) -> None:
        self._logs = aws.logs
        self._group = group
        self._stream_prefix = stream_prefix
        self._positions: dict[str, str] = {}

    def read(self) -> list[str]:
        try:
            streams = self._logs.describe_log_streams(
                logGroupName=self._group, logStreamNamePrefix=self._stream_prefix
            )["logStreams"]
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return []
            raise
        return [line for stream in streams for line in self._read_stream(stream["logStreamName"])]

    def _read_stream(self, stream: str) -> list[str]:
        position: Any = {}
        if token := self._positions.get(stream):
            position = {"nextToken": token}
        answer = self._logs.get_log_events(
            logGroupName=self._group, logStreamName=stream, startFromHead=True, **position
        )
        self._positions[stream] = answer["nextForwardToken"]
        return [event["message"] for event in answer["events"]]


def newest_training_job(sagemaker: Any, run_id: str) -> str | None:
    """A job after a lost one has another name: the release, and which try it is."""
    jobs = sagemaker.list_training_jobs(
        NameContains=run_id, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["TrainingJobSummaries"]
    return jobs[0]["TrainingJobName"] if jobs else None


def parse_progress(line: str, epochs: int | None = None) -> TrainingProgress | None:
    """What one log line tells, if it tells progress."""
    if found := _IMAGES.search(line):
        phase, done, total = found.group(1), int(found.group(2)), int(found.group(3))
        return TrainingProgress(f"{phase}: image {done} of {total}", done, total)
    if found := _EPOCH.search(line):
        epoch, loss, accuracy = int(found.group(1)), float(found.group(2)), float(found.group(3))
        of = f" of {epochs}" if epochs else ""
        text = f"epoch {epoch}{of}, loss {loss:.3f}, validation accuracy {accuracy:.3f}"
        return TrainingProgress(text, epoch, epochs)
    if found := _TEST.search(line):
        return TrainingProgress(_test_accuracy(float(found.group(1))))
    return None


def _describe(job: Any) -> str:
    figures = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
    if "test:accuracy" in figures:
        return _test_accuracy(figures["test:accuracy"])
    return str(job.get("SecondaryStatus", job["TrainingJobStatus"])).lower()


def _test_accuracy(accuracy: float) -> str:
    return f"test accuracy {accuracy:.3f}"


def _epochs(hyperparameters: Mapping[str, str]) -> int | None:
    """Hyperparameters are JSON in strings."""
    try:
        return int(json.loads(hyperparameters["epochs"]))
    except (KeyError, ValueError, TypeError):
        return None
