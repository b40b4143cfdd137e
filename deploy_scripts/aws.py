"""The account that a command works on: the local cloud, or AWS itself."""

from __future__ import annotations

import copy
import os
import re
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from deploy_scripts import local_target
from deploy_scripts.errors import CliError
from deploy_scripts.partition import Partition, partition_of
from local_cloud.control import Cloud

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

TargetName = Literal["local", "aws"]

# Buckets take lower case only, and a training job's name (stack, run id of 32, suffix) at most 63 characters.
STACK_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?")


# The stack with a deployment's images is called after it.
IMAGES_SUFFIX = "images"


@dataclass(frozen=True)
class Target:
    """Which cloud, and which deployment in it; `profile` and `region` None mean the person's defaults."""

    name: TargetName = "local"
    profile: str | None = None
    region: str | None = None
    stack: str = "dropserve"

    def __post_init__(self) -> None:
        """Raises CliError when resources could not be named after the stack."""
        if not STACK_NAME.fullmatch(self.stack):
            raise CliError(
                f"{self.stack!r} cannot be the name of a deployment.",
                "Use 1 to 20 lower-case letters, digits and hyphens, a letter first and no hyphen last.",
            )
        if self.stack.endswith(f"-{IMAGES_SUFFIX}"):
            raise CliError(
                f"{self.stack!r} would be the stack with another deployment's images.",
                f"Choose a name that does not end in -{IMAGES_SUFFIX}.",
            )


class Aws:
    """One client a service, made when first asked for."""

    def __init__(self, session: boto3.Session, *, target: Target, endpoint_url: str | None) -> None:
        self._session = session
        self.target = target
        self.stack = target.stack
        self.endpoint_url = endpoint_url
        self.region = session.region_name
        # A session makes one client at a time:
        # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html
        self._making = threading.Lock()

    @property
    def is_local(self) -> bool:
        return self.endpoint_url is not None

    def beside(self, suffix: str) -> Aws:
        """The same account, seen from the stack that stands beside the deployment's own."""
        other = copy.copy(self)
        other.stack = f"{self.stack}-{suffix}"
        return other

    @property
    def pseudo_parameters(self) -> dict[str, str]:
        """What CloudFormation calls this account, region and stack."""
        return {
            "AWS::AccountId": self.account_id,
            "AWS::Partition": self.partition.name,
            "AWS::Region": self.region,
            "AWS::StackName": self.stack,
            "AWS::URLSuffix": self.partition.dns_suffix,
        }

    def _client(self, service: str, region: str | None = None) -> Any:
        from botocore.config import Config  # noqa: PLC0415 - 0.1 s that `--help` need not pay

        config = Config(
            retries={"mode": "standard", "max_attempts": 5},
            # A proxy has no business between a laptop and itself.
            proxies={} if self.is_local else None,
            # Presigned URLs of the older version do not work in every region.
            signature_version="s3v4" if service == "s3" else None,
            read_timeout=120,
        )
        with self._making:
            return cast(Any, self._session).client(
                service, region_name=region, endpoint_url=self.endpoint_url, config=config
            )

    @cached_property
    def account_id(self) -> str:
        return self.sts.get_caller_identity()["Account"]

    @property
    def partition(self) -> Partition:
        """Raises botocore's UnknownRegionError for what is no region's name."""
        return partition_of(self.region)

    @cached_property
    def sts(self) -> STSClient:
        return cast("STSClient", self._client("sts"))

    @cached_property
    def iam(self) -> IAMClient:
        return cast("IAMClient", self._client("iam"))

    # Three services without stubs.
    @cached_property
    def service_quotas(self) -> Any:
        return self._client("service-quotas")

    @cached_property
    def kms(self) -> Any:
        return self._client("kms")

    @cached_property
    def budgets(self) -> Any:
        return self._client("budgets")

    @cached_property
    def s3(self) -> S3Client:
        return cast("S3Client", self._client("s3"))

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        return cast("CloudFormationClient", self._client("cloudformation"))

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        return cast("CloudWatchClient", self._client("cloudwatch"))

    @cached_property
    def codebuild(self) -> CodeBuildClient:
        return cast("CodeBuildClient", self._client("codebuild"))

    @cached_property
    def ecr(self) -> ECRClient:
        return cast("ECRClient", self._client("ecr"))

    @cached_property
    def events(self) -> EventBridgeClient:
        return cast("EventBridgeClient", self._client("events"))

    @cached_property
    def stepfunctions(self) -> SFNClient:
        return cast("SFNClient", self._client("stepfunctions"))

    @cached_property
    def functions(self) -> LambdaClient:
        return cast("LambdaClient", self._client("lambda"))

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return cast("DynamoDBClient", self._client("dynamodb"))

    @cached_property
    def sagemaker(self) -> SageMakerClient:
        return cast("SageMakerClient", self._client("sagemaker"))

    @cached_property
    def autoscaling(self) -> ApplicationAutoScalingClient:
        return cast("ApplicationAutoScalingClient", self._client("application-autoscaling"))

    @cached_property
    def ec2(self) -> EC2Client:
        return cast("EC2Client", self._client("ec2"))

    @cached_property
    def ssm(self) -> SSMClient:
        return cast("SSMClient", self._client("ssm"))

    @cached_property
    def pricing(self) -> Any:
        """The Price List API, which is in few regions and tells the prices of all."""
        return self._client("pricing", region="us-east-1")

    @cached_property
    def tagging(self) -> Any:
        """What has a tag, of whatever service."""
        return self._client("resourcegroupstaggingapi")

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return cast("CloudWatchLogsClient", self._client("logs"))


def connect(target: Target) -> Aws:
    """Clients for the target. Raises CliError when the local cloud is not running."""
    import boto3  # noqa: PLC0415 - 0.2 s that `--help` need not pay

    if target.name == "aws":
        session = boto3.Session(profile_name=target.profile, region_name=target.region)
        return Aws(session, target=target, endpoint_url=None)
    cloud = local_target.running_cloud()
    return Aws(_local_session(cloud, target.region), target=target, endpoint_url=cloud.endpoint_url)


def _local_session(cloud: Cloud, region: str | None) -> boto3.Session:
    """A session that reads nothing of the person's own AWS profile: no real key ever leaves it."""
    import boto3  # noqa: PLC0415
    import botocore.session  # noqa: PLC0415

    none_of: dict[str, Any] = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    keys = local_target.client_variables(cloud)
    return boto3.Session(
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        region_name=region or keys["AWS_REGION"],
        botocore_session=botocore.session.Session(session_vars=none_of),
    )
