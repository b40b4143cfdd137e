"""How far a training job is: from the lines that it logs and from what SageMaker says about it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.pipeline.deployment import Deployment

TRAINING_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
# What training/progress.py prints: phase=features images_done=120 images_total=238
_IMAGES = re.compile(r"phase=(\w+) images_done=(\d+) images_total=(\d+)")
_EPOCH = re.compile(r"epoch=(\d+) .*valid_accuracy=([0-9.]+)")


@dataclass(frozen=True)
class TrainingProgress:
    """`total` None means that nothing can be counted yet."""

    text: str
    done: int = 0
    total: int | None = None


class TrainingFollower:
    """Reads the newest training job of a run."""

    def __init__(self, deployment: Deployment, run_id: str) -> None:
        self._aws = deployment.aws
        self._run_id = run_id
        self._log_position: dict[str, str] = {}
        self._progress: TrainingProgress | None = None
        self._job = ""
        self._epochs: int | None = None

    def read(self) -> TrainingProgress | None:
        """The newest that is known; None before the job exists (an EC2 run has none)."""
        name = newest_training_job(self._aws.sagemaker, self._run_id)
        if name is None:
            return None
        job = self._aws.sagemaker.describe_training_job(TrainingJobName=name)
        if name != self._job:
            self._job, self._log_position, self._progress = name, {}, None
            self._epochs = _epochs(job.get("HyperParameters", {}))
        for line in self._new_lines():
            self._progress = parse_progress(line, self._epochs) or self._progress
        if job.get("SecondaryStatus") == "Training" and self._progress:
            return self._progress
        return TrainingProgress(_describe(job))

    def _new_lines(self) -> list[str]:
        """What the job logged since the last time."""
        try:
            streams = self._aws.logs.describe_log_streams(
                logGroupName=TRAINING_LOG_GROUP, logStreamNamePrefix=f"{self._job}/"
            )["logStreams"]
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return []
            raise
        lines: list[str] = []
        for stream in streams:
            lines += self._new_lines_of(stream["logStreamName"])
        return lines

    def _new_lines_of(self, stream: str) -> list[str]:
        position: Any = {}
        if token := self._log_position.get(stream):
            position = {"nextToken": token}
        answer = self._aws.logs.get_log_events(
            logGroupName=TRAINING_LOG_GROUP, logStreamName=stream, startFromHead=True, **position
        )
        self._log_position[stream] = answer["nextForwardToken"]
        return [event["message"] for event in answer["events"]]


def newest_training_job(sagemaker: Any, run_id: str) -> str | None:
    """A retried job has another name: the run's id and the retry count."""
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
        epoch, accuracy = int(found.group(1)), float(found.group(2))
        of = f" of {epochs}" if epochs else ""
        return TrainingProgress(f"epoch {epoch}{of}, validation accuracy {accuracy:.3f}", epoch, epochs)
    return None


def _describe(job: Any) -> str:
    figures = {metric["MetricName"]: metric["Value"] for metric in job.get("FinalMetricDataList", [])}
    if "test:accuracy" in figures:
        return f"test accuracy {figures['test:accuracy']:.3f}"
    return str(job.get("SecondaryStatus", job["TrainingJobStatus"])).lower()


def _epochs(hyperparameters: dict[str, str]) -> int | None:
    """SageMaker's hyperparameters are JSON in strings."""
    try:
        return int(json.loads(hyperparameters["epochs"]))
    except (KeyError, ValueError, TypeError):
        return None
