"""CloudWatch Logs of a deployment: which group is whose, and the lines in it."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from contracts.workflow import ENDPOINT_LOGS
from deploy_scripts.errors import CliError, is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.live import read_live
from deploy_scripts.operations.runs.training_progress import SAGEMAKER_LOG_GROUP
from deploy_scripts.packaging.functions import function_names


@dataclass(frozen=True)
class LogLine:
    at: datetime
    stream: str
    message: str

    def to_json(self) -> dict[str, str]:
        return {"at": self.at.isoformat(), "stream": self.stream, "message": self.message}


@dataclass(frozen=True)
class LogSource:
    """Those streams of a group whose names begin with the prefix."""

    group: str
    stream_prefix: str = ""


def log_sources_of(deployment: Deployment, name: str, run_id: str | None = None) -> list[LogSource]:
    """Where a function (by its folder's name), `training`, `endpoint` or `workflow` logs.

    With a `run_id`: where the training or the endpoint of that run does.
    Raises CliError for any other name, and for `endpoint` before the first release.
    """
    if name == "training":
        # The group of SageMaker is shared by all the training jobs of the account.
        jobs = deployment.release_of(run_id) if run_id else f"{deployment.aws.stack}-"
        return [
            LogSource(SAGEMAKER_LOG_GROUP, jobs),
            LogSource(deployment.outputs["Ec2TrainingLogGroupName"], jobs if run_id else ""),
        ]
    if run_id and name != "endpoint":
        raise CliError(
            f"The log {name} is not kept by run.", "--run goes with training and with endpoint only."
        )
    return [LogSource(_log_group_of(deployment, name, run_id))]


def _log_group_of(deployment: Deployment, source: str, run_id: str | None) -> str:
    if source == "workflow":
        return deployment.outputs["LogGroupName"]
    if source == "endpoint" and run_id:
        return f"{ENDPOINT_LOGS}{deployment.release_of(run_id)}"
    if source == "endpoint":
        live = read_live(deployment)
        if live is None:
            raise CliError("No model is live yet, so no endpoint has a log.", "See `dropserve runs`.")
        return f"{ENDPOINT_LOGS}{live.endpoint_name}"
    if source in function_names():
        return f"/aws/lambda/{physical_name(deployment, source)}"
    raise CliError(
        f"There is no log named {source}.",
        f"There are: {', '.join([*function_names(), 'training', 'endpoint', 'workflow', 'cloud'])}.",
    )


def read_logs(deployment: Deployment, sources: list[LogSource], since: datetime) -> Iterator[LogLine]:
    """Lines since then, oldest first; a group that nothing has written to yet has none."""
    return heapq.merge(*(_read(deployment, each, since) for each in sources), key=lambda line: line.at)


def _read(deployment: Deployment, source: LogSource, since: datetime) -> Iterator[LogLine]:
    prefix: Any = {"logStreamNamePrefix": source.stream_prefix} if source.stream_prefix else {}
    pages = deployment.aws.logs.get_paginator("filter_log_events").paginate(
        logGroupName=source.group, startTime=int(since.timestamp() * 1000), **prefix
    )
    try:
        for page in pages:
            for event in page["events"]:
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                message = event["message"].rstrip("\n")
                yield LogLine(at, event["logStreamName"], message)
    except ClientError as error:
        if not is_error(error, "ResourceNotFoundException"):
            raise


def physical_name(deployment: Deployment, folder: str) -> str:
    """`iam_audit` is the stack's function IamAuditFunction."""
    logical = "".join(part.capitalize() for part in folder.split("_")) + "Function"
    resource = deployment.aws.cloudformation.describe_stack_resource(
        StackName=deployment.aws.stack, LogicalResourceId=logical
    )
    return resource["StackResourceDetail"]["PhysicalResourceId"]
