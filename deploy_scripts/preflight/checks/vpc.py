"""The VPC, by Network: the default one, what a new one leaves out, and the ways out of an existing one."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from deploy_scripts.settings.parameters import VPC_PARAMETERS

NAME, DEFAULT_NAME = "VPC", "default VPC"
_PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html"
_HOSTING_PAGE = "https://docs.aws.amazon.com/sagemaker/latest/dg/host-vpc.html"
_EVERYWHERE = "0.0.0.0/0"

Described = Mapping[str, Any]


def check(intent: Intent) -> Iterator[Finding]:
    """Nothing where there is no VPC: the line "default VPC" is about that."""
    kind = intent.parameters["Network"]
    if kind == "none":
        return
    if intent.is_serverless:
        yield Finding(NAME, "warn", "A serverless endpoint has no VPC: training alone runs in it.")
    if kind == "new":
        yield _new(intent)
        return
    subnet_ids, group_ids = (
        [each.strip() for each in intent.parameters[name].split(",")] for name in VPC_PARAMETERS
    )
    try:
        subnets = intent.aws.ec2.describe_subnets(SubnetIds=subnet_ids)["Subnets"]
        groups = intent.aws.ec2.describe_security_groups(GroupIds=group_ids)["SecurityGroups"]
    except ClientError as error:
        if not is_error(error, "InvalidSubnetID.NotFound", "InvalidGroup.NotFound"):
            raise
        found = f"{error.response['Error'].get('Message')}, in {intent.aws.region}."
        yield Finding(NAME, "fail", found, "Correct VpcSubnetIds or VpcSecurityGroupIds.")
        return
    vpcs = sorted({str(each["VpcId"]) for each in (*subnets, *groups)})
    if len(vpcs) > 1:
        yield Finding(
            NAME,
            "fail",
            f"The subnets and security groups belong to {len(vpcs)} VPCs: {', '.join(vpcs)}.",
            "Name those of one VPC.",
        )
        return
    yield _zones(subnets, vpcs[0])
    yield from _ways_out(intent, subnets, vpcs[0])


def _new(intent: Intent) -> Finding:
    if intent.ec2_without_quota:
        return Finding(
            NAME,
            "warn",
            "In the VPC that is made EC2 cannot train, since it has no way to the internet: "
            "TrainOnEc2WithoutQuota changes nothing.",
            "Use Network=existing with a NAT gateway, or leave it out.",
        )
    return Finding(NAME, "ok", "it will be made, with two subnets and no way to the internet")


def _zones(subnets: list[Any], vpc: str) -> Finding:
    zones = sorted({str(each["AvailabilityZone"]) for each in subnets})
    if len(zones) > 1:
        return Finding(NAME, "ok", f"{vpc}, {len(subnets)} subnets in {', '.join(zones)}")
    return Finding(
        NAME,
        "warn",
        f"All subnets lie in {zones[0]}: SageMaker asks for two zones where an endpoint serves.",
        "Name a subnet of another zone as well.",
        link=_HOSTING_PAGE,
    )


def _ways_out(intent: Intent, subnets: list[Any], vpc: str) -> Iterator[Finding]:
    """Whether each subnet reaches S3, and CloudWatch, which SageMaker writes to through the VPC as well."""
    here = [{"Name": "vpc-id", "Values": [vpc]}]
    tables: list[Any] = intent.aws.ec2.describe_route_tables(Filters=here)["RouteTables"]  # type: ignore[arg-type]
    endpoints: list[Any] = intent.aws.ec2.describe_vpc_endpoints(Filters=here)["VpcEndpoints"]  # type: ignore[arg-type]
    lacking: dict[str, list[str]] = {"s3": [], "logs": []}
    for subnet in subnets:
        table = _table_of(subnet["SubnetId"], tables)
        if not _leads_out(table):
            for service, without in lacking.items():
                if not any(_serves(each, f".{service}", table) for each in endpoints):
                    without.append(subnet["SubnetId"])
    if lacking["s3"]:
        yield Finding(
            NAME,
            "fail",
            f"{', '.join(lacking['s3'])} has no way to S3, where SageMaker reads and writes through it.",
            "Add an endpoint of S3, which costs nothing as a gateway, or a route to a NAT gateway.",
            command=f"aws ec2 create-vpc-endpoint --vpc-id {vpc} --route-table-ids RTB "
            f"--service-name com.amazonaws.{intent.aws.region}.s3 --region {intent.aws.region}",
            link=_PAGE,
        )
    if lacking["logs"]:
        yield Finding(
            NAME,
            "warn",
            f"{', '.join(lacking['logs'])} has no way to CloudWatch Logs: training and model write no log.",
            "Add interface endpoints of logs and monitoring, or a route to a NAT gateway.",
            link="https://repost.aws/knowledge-center/sagemaker-access-network-isolation",
        )


def _table_of(subnet: str, tables: list[Any]) -> Described:
    """The subnet's own route table, or the VPC's main one."""
    main: Described = {}
    for table in tables:
        for association in table["Associations"]:
            if association.get("SubnetId") == subnet:
                return dict(table)
            if association.get("Main"):
                main = table
    return main


def _leads_out(table: Described) -> bool:
    """By a NAT gateway or another network; an internet gateway serves public addresses alone."""
    return any(
        route.get("DestinationCidrBlock") == _EVERYWHERE
        and route.get("State", "active") == "active"
        and not route.get("GatewayId", "").startswith("igw-")
        for route in table.get("Routes", [])
    )


def _serves(endpoint: Described, service: str, table: Described) -> bool:
    if not endpoint["ServiceName"].endswith(service) or endpoint.get("State", "").lower() != "available":
        return False
    return endpoint["VpcEndpointType"] != "Gateway" or table.get("RouteTableId") in endpoint["RouteTableIds"]


def check_default(intent: Intent) -> Iterator[Finding]:
    """The default VPC with a subnet, which EC2 training starts in where the plan names no subnet.

    https://docs.aws.amazon.com/vpc/latest/userguide/work-with-default-vpc.html
    """
    if intent.parameters["Network"] != "none":
        return
    ec2, region = intent.aws.ec2, intent.aws.region
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        yield Finding(
            DEFAULT_NAME,
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
        yield Finding(DEFAULT_NAME, "ok", f"{vpc}, {len(subnets)} subnets")
        return
    yield Finding(
        DEFAULT_NAME,
        intent.without_ec2,
        f"The default VPC {vpc} has no default subnet: EC2 cannot train there.",
        "Make one in each zone that you use, or train on SageMaker alone.",
        command=f"aws ec2 create-default-subnet --availability-zone {region}a --region {region}",
    )
