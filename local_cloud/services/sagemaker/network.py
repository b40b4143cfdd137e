"""VpcConfig of a training job or a model: the subnets and security groups must be there, of one VPC.

Nothing runs in them here: a container is a process of this machine.
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.services.aws_clients import ClientFactory
from local_cloud.services.sagemaker.names import invalid


def check_vpc(clients: ClientFactory, config: Mapping[str, list[str]] | None, role: str, region: str) -> None:
    """Raises AwsError ValidationException for what the role cannot see, or what lies in several VPCs."""
    if not config:
        return
    ec2 = clients("ec2", role, region)
    try:
        subnets = ec2.describe_subnets(SubnetIds=config["Subnets"])["Subnets"]
        groups = ec2.describe_security_groups(GroupIds=config["SecurityGroupIds"])["SecurityGroups"]
    except ClientError as error:
        raise invalid(f"Invalid VpcConfig: {error.response['Error']['Message']}") from error
    vpcs = sorted({_vpc(each) for each in (*subnets, *groups)})
    if len(vpcs) > 1:
        raise invalid(f"Invalid VpcConfig: its subnets and security groups belong to {', '.join(vpcs)}.")


def _vpc(found: Mapping[str, Any]) -> str:
    return str(found["VpcId"])
