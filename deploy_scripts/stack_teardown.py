"""Takes a deployment away: its releases, what its runs left, its stack; on request its data. Nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from contracts.workflow import RUN_TAG, scaling_resource
from deploy_scripts.aws import IMAGES_SUFFIX, Aws
from deploy_scripts.cloudformation.artifacts_bucket import artifacts_bucket_name
from deploy_scripts.cloudformation.sam_template import name_retained, read_template
from deploy_scripts.cloudformation.stack import delete_stack, find_status, read_outputs
from deploy_scripts.errors import is_error
from deploy_scripts.operations.deployment import Deployment
from deploy_scripts.operations.ledger import read_ledger
from deploy_scripts.operations.releases import list_endpoint_configs, list_endpoints, list_models
from deploy_scripts.operations.training_progress import newest_training_job
from deploy_scripts.project import TEMPLATE

Say = Callable[[str], None]


def destroy(aws: Aws, *, delete_data: bool, say: Say) -> None:
    """Remove the deployment, saying each thing that goes.

    Without `delete_data` both buckets and the ledger stay, and the next deployment takes them up again.
    Raises CliError when the stack cannot be deleted.
    """
    status = find_status(aws)
    if status is None:
        say(f"There is no stack {aws.stack}")
    else:
        if status not in {"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"}:
            _delete_releases(Deployment(aws, read_outputs(aws)), say=say)
        delete_stack(aws, say=say)
        say(f"Deleted the stack {aws.stack}")
    images = aws.beside(IMAGES_SUFFIX)
    if find_status(images) is not None:
        delete_stack(images, say=say)
        say(f"Deleted the stack {images.stack}, and the container images in its repositories")
    retained = name_retained(read_template(TEMPLATE), aws.pseudo_parameters)
    retained["AWS::S3::Bucket"].append(artifacts_bucket_name(aws))
    if delete_data:
        _delete_data(aws, retained, say)
    else:
        names = [name for group in retained.values() for name in group]
        say(f"Kept {', '.join(names)} (--delete-data deletes them)")


def _delete_data(aws: Aws, retained: dict[str, list[str]], say: Say) -> None:
    for bucket in retained["AWS::S3::Bucket"]:
        _delete_bucket(aws, bucket, say)
    for table in retained["AWS::DynamoDB::Table"]:
        with _ignoring("ResourceNotFoundException"):
            aws.dynamodb.delete_table(TableName=table)
            say(f"Deleted the table {table}")


def _delete_releases(deployment: Deployment, *, say: Say) -> None:
    """What the stack does not own: it was made by runs."""
    _stop_runs(deployment, say)
    for endpoint in list_endpoints(deployment):
        _delete_endpoint(deployment.aws, endpoint, say)
    sagemaker = deployment.aws.sagemaker
    for config in list_endpoint_configs(deployment):
        sagemaker.delete_endpoint_config(EndpointConfigName=config)
        say(f"Deleted the endpoint config {config}")
    for model in list_models(deployment):
        sagemaker.delete_model(ModelName=model)
        say(f"Deleted the model {model}")


def _stop_runs(deployment: Deployment, say: Say) -> None:
    """Executions first, so that nothing begins anew; then what they had begun."""
    aws = deployment.aws
    ledger = read_ledger(deployment)
    for item in ledger:
        if item.run.status == "live":
            _mark_as_replaced(deployment, item.run.run_id)
    running = [item for item in ledger if item.run.status == "running"]
    for item in running:
        aws.stepfunctions.stop_execution(
            executionArn=item.execution_arn, error="Destroyed", cause="dropserve destroy"
        )
        say(f"Stopped the run {item.run.run_id}")
    for item in running:
        job = newest_training_job(aws.sagemaker, item.run.run_id)
        with _ignoring("ValidationException"):
            if job:
                aws.sagemaker.stop_training_job(TrainingJobName=job)
                say(f"Stopped the training job {job}")
        _end_instances(aws, item.run.run_id, say)


def _mark_as_replaced(deployment: Deployment, run_id: str) -> None:
    """The ledger outlives the stack, and must not call live what no longer serves."""
    deployment.aws.dynamodb.update_item(
        TableName=deployment.ledger_table,
        Key={"run_id": {"S": run_id}},
        UpdateExpression="SET #status = :replaced, #reason = :reason",
        ExpressionAttributeNames={"#status": "status", "#reason": "reason"},
        ExpressionAttributeValues={
            ":replaced": {"S": "replaced"},
            ":reason": {"S": "taken down by dropserve destroy"},
        },
    )


def _end_instances(aws: Aws, run_id: str, say: Say) -> None:
    pages = aws.ec2.get_paginator("describe_instances").paginate(
        Filters=[
            {"Name": f"tag:{RUN_TAG}", "Values": [run_id]},
            {"Name": "instance-state-name", "Values": ["pending", "running"]},
        ]
    )
    instances = [
        instance["InstanceId"]
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    ]
    if instances:
        aws.ec2.terminate_instances(InstanceIds=instances)
        say(f"Ended the instances {', '.join(instances)}")


def _delete_endpoint(aws: Aws, endpoint: str, say: Say) -> None:
    # First the scaling target: an endpoint that has one cannot be deleted.
    with _ignoring("ObjectNotFoundException"):
        aws.autoscaling.deregister_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=scaling_resource(endpoint),
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        )
        say(f"Deregistered the scaling target of {endpoint}")
    aws.sagemaker.delete_endpoint(EndpointName=endpoint)
    say(f"Deleted the endpoint {endpoint}")


def _delete_bucket(aws: Aws, bucket: str, say: Say) -> None:
    """Every version of every object, then the bucket."""
    with _ignoring("NoSuchBucket"):
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


@contextmanager
def _ignoring(code: str) -> Iterator[None]:
    """Take it that a thing is gone already when AWS says so."""
    try:
        yield
    except ClientError as error:
        if not is_error(error, code):
            raise
