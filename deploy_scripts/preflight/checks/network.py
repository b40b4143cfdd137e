"""The default VPC with a subnet, which EC2 training starts in where the plan names no subnet."""

from collections.abc import Iterator

from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "default VPC"


def check(intent: Intent) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/vpc/latest/userguide/work-with-default-vpc.html"""
    if intent.parameters["Network"] != "none":
        return
    ec2, region = intent.aws.ec2, intent.aws.region
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        yield Finding(
            NAME,
            intent.without_ec2,
            f"{region} has no default VPC: EC2 cannot train there.",
            "Make one, or train on SageMaker alone.",
            command=f"aws ec2 create-default-vpc --region {region}",
        )
        return
    vpc = vpcs[0]["VpcId"]
    subnets = ec2.describe_subnets(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "default-for-az", "Values": ["true"]}]
    )["Subnets"]
    if subnets:
        yield Finding(NAME, "ok", f"{vpc}, {len(subnets)} subnets")
        return
    yield Finding(
        NAME,
        intent.without_ec2,
        f"The default VPC {vpc} has no default subnet: EC2 cannot train there.",
        "Make one in each zone that you use, or train on SageMaker alone.",
        command=f"aws ec2 create-default-subnet --availability-zone {region}a --region {region}",
    )
