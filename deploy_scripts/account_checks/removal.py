"""Takes the trial's deployment away, and looks for what is left of it."""

import time
from collections.abc import Iterator

from botocore.exceptions import ClientError

from contracts.workflow import ENDPOINT_LOGS, RUN_TAG, live_pointer_name
from deploy_scripts.account_checks.confirmation import Confirmation
from deploy_scripts.account_checks.trial import Trial
from deploy_scripts.aws import IMAGES_SUFFIX, Aws
from deploy_scripts.cloudformation.artifacts_bucket import artifacts_bucket_name, bucket_exists
from deploy_scripts.cloudformation.sam_template import name_retained, read_template
from deploy_scripts.cloudformation.stack import find_status, pause_s, wait_until_at_rest
from deploy_scripts.errors import CliError
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.live import (
    find_parameter,
    list_endpoint_configs,
    list_endpoints,
    list_models,
)
from deploy_scripts.project import TEMPLATE
from deploy_scripts.stack_teardown import destroy

# The service that finds resources by their tags hears of a deletion late; an endpoint may still log.
_LOOK_FOR_S = 300.0
# SageMaker keeps the record of a training job for good, and its log in a group that all jobs share.
_STAYS = ":training-job/"


def _destroy(trial: Trial) -> str:
    """A second time where the first stopped half way: what is gone stays gone."""
    lines: list[str] = []
    for is_last in (False, True):
        # A creation that was cut short has no outputs yet.
        for aws in (trial.aws, trial.aws.beside(IMAGES_SUFFIX)):
            wait_until_at_rest(aws, trial.say)
        try:
            destroy(trial.aws, delete_data=True, say=lines.append)
            break
        except (CliError, ClientError) as error:
            if is_last:
                raise
            trial.say(f"Removing it once more: {error}")
    return f"{len(lines)} steps, the last: {lines[-1]}"


def _nothing_left(trial: Trial) -> str:
    # Not the trial's deadline: that is of what is confirmed before.
    deadline = time.monotonic() + (_LOOK_FOR_S if not trial.aws.is_local else 10)
    while left := sorted(find_left(trial.aws, trial.run_ids)):
        trial.left = left
        if time.monotonic() > deadline:
            raise CliError(f"Still there: {', '.join(left)}.")
        trial.say(f"{len(left)} things are still there")
        time.sleep(pause_s(trial.aws))
    trial.left = []
    how = "by names" if trial.aws.is_local else "by names and by tags"
    return f"{how}; SageMaker keeps the records and logs of training jobs"


def find_left(aws: Aws, run_ids: list[str]) -> Iterator[str]:
    """Everything that bears the deployment's name, or a tag of it."""
    for stack in (aws, aws.beside(IMAGES_SUFFIX)):
        if status := find_status(stack):
            yield f"stack {stack.stack} ({status})"
    deployment = Deployment(aws, {})
    yield from (f"endpoint {name}" for name in list_endpoints(deployment))
    yield from (f"endpoint config {name}" for name in list_endpoint_configs(deployment))
    yield from (f"model {name}" for name in list_models(deployment))
    if find_parameter(aws, live_pointer_name(aws.stack)) is not None:
        yield f"parameter {live_pointer_name(aws.stack)}"
    retained = name_retained(read_template(TEMPLATE), aws.pseudo_parameters)
    for bucket in [*retained["AWS::S3::Bucket"], artifacts_bucket_name(aws)]:
        if bucket_exists(aws, bucket):
            yield f"bucket {bucket}"
    yield from _named(aws)
    if not aws.is_local:
        yield from _tagged(aws, run_ids)


def _named(aws: Aws) -> Iterator[str]:
    begins = f"{aws.stack}-"
    tables = aws.dynamodb.get_paginator("list_tables").paginate()
    yield from (f"table {name}" for page in tables for name in page["TableNames"] if name.startswith(begins))
    prefixes = (
        f"{ENDPOINT_LOGS}{begins}",
        f"/aws/lambda/{begins}",
        f"/aws/vendedlogs/states/{begins}",
        f"/{aws.stack}/",
    )
    for prefix in prefixes:
        groups = aws.logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
        yield from (f"log group {group['logGroupName']}" for group in groups)
    targets = aws.autoscaling.get_paginator("describe_scalable_targets").paginate(
        ServiceNamespace="sagemaker"
    )
    for target in [each for page in targets for each in page["ScalableTargets"]]:
        if target["ResourceId"].startswith(f"endpoint/{begins}"):
            yield f"scaling target {target['ResourceId']}"
    alarms = aws.cloudwatch.describe_alarms(AlarmNamePrefix=f"TargetTracking-endpoint/{begins}")
    yield from (f"alarm {each['AlarmName']}" for each in alarms["MetricAlarms"])


def _tagged(aws: Aws, run_ids: list[str]) -> Iterator[str]:
    """What CloudFormation tagged, and what the runs did."""
    stacks = [aws.stack, aws.beside(IMAGES_SUFFIX).stack]
    for key, values in (("aws:cloudformation:stack-name", stacks), (RUN_TAG, run_ids)):
        if not values:
            continue
        pages = aws.tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": key, "Values": values}]
        )
        for resource in [each for page in pages for each in page["ResourceTagMappingList"]]:
            if _STAYS not in resource["ResourceARN"]:
                yield resource["ResourceARN"]


CONFIRMATIONS = (
    Confirmation("destroy", "Everything can be deleted, in the order in which it is", _destroy),
    Confirmation(
        "nothing left",
        "Nothing that costs money bears the deployment's name or tags any more",
        _nothing_left,
        "tags are not asked about",
    ),
)
