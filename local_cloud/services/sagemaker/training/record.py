"""What is known of one training job: DescribeTrainingJob's own document, and how its status moves."""

import copy
import math
import threading
import time
from typing import Any

ENDED = ("Completed", "Failed", "Stopped")
FAILURE_REASON_MAX_CHARACTERS = 1024
DEFAULT_MAX_RUNTIME_S = 86_400

_STATUS_OF = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "Stopping": "Stopping",
}
_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}


class TrainingRecord:
    """The document of one job. Every method may be called from any thread."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._lock = threading.RLock()

    def describe(self) -> dict[str, Any]:
        """DescribeTrainingJob's answer, a copy."""
        with self._lock:
            return copy.deepcopy(self._document)

    @property
    def status(self) -> str:
        """TrainingJobStatus."""
        with self._lock:
            return str(self._document["TrainingJobStatus"])

    def enter(self, secondary_status: str) -> None:
        """Moves to `secondary_status` and writes the transition down.

        A job that is being stopped keeps TrainingJobStatus Stopping until its end.
        """
        with self._lock:
            now = time.time()
            transitions = self._document["SecondaryStatusTransitions"]
            if transitions:
                transitions[-1].setdefault("EndTime", now)
            transitions.append(
                {
                    "Status": secondary_status,
                    "StartTime": now,
                    "StatusMessage": _MESSAGES[secondary_status],
                }
            )
            self._document["SecondaryStatus"] = secondary_status
            self._document["LastModifiedTime"] = now
            status = _STATUS_OF.get(secondary_status, "InProgress")
            if self._document["TrainingJobStatus"] != "Stopping" or status in ENDED:
                self._document["TrainingJobStatus"] = status

    def request_stop(self) -> bool:
        """InProgress -> Stopping; False when the job is not in progress any more."""
        with self._lock:
            if self._document["TrainingJobStatus"] != "InProgress":
                return False
            self.enter("Stopping")
            return True

    def start_clock(self) -> None:
        """Billing starts: the instance is there."""
        with self._lock:
            self._document["TrainingStartTime"] = time.time()

    def set_metrics(self, metrics: list[dict[str, Any]]) -> None:
        """FinalMetricDataList as it stands now."""
        with self._lock:
            if metrics:
                self._document["FinalMetricDataList"] = metrics

    def finish(
        self, secondary_status: str, *, model_uri: str | None = None, reason: str | None = None
    ) -> None:
        """Ends the job: `secondary_status` is Completed, Failed, Stopped or MaxRuntimeExceeded."""
        with self._lock:
            now = time.time()
            if model_uri is not None:
                self._document["ModelArtifacts"] = {"S3ModelArtifacts": model_uri}
            if reason is not None:
                self._document["FailureReason"] = reason[:FAILURE_REASON_MAX_CHARACTERS]
            self._document["TrainingEndTime"] = now
            started = self._document.get("TrainingStartTime")
            if started is not None:
                seconds = math.ceil(max(now - started, 0))
                self._document["TrainingTimeInSeconds"] = seconds
                self._document["BillableTimeInSeconds"] = seconds
            self.enter(secondary_status)
            self._document["SecondaryStatusTransitions"][-1]["EndTime"] = now


def new_record(request: dict[str, Any], arn: str) -> TrainingRecord:
    """The record of a job that was just asked for."""
    now = time.time()
    document = {
        **copy.deepcopy(request),
        "TrainingJobArn": arn,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [],
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    document.pop("Tags", None)
    for flag in ("NetworkIsolation", "InterContainerTrafficEncryption", "ManagedSpotTraining"):
        document.setdefault(f"Enable{flag}", False)
    document.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_S})
    record = TrainingRecord(document)
    record.enter("Starting")
    return record
