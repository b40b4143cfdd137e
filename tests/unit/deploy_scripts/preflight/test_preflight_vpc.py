"""The check of a VPC: its subnets, its security groups, and the ways out of it."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy_scripts.errors import CliError
from deploy_scripts.preflight.checks import vpc
from tests.unit.deploy_scripts.preflight.conftest import only

EXISTING = {
    "Network": "existing",
    "VpcSubnetIds": "subnet-0a, subnet-0b",
    "VpcSecurityGroupIds": "sg-0c",
}
NAT = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}
INTERNET = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
BLACK_HOLE = {**NAT, "State": "blackhole"}
LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}


def endpoint(service: str, *tables: str, state: str = "available") -> dict[str, Any]:
    return {
        "ServiceName": f"com.amazonaws.us-east-1.{service}",
        "VpcEndpointType": "Gateway" if tables else "Interface",
        "RouteTableIds": list(tables),
        "State": state,
    }


@pytest.fixture
def found(account: Any, intent: Any) -> Callable[..., Any]:
    """found(routes=[...], endpoints=[...]) -> status and sentence of each finding."""

    def check(
        *,
        zones: tuple[str, ...] = ("us-east-1a", "us-east-1b"),
        group_vpc: str = "vpc-1",
        routes: list[dict[str, str]] | None = None,
        own_table: bool = False,
        endpoints: list[dict[str, Any]] | None = None,
    ) -> list[tuple[str, str]]:
        subnets = [
            {"SubnetId": name, "VpcId": "vpc-1", "AvailabilityZone": zone}
            for name, zone in zip(("subnet-0a", "subnet-0b"), zones, strict=True)
        ]
        account.answer("ec2", "describe_subnets", {"Subnets": subnets}, SubnetIds=["subnet-0a", "subnet-0b"])
        group = {"GroupId": "sg-0c", "VpcId": group_vpc}
        account.answer("ec2", "describe_security_groups", {"SecurityGroups": [group]}, GroupIds=["sg-0c"])
        main = {
            "RouteTableId": "rtb-main",
            "Associations": [{"Main": True}],
            "Routes": [LOCAL, *(routes or [])],
        }
        own = {"RouteTableId": "rtb-own", "Associations": [{"SubnetId": "subnet-0b"}], "Routes": [LOCAL]}
        tables = [own, main] if own_table else [main]
        here = [{"Name": "vpc-id", "Values": ["vpc-1"]}]
        account.answer("ec2", "describe_route_tables", {"RouteTables": tables}, Filters=here)
        account.answer("ec2", "describe_vpc_endpoints", {"VpcEndpoints": endpoints or []}, Filters=here)
        return [(each.status, each.found) for each in vpc.check(intent(**EXISTING))]

    return check


def statuses(findings: list[tuple[str, str]]) -> list[str]:
    return [status for status, _ in findings]


CLOSED = [endpoint("s3", "rtb-main"), endpoint("logs")]


def test_a_vpc_with_endpoints_or_a_nat_gateway_is_ok(found: Any) -> None:
    assert statuses(found(endpoints=CLOSED)) == ["ok"]
    assert statuses(found(routes=[NAT])) == ["ok"]


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ({"endpoints": [endpoint("logs")]}, "subnet-0a, subnet-0b has no way to S3"),
        ({"routes": [INTERNET], "endpoints": [endpoint("logs")]}, "no way to S3"),
        ({"routes": [BLACK_HOLE], "endpoints": [endpoint("logs")]}, "no way to S3"),
        ({"endpoints": [endpoint("s3", "rtb-other"), endpoint("logs")]}, "no way to S3"),
        ({"endpoints": [endpoint("s3", state="pending"), endpoint("logs")]}, "no way to S3"),
        # The second subnet has a table of its own.
        ({"own_table": True, "endpoints": CLOSED}, "subnet-0b has no way to S3"),
    ],
)
def test_a_subnet_without_a_way_to_s3_fails(found: Any, case: dict[str, Any], told: str) -> None:
    findings = found(**case)
    assert statuses(findings) == ["ok", "fail"]
    assert told in findings[1][1]


def test_a_vpc_without_a_way_to_logs_is_a_warning(found: Any) -> None:
    assert statuses(found(endpoints=CLOSED[:1])) == ["ok", "warn"]


def test_subnets_of_one_zone_are_a_warning(found: Any) -> None:
    assert statuses(found(zones=("us-east-1a", "us-east-1a"), endpoints=CLOSED)) == ["warn"]


def test_a_security_group_of_another_vpc_fails(found: Any) -> None:
    assert found(group_vpc="vpc-2") == [
        ("fail", "The subnets and security groups belong to 2 VPCs: vpc-1, vpc-2.")
    ]


@pytest.mark.parametrize("missing", ["subnets", "security_groups"])
def test_what_is_not_there_fails(account: Any, intent: Any, missing: str) -> None:
    if missing == "subnets":
        account.refuse(
            "ec2", "describe_subnets", "InvalidSubnetID.NotFound", "The subnet ID 'x' does not exist"
        )
    else:
        account.answer("ec2", "describe_subnets", {"Subnets": []})
        account.refuse(
            "ec2",
            "describe_security_groups",
            "InvalidGroup.NotFound",
            "The security group 'x' does not exist",
        )
    finding = only(vpc.check(intent(**EXISTING)))
    assert (finding.status, "'x' does not exist" in finding.found) == ("fail", True)


@pytest.mark.parametrize(("on_ec2", "status"), [("false", "ok"), ("true", "warn")])
def test_a_new_vpc_cannot_train_on_ec2(intent: Any, on_ec2: str, status: str) -> None:
    assert only(vpc.check(intent(Network="new", TrainOnEc2WithoutQuota=on_ec2))).status == status


def test_a_serverless_endpoint_stays_outside(intent: Any) -> None:
    findings = list(vpc.check(intent(Network="new", EndpointKind="serverless")))
    assert [each.status for each in findings] == ["warn", "ok"]


def test_one_line_is_about_the_network(intent: Any) -> None:
    assert list(vpc.check(intent())) == []
    assert list(vpc.check_default(intent(Network="new"))) == []


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"Network": "existing", "VpcSubnetIds": "subnet-0a"}, "needs VpcSecurityGroupIds"),
        ({"Network": "new", "VpcSubnetIds": "subnet-0a"}, "used with Network=existing only; it is new"),
        ({"VpcSecurityGroupIds": "sg-0c"}, "used with Network=existing only; it is none"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(
    intent: Any, parameters: dict[str, str], told: str
) -> None:
    with pytest.raises(CliError, match=told):
        intent(**parameters)
