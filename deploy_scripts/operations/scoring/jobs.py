"""A scoring job: a folder under scores/, and the executions that have worked on it."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from contracts.bucket import scores_key
from contracts.scoring import FAILURES, JOB_ID, RESULTS, SUMMARY, TABLE
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from functions.common.json_text import parse_json
from functions.common.s3_uris import S3Uri

FILES = (RESULTS, TABLE, FAILURES, SUMMARY)
# What a job is about, for whoever takes it up again.
JOB_FILE = "job.json"
_POLL_S, _LOCAL_POLL_S = 3.0, 1.0


@dataclass(frozen=True)
class Job:
    """`photos`: how many there were when it was begun."""

    id: str
    bucket: str
    prefix: str
    photos: int
    max_photos: int | None = None
    batches_at_once: int | None = None

    @property
    def place(self) -> S3Uri:
        return S3Uri(self.bucket, self.prefix)


@dataclass(frozen=True)
class Progress:
    """Photos whose batch has ended, of how many."""

    done: int
    total: int


def new_job_id() -> str:
    return f"score-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"


def save_job(deployment: Deployment, job: Job) -> None:
    body = json.dumps(asdict(job), indent=1).encode()
    deployment.aws.s3.put_object(Bucket=deployment.bucket, Key=scores_key(job.id, JOB_FILE), Body=body)


def find_job(deployment: Deployment, job_id: str) -> Job:
    """Raises CliError where there is no such job."""
    unknown = CliError(
        f"There is no scoring job {job_id}.",
        f"See which there are: `aws s3 ls s3://{deployment.bucket}/{scores_key('', '')[:-1]}`.",
    )
    if not re.fullmatch(JOB_ID, job_id):
        raise unknown
    try:
        reply = deployment.aws.s3.get_object(Bucket=deployment.bucket, Key=scores_key(job_id, JOB_FILE))
    except ClientError as error:
        if is_error(error, "NoSuchKey", "404"):
            raise unknown from error
        raise
    return Job(**parse_json(reply["Body"].read()))


def running_execution(deployment: Deployment, job: Job) -> str | None:
    """The ARN of an execution that works on the job now."""
    pages = deployment.aws.stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=deployment.outputs["ScoringStateMachineArn"], statusFilter="RUNNING"
    )
    names = ((each["name"], each["executionArn"]) for page in pages for each in page["executions"])
    return next((arn for name, arn in names if name.rpartition("-")[0] == job.id), None)


def start_execution(deployment: Deployment, job: Job) -> str:
    """Starts or takes up the job; gives the execution's ARN."""
    given: dict[str, Any] = {"job": job.id, "bucket": job.bucket, "prefix": job.prefix}
    options = {"max_photos": job.max_photos, "batches_at_once": job.batches_at_once}
    given |= {name: value for name, value in options.items() if value is not None}
    answer = deployment.aws.stepfunctions.start_execution(
        stateMachineArn=deployment.outputs["ScoringStateMachineArn"],
        name=f"{job.id}-{datetime.now(UTC):%H%M%S%f}",
        input=json.dumps(given),
    )
    return answer["executionArn"]


def follow(deployment: Deployment, execution_arn: str, tell: Callable[[Progress], None]) -> dict[str, Any]:
    """The summary that the execution ends with. Raises CliError when it does not end well."""
    client = deployment.aws.stepfunctions
    poll_s = _LOCAL_POLL_S if deployment.aws.is_local else _POLL_S
    while True:
        description = client.describe_execution(executionArn=execution_arn)
        if description["status"] != "RUNNING":
            break
        for progress in _progress(deployment, execution_arn):
            tell(progress)
        time.sleep(poll_s)
    if description["status"] != "SUCCEEDED":
        why = ": ".join(each for each in (description.get("error"), description.get("cause")) if each)
        raise CliError(f"The scoring ended as {description['status']}{': ' if why else ''}{why}")
    summary: dict[str, Any] = parse_json(description["output"])
    return summary


def _progress(deployment: Deployment, execution_arn: str) -> Iterator[Progress]:
    client = deployment.aws.stepfunctions
    for run in client.list_map_runs(executionArn=execution_arn)["mapRuns"]:
        counts = client.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
        yield Progress(counts["succeeded"] + counts["failed"], counts["total"])


def download(deployment: Deployment, job: Job, folder: Path) -> list[Path]:
    """The files of the result, in `folder`, which is made; older ones of the same names are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in FILES:
        file = folder / name
        deployment.aws.s3.download_file(deployment.bucket, scores_key(job.id, name), str(file))
        files.append(file)
    return files
