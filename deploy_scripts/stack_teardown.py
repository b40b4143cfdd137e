"""Takes a deployment away: its releases, what its runs left, its stack; on request its data. Nothing else."""

from botocore.exceptions import ClientError

from contracts.workflow import (
    DEPLOY_LOCK_ID,
    ENDPOINT_LOGS,
    NOBODY,
    applied_capacity_name,
    approval_secret_name,
    live_pointer_name,
)
from deploy_scripts.aws import IMAGES_SUFFIX, Aws
from deploy_scripts.cloudformation.artifacts_bucket import artifacts_bucket_name
from deploy_scripts.cloudformation.sam_template import name_retained, read_template
from deploy_scripts.cloudformation.stack import (
    NEVER_DEPLOYED,
    delete_stack,
    find_status,
    wait_until_at_rest,
)
from deploy_scripts.errors import is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.releases.live import list_endpoint_configs, list_endpoints, list_models
from deploy_scripts.operations.releases.removal import Say, delete_endpoint, end_instances, ignoring
from deploy_scripts.operations.runs.ledger import LedgerItem, read_ledger
from deploy_scripts.operations.runs.training_progress import newest_training_job
from deploy_scripts.project import TEMPLATE

# What becomes of a run in the ledger, which outlives the stack.
_ENDS = {
    "live": {"status": "replaced", "reason": "taken down by dropserve destroy"},
    "running": {"status": "failed", "reason": "stopped by dropserve destroy"},
}


def destroy(aws: Aws, *, delete_data: bool, say: Say) -> None:
    """Remove the deployment, saying each thing that goes.

    Without `delete_data` both buckets and the ledger stay, and the next deployment takes them up again.
    A stack that somebody works on is waited for. Raises CliError when the stack cannot be deleted.
    """
    retained = name_retained(read_template(TEMPLATE), aws.pseudo_parameters)
    status = wait_until_at_rest(aws, say)
    if status is None:
        say(f"There is no stack {aws.stack}")
    else:
        if status not in NEVER_DEPLOYED:
            (ledger,) = retained["AWS::DynamoDB::Table"]
            _delete_releases(_deployment_by_names(aws, ledger), say=say)
        delete_stack(aws, say=say)
        say(f"Deleted the stack {aws.stack}")
    images = aws.beside(IMAGES_SUFFIX)
    if find_status(images) is not None:
        delete_stack(images, say=say)
        say(f"Deleted the stack {images.stack}, and the container images in its repositories")
    retained["AWS::S3::Bucket"].append(artifacts_bucket_name(aws))
    if delete_data:
        _delete_data(aws, retained, say)
    else:
        names = [name for group in retained.values() for name in group]
        say(f"Kept {', '.join(names)} (--delete-data deletes them)")


def _deployment_by_names(aws: Aws, ledger_table: str) -> Deployment:
    """A stack whose deletion failed may have no outputs any more; what is needed of them has fixed names."""
    return Deployment(
        aws, {"LedgerTableName": ledger_table, "LivePointerParameter": live_pointer_name(aws.stack)}
    )


def _read_ledger(deployment: Deployment) -> list[LedgerItem]:
    """Empty where the table is gone."""
    try:
        return read_ledger(deployment)
    except ClientError as error:
        if is_error(error, "ResourceNotFoundException"):
            return []
        raise


def _delete_data(aws: Aws, retained: dict[str, list[str]], say: Say) -> None:
    for bucket in retained["AWS::S3::Bucket"]:
        _delete_bucket(aws, bucket, say)
    for table in retained["AWS::DynamoDB::Table"]:
        with ignoring("ResourceNotFoundException"):
            aws.dynamodb.delete_table(TableName=table)
            say(f"Deleted the table {table}")


def _delete_releases(deployment: Deployment, *, say: Say) -> None:
    """What the stack does not own: it was made by runs. The ledger is told once it is so."""
    aws = deployment.aws
    _disable_rules(aws)
    ledger = _read_ledger(deployment)
    _stop_runs(aws, [item for item in ledger if item.run.status == "running"], say)
    for endpoint in list_endpoints(deployment):
        delete_endpoint(aws, endpoint, say)
    for config in list_endpoint_configs(deployment):
        aws.sagemaker.delete_endpoint_config(EndpointConfigName=config)
        say(f"Deleted the endpoint config {config}")
    for model in list_models(deployment):
        aws.sagemaker.delete_model(ModelName=model)
        say(f"Deleted the model {model}")
    _delete_endpoint_logs(aws)
    with ignoring("ParameterNotFound"):
        aws.ssm.delete_parameter(Name=deployment.outputs["LivePointerParameter"])
    for name in (applied_capacity_name(aws.stack), approval_secret_name(aws.stack)):
        with ignoring("ParameterNotFound"):
            aws.ssm.delete_parameter(Name=name)
    for item in ledger:
        if item.run.status in _ENDS:
            _update_item(deployment, item.run.run_id, _ENDS[item.run.status])
    _update_item(deployment, DEPLOY_LOCK_ID, {"holder": NOBODY})


def _disable_rules(aws: Aws) -> None:
    """So that nothing begins anew: no drop, no audit, no clean-up after the runs that are stopped here."""
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=aws.stack)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::Events::Rule":
                with ignoring("ResourceNotFoundException"):
                    aws.events.disable_rule(Name=resource["PhysicalResourceId"])


def _stop_runs(aws: Aws, running: list[LedgerItem], say: Say) -> None:
    """Executions first; then what they had begun."""
    for item in running:
        with ignoring("ExecutionDoesNotExist"):
            aws.stepfunctions.stop_execution(
                executionArn=item.execution_arn, error="Destroyed", cause="dropserve destroy"
            )
        say(f"Stopped the run {item.run.run_id}")
    for item in running:
        job = newest_training_job(aws.sagemaker, item.run.run_id)
        with ignoring("ValidationException"):
            if job:
                aws.sagemaker.stop_training_job(TrainingJobName=job)
                say(f"Stopped the training job {job}")
        end_instances(aws, item.run.run_id, say)


def _update_item(deployment: Deployment, key: str, values: dict[str, str]) -> None:
    """Set texts of one item of the ledger that is there; one that is not stays away."""
    with ignoring("ConditionalCheckFailedException", "ResourceNotFoundException"):
        deployment.aws.dynamodb.update_item(
            TableName=deployment.ledger_table,
            Key={"run_id": {"S": key}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ConditionExpression="attribute_exists(run_id)",
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
        )


def _delete_endpoint_logs(aws: Aws) -> None:
    pages = aws.logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=f"{ENDPOINT_LOGS}{aws.stack}-"
    )
    for name in [group["logGroupName"] for page in pages for group in page["logGroups"]]:
        aws.logs.delete_log_group(logGroupName=name)


def _delete_bucket(aws: Aws, bucket: str, say: Say) -> None:
    """Every version of every object, then the bucket."""
    with ignoring("NoSuchBucket"):
        count = _empty_bucket(aws, bucket)
        aws.s3.delete_bucket(Bucket=bucket)
        say(f"Deleted the bucket {bucket} and {count} object versions in it")


def _empty_bucket(aws: Aws, bucket: str) -> int:
    count = 0
    for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if versions:
            aws.s3.delete_objects(
                Bucket=bucket,
                Delete={
                    "Objects": [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions],
                    "Quiet": True,
                },
            )
            count += len(versions)
    return count
