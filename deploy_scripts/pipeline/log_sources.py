"""CloudWatch Logs of a deployment: which group is whose, and the lines in it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from botocore.exceptions import ClientError

from deploy_scripts.errors import CliError, is_error
from deploy_scripts.packaging.functions import function_names
from deploy_scripts.pipeline.deployment import Deployment
from deploy_scripts.pipeline.releases import read_live
from deploy_scripts.pipeline.training_progress import TRAINING_LOG_GROUP


@dataclass(frozen=True)
class LogLine:
    at: datetime
    stream: str
    message: str

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps({"at": self.at.isoformat(), "stream": self.stream, "message": self.message})


def log_group_of(deployment: Deployment, source: str) -> str:
    """The group of a function (by its folder's name), `training`, `endpoint` or `workflow`.

    Raises CliError for any other name, and for `endpoint` before the first release.
    """
    if source == "training":
        return TRAINING_LOG_GROUP
    if source == "workflow":
        return deployment.outputs["LogGroupName"]
    if source == "endpoint":
        live = read_live(deployment)
        if live is None:
            raise CliError("No model is live yet, so no endpoint has a log.", "See `dropserve runs`.")
        return f"/aws/sagemaker/Endpoints/{live.endpoint_name}"
    if source in function_names():
        return f"/aws/lambda/{_physical_name(deployment, source)}"
    raise CliError(
        f"There is no log named {source}.",
        f"There are: {', '.join([*function_names(), 'training', 'endpoint', 'workflow', 'cloud'])}.",
    )


def read_logs(deployment: Deployment, group: str, since: datetime) -> Iterator[LogLine]:
    """Lines since then, oldest first; a group that nothing has written to yet has none."""
    pages = deployment.aws.logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since.timestamp() * 1000)
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


def _physical_name(deployment: Deployment, folder: str) -> str:
    """`iam_audit` is the stack's function IamAuditFunction."""
    logical = "".join(part.capitalize() for part in folder.split("_")) + "Function"
    resource = deployment.aws.cloudformation.describe_stack_resource(
        StackName=deployment.aws.stack, LogicalResourceId=logical
    )
    return resource["StackResourceDetail"]["PhysicalResourceId"]
