"""What CreateTrainingJob refuses beyond the API's own shape."""

from pathlib import PurePosixPath
from typing import Any

from local_cloud.services.aws_clients import ClientFactory
from local_cloud.services.sagemaker.names import invalid, not_here
from local_cloud.services.sagemaker.s3_files import S3Files, split_uri
from local_cloud.services.sagemaker.training.folder import CONTAINER_ROOT, DEFAULT_CHECKPOINT_PATH

_UNAVAILABLE = (
    "RetryStrategy",
    "ServerlessJobConfig",
    "SessionChainingConfig",
    "TensorBoardOutputConfig",
)


def check_job(job: dict[str, Any]) -> None:
    """The checks that need no other service. Raises AwsError."""
    for field in _UNAVAILABLE:
        if field in job:
            raise not_here(field)
    _check_algorithm(job.get("AlgorithmSpecification", {}))
    _check_resources(job)
    _check_times(job)
    names = [channel["ChannelName"] for channel in job.get("InputDataConfig", [])]
    if len(set(names)) != len(names):
        raise invalid("Channel names in InputDataConfig must be unique.")
    for channel in job.get("InputDataConfig", []):
        _check_channel(channel, job["ResourceConfig"].get("InstanceCount", 1))
    _check_checkpoints(job.get("CheckpointConfig", {}))


def check_inputs(clients: ClientFactory, job: dict[str, Any], region: str) -> None:
    """Every channel must have at least one object that the role can list. Raises AwsError."""
    files = S3Files(clients("s3", job["RoleArn"], region))
    for channel in job.get("InputDataConfig", []):
        uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
        if not files.has_objects(uri):
            bucket, _ = split_uri(uri)
            raise invalid(
                f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that '
                f"the bucket exists in the selected region ({region}), that objects exist under that S3 "
                f'prefix, and that the role "{job["RoleArn"]}" has "s3:ListBucket" permissions on bucket '
                f'"{bucket}".'
            )


def _check_algorithm(algorithm: dict[str, Any]) -> None:
    if "TrainingImage" not in algorithm:
        raise invalid("You must specify AlgorithmSpecification.TrainingImage.")
    for field in ("ContainerEntrypoint", "ContainerArguments"):
        if field in algorithm:
            raise not_here(f"AlgorithmSpecification.{field}")
    if algorithm["TrainingInputMode"] == "Pipe":
        raise not_here("TrainingInputMode Pipe")


def _check_resources(job: dict[str, Any]) -> None:
    resources = job.get("ResourceConfig")
    if resources is None or "InstanceType" not in resources:
        raise invalid("You must specify ResourceConfig with InstanceType, InstanceCount and VolumeSizeInGB.")
    _check_s3_uri(job["OutputDataConfig"]["S3OutputPath"], "outputDataConfig.s3OutputPath")


def _check_times(job: dict[str, Any]) -> None:
    times = job.get("StoppingCondition", {})
    longest_s = times.get("MaxWaitTimeInSeconds")
    if job.get("EnableManagedSpotTraining"):
        if longest_s is None or longest_s < times.get("MaxRuntimeInSeconds", 0):
            raise invalid(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
                "MaxRuntimeInSeconds."
            )
    elif longest_s is not None:
        raise invalid("MaxWaitTimeInSeconds must not be specified when EnableManagedSpotTraining is false.")


def _check_channel(channel: dict[str, Any], instance_count: int) -> None:
    name = channel["ChannelName"]
    if name in (".", ".."):
        raise invalid(f"Invalid channel name: {name}")
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise not_here(f"A DataSource other than S3DataSource (channel {name})")
    if source["S3DataType"] != "S3Prefix":
        raise not_here(f"S3DataType {source['S3DataType']} (channel {name})")
    if source.get("S3DataDistributionType") == "ShardedByS3Key" and instance_count > 1:
        raise not_here(f"S3DataDistributionType ShardedByS3Key on several instances (channel {name})")
    if channel.get("CompressionType", "None") != "None" or channel.get("RecordWrapperType", "None") != "None":
        raise not_here(f"CompressionType and RecordWrapperType (channel {name})")
    if channel.get("InputMode", "File") == "Pipe":
        raise not_here(f"InputMode Pipe (channel {name})")
    _check_s3_uri(source["S3Uri"], f"inputDataConfig channel {name}")


def _check_checkpoints(config: dict[str, Any]) -> None:
    if not config:
        return
    _check_s3_uri(config["S3Uri"], "checkpointConfig.s3Uri")
    path = PurePosixPath(config.get("LocalPath", DEFAULT_CHECKPOINT_PATH))
    if not path.is_relative_to(CONTAINER_ROOT) or ".." in path.parts:
        raise not_here("A CheckpointConfig.LocalPath outside /opt/ml")


def _check_s3_uri(uri: str, where: str) -> None:
    try:
        split_uri(uri)
    except ValueError as error:
        raise invalid(f"Invalid S3 URI at {where}: {uri}") from error
