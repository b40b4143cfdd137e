"""The error that Step Functions caught, as a sentence for the ledger, the notification and the screen.

A Cause is a plain text, the JSON of a training job's description, the JSON of a Lambda function's error, or
any of these cut off at 32,768 characters; a timeout has none.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from contracts.training_job import disk_full_sentence, tells_of_full_disk
from functions.common.errors import bounded_reason

# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_WITHOUT_CAUSE = {
    "States.HeartbeatTimeout": (
        "the training instance gave no sign of life in time: see `dropserve logs training`"
    ),
    "States.Timeout": "a step of the run took longer than its time limit: see `dropserve logs workflow`",
}
# SecondaryStatus of a stopped job:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
_STOPPED = {
    "MaxRuntimeExceeded": (
        "it ran longer than its time limit (MaxRuntimeExceeded): raise max_cost_usd, or use a faster "
        "instance_type or fewer photos"
    ),
    "MaxWaitTimeExceeded": (
        "it waited longer for spot capacity than it may (MaxWaitTimeExceeded): run again, or without spot"
    ),
    "Interrupted": "its spot instances were taken away (Interrupted): run again, or without spot",
}
_STOPPED_BY_HAND = "somebody stopped it, or its permission to run ended: `dropserve run` trains again"
# What a description of a job says when spot capacity, and not the training, was the reason:
# https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
_SPOT_STATUSES = {"MaxWaitTimeExceeded", "Interrupted"}
_SPOT_REASON = "CapacityError"
# SageMaker frames what a container left in /opt/ml/output/failure:
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
_ALGORITHM_ERROR = re.compile(r"AlgorithmError: (?P<sentence>.*?)(?P<exit>, exit code: \d+)?", re.DOTALL)
_CUT_FIELD = r'"{}"\s*:\s*"((?:[^"\\]|\\.)*)'
_JOB_FIELDS = ("TrainingJobName", "TrainingJobStatus", "SecondaryStatus", "FailureReason")


def read_failure(error: Any) -> dict[str, Any]:
    """{"reason": one bounded sentence, "lacks_spot_capacity": bool} of {"Error", "Cause"?}."""
    caught = error if isinstance(error, Mapping) else {}
    name, cause = _text(caught.get("Error")) or "an unknown error", _text(caught.get("Cause"))
    job = _training_job(cause)
    return {
        "reason": bounded_reason(_job_sentence(job) if job else _sentence(name, cause)),
        "lacks_spot_capacity": bool(job) and _lacks_spot_capacity(job),
    }


def _training_job(cause: str) -> dict[str, str]:
    """The fields of a training job's description that tell why it ended; none when it is no description."""
    found = _parse_object(cause)
    if not found and cause.lstrip().startswith("{"):
        # Cut off: what stands before the cut counts.
        pairs = ((name, re.search(_CUT_FIELD.format(name), cause)) for name in _JOB_FIELDS)
        found = {name: _unescaped(match[1]) for name, match in pairs if match}
    job = {name: _text(found.get(name)) for name in _JOB_FIELDS}
    return job if job["TrainingJobName"] or job["TrainingJobStatus"] else {}


def _job_sentence(job: Mapping[str, str]) -> str:
    reason, status = job["FailureReason"], job["TrainingJobStatus"] or "Failed"
    if status == "Stopped":
        why = _STOPPED.get(job["SecondaryStatus"], reason or _STOPPED_BY_HAND)
        return f"the training job was stopped: {why}"
    framed = _ALGORITHM_ERROR.fullmatch(reason)
    sentence = framed["sentence"] if framed else reason
    if not sentence.strip():
        ended = f"{status}{framed['exit'] or ''}" if framed else status
        return f"the training job ended as {ended}, without a reason: see `dropserve logs training`"
    return f"training failed: {_with_advice(sentence)}"


def _lacks_spot_capacity(job: Mapping[str, str]) -> bool:
    return job["SecondaryStatus"] in _SPOT_STATUSES or _SPOT_REASON in job["FailureReason"]


def _sentence(name: str, cause: str) -> str:
    details = _parse_object(cause)
    if "errorMessage" in details or "errorType" in details:
        # A Lambda function's error: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
        name, cause = _text(details.get("errorType")) or name, _text(details.get("errorMessage"))
    first_line = next((line.strip() for line in cause.splitlines() if line.strip()), "")
    if not first_line:
        return f"{name}: {_WITHOUT_CAUSE[name]}" if name in _WITHOUT_CAUSE else name
    if name == "TrainingFailed":
        return f"training failed: {_with_advice(first_line)}"
    return f"{name}: {first_line}"


def _with_advice(sentence: str) -> str:
    """What a program said that met a full disk is no advice; the training's own sentence has it already."""
    is_advice = sentence.startswith(disk_full_sentence("").partition("(")[0])
    return disk_full_sentence(sentence) if tells_of_full_disk(sentence) and not is_advice else sentence


def _parse_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _unescaped(text: str) -> str:
    """The inside of a JSON string; as it stands where the cut went through an escape."""
    try:
        value: str = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
