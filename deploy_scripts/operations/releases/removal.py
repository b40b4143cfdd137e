"""Removes what a run made: its endpoint with the scaling target, and its instances of EC2."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from contracts.workflow import RUN_TAG, scaling_resource
from deploy_scripts.aws import Aws
from deploy_scripts.cloudformation.stack import pause_s
from deploy_scripts.errors import CliError, is_error
from functions.janitor.standing import running_instances

Say = Callable[[str], None]

# An endpoint that does not come up fails within an hour:
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
SETTLE_LIMIT_S = 3700.0
_UNSETTLED = {"Creating", "Updating", "SystemUpdating", "RollingBack"}


def end_instances(aws: Aws, run_id: str, say: Say) -> None:
    """Terminate the instances of EC2 that a run started."""
    found = running_instances({"Name": f"tag:{RUN_TAG}", "Values": [run_id]}, ec2=aws.ec2)
    instances = [each["InstanceId"] for each in found]
    if instances:
        aws.ec2.terminate_instances(InstanceIds=instances)
        say(f"Ended the instances {', '.join(instances)}")


def delete_endpoint(aws: Aws, endpoint: str, say: Say) -> None:
    """Raises CliError when it is being created or updated for longer than SETTLE_LIMIT_S."""
    # First the scaling target: an endpoint that has one cannot be deleted.
    with ignoring("ObjectNotFoundException"):
        aws.autoscaling.deregister_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=scaling_resource(endpoint),
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        )
        say(f"Deregistered the scaling target of {endpoint}")
    _wait_until_settled(aws, endpoint, say)
    aws.sagemaker.delete_endpoint(EndpointName=endpoint)
    say(f"Deleted the endpoint {endpoint}")


def _wait_until_settled(aws: Aws, endpoint: str, say: Say) -> None:
    """SageMaker deletes no endpoint that is being created or updated.

    Raises CliError when that takes longer than SETTLE_LIMIT_S.
    """
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while (status := aws.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"]) in _UNSETTLED:
        if time.monotonic() > deadline:
            raise CliError(
                f"The endpoint {endpoint} is still {status}: SageMaker does not delete it before that ends.",
                "Run the command again later; what it has deleted stays deleted.",
            )
        say(f"Waiting for the endpoint {endpoint}: {status}")
        time.sleep(pause_s(aws))


@contextmanager
def ignoring(*codes: str) -> Iterator[None]:
    """Take it that a thing is gone already when AWS says so."""
    try:
        yield
    except ClientError as error:
        if not is_error(error, *codes):
            raise
