"""What Step Functions says about a failure, as a sentence."""

import json
import re
from collections.abc import Mapping
from typing import Any

from functions.common.json_text import parse_json

# Longer than SageMaker's FailureReason, 1024 characters, with the job's name before it:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
_LONGEST = 1300

# Why SageMaker itself stopped a job, by its SecondaryStatus (same page).
_STOPPED_BECAUSE = {
    "MaxRuntimeExceeded": "it ran longer than its plan allows",
    "MaxWaitTimeExceeded": "no spot capacity came in the time that its plan allows",
    "Interrupted": "its spot instances were taken back",
}

# How AWS says that a thing which is to be torn down is not there.
_ABSENT = re.compile(
    r"could not find|not found|no scalable target|does not exist|do not exist", re.IGNORECASE
)
TEARS_DOWN = (
    *("Describe candidate", "Describe previous", "Describe training", "Describe endpoint to"),
    *("Deregister ", "Delete ", "Terminate "),
)


_NO_PARAMETER, _NO_EXECUTION = "Ssm.ParameterNotFoundException", "Sfn.ExecutionDoesNotExistException"
_CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"
# What is answered by an error and is no fault: how the state's name begins, the error -> what it means.
_EXPECTED = {
    ("Claim drop", _CONDITION_FAILED): "the drop has a run already",
    ("Record outcome", _CONDITION_FAILED): "another execution has the run",
    ("Acquire deploy lock", _CONDITION_FAILED): "another run was quicker: it is waited for",
    ("Read lock holder", _NO_EXECUTION): "whoever held the lock is gone",
    ("Read applied capacity", _NO_PARAMETER): "no capacity review was applied",
    ("Read live release", _NO_PARAMETER): "nothing is live yet",
    ("Read live pointer", _NO_PARAMETER): "nothing is live yet",
    ("Read release to pause", _NO_PARAMETER): "nothing is live yet",
    ("Read release to roll back", _NO_PARAMETER): "nothing is live yet",
}


def readable_failure(error: str, cause: str) -> str:
    """One line: of a function's JSON cause its error, of a training job's description the job's own reason.

    Of any other cause, the error and the first line of the cause.
    """
    details = _parse_object(cause)
    if details is None:
        text = _of_cut_description(cause) or _joined(error, cause.strip().partition("\n")[0])
    elif "errorMessage" in details or "errorType" in details:
        message = str(details.get("errorMessage") or "").strip().partition("\n")[0]
        text = _joined(str(details.get("errorType") or error), message)
    elif "TrainingJobStatus" in details:
        text = _of_training_job(details)
    elif "Error" in details:
        text = readable_failure(str(details["Error"]), str(details.get("Cause") or ""))
    else:
        text = _joined(error, cause)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def readable_reason(reason: str) -> str:
    """A ledger's reason; one that is the JSON of an error is made readable, any other is left as it is."""
    details = _parse_object(reason)
    if details and "Error" in details:
        return readable_failure(str(details["Error"]), str(details.get("Cause") or ""))
    return reason


def expected_answer(state: str, error: str) -> str | None:
    """What an error says that a state counts on, in a few words; None for a fault."""
    return next(
        (told for (begin, name), told in _EXPECTED.items() if name == error and state.startswith(begin)), None
    )


def is_nothing_to_take_down(state: str, cause: str) -> bool:
    """Whether a clean-up step failed only because what it removes never existed: no fault at all."""
    return state.startswith(TEARS_DOWN) and _ABSENT.search(cause) is not None


def _of_training_job(job: Mapping[str, Any]) -> str:
    """The sentence of a description by DescribeTrainingJob."""
    name = job.get("TrainingJobName") or "of this run"
    status = str(job["TrainingJobStatus"])
    # The toolkit's reasons have several lines.
    reason = " ".join(str(job.get("FailureReason") or "").split())
    if status == "Stopped":
        secondary = str(job.get("SecondaryStatus") or "")
        reason = _STOPPED_BECAUSE.get(secondary, reason or "StopTrainingJob was called for it")
        return f"the training job {name} was stopped: {reason}"
    return f"the training job {name} ended as {status}: {reason or 'SageMaker gives no reason'}"


def _of_cut_description(cause: str) -> str | None:
    """The same of a description that was too long and lost its end, which makes it no JSON."""
    if not cause.lstrip().startswith("{") or '"TrainingJobStatus"' not in cause:
        return None
    fields = ("TrainingJobName", "TrainingJobStatus", "SecondaryStatus", "FailureReason")
    found = {field: re.search(rf'"{field}"\s*:\s*("(?:[^"\\]|\\.)*")', cause) for field in fields}
    return _of_training_job({field: json.loads(match[1]) for field, match in found.items() if match})


def _joined(error: str, message: str) -> str:
    return f"{error}: {message}" if message else error


def _parse_object(text: str) -> dict[str, Any] | None:
    try:
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
