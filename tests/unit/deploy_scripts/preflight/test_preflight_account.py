"""The checks of who asks, where, with which names, and what the region has."""

from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from deploy_scripts.errors import CliError
from deploy_scripts.preflight.checks import (
    buckets,
    budget,
    credentials,
    instance_offerings,
    machine_image,
    region,
    vpc,
)
from functions.plan_training.instance_choice import CANDIDATES
from functions.plan_training.machine_images import CPU_IMAGE, GPU_IMAGE
from tests.unit.deploy_scripts.preflight.conftest import ACCOUNT, CALLER, only


def caller(account: Any, arn: str) -> None:
    account.answer("sts", "get_caller_identity", {"Arn": arn, "Account": ACCOUNT, "UserId": "x"})


@pytest.mark.parametrize(
    ("arn", "status"),
    [
        (CALLER, "ok"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/session", "ok"),
        (f"arn:aws:iam::{ACCOUNT}:root", "warn"),
        (f"arn:aws-cn:iam::{ACCOUNT}:user/deployer", "fail"),
    ],
)
def test_the_caller_is_of_the_regions_partition_and_not_the_root_user(
    account: Any, intent: Any, arn: str, status: str
) -> None:
    caller(account, arn)
    finding = only(credentials.check(intent()))
    assert (finding.status, arn in finding.found) == (status, True)


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidClientTokenId"])
def test_keys_that_do_not_hold_fail(account: Any, intent: Any, code: str) -> None:
    account.refuse("sts", "get_caller_identity", code, "no such key")
    finding = only(credentials.check(intent()))
    assert (finding.status, code in finding.found) == ("fail", True)
    assert "Sign in again" in finding.advice


def test_missing_keys_fail(intent: Any, monkeypatch: pytest.MonkeyPatch, account: Any) -> None:
    class NoKeys:
        def get_caller_identity(self) -> None:
            raise NoCredentialsError

    monkeypatch.setitem(vars(account.aws), "sts", NoKeys())
    finding = only(credentials.check(intent()))
    assert (finding.status, "missing or have expired" in finding.found) == ("fail", True)


def regions(account: Any, status: str) -> None:
    account.answer(
        "ec2",
        "describe_regions",
        {"Regions": [{"RegionName": "us-east-1", "OptInStatus": status}]},
        RegionNames=["us-east-1"],
        AllRegions=True,
    )


def test_a_region_that_is_on_and_has_sagemaker_is_ok(account: Any, intent: Any) -> None:
    regions(account, "opt-in-not-required")
    account.answer(
        "ssm",
        "get_parameter",
        {"Parameter": {"Value": "us-east-1"}},
        Name="/aws/service/global-infrastructure/services/sagemaker/regions/us-east-1",
    )
    assert only(region.check(intent())).status == "ok"


def test_a_region_that_is_not_opted_in_fails_with_the_command(account: Any, intent: Any) -> None:
    regions(account, "not-opted-in")
    finding = only(region.check(intent()))
    assert finding.status == "fail"
    assert finding.command == "aws account enable-region --region-name us-east-1"


def test_a_region_without_sagemaker_fails(account: Any, intent: Any) -> None:
    regions(account, "opted-in")
    account.refuse("ssm", "get_parameter", "ParameterNotFound")
    finding = only(region.check(intent()))
    assert (finding.status, "does not list SageMaker" in finding.found) == ("fail", True)


def test_a_region_that_aws_has_not_fails(account: Any, intent: Any) -> None:
    account.refuse("ec2", "describe_regions", "InvalidParameterValue", "Invalid region")
    assert only(region.check(intent())).status == "fail"


@pytest.mark.parametrize(
    ("codes", "statuses"),
    [
        (("404", "404"), ["ok", "ok"]),
        ((None, None), ["ok", "ok"]),
        (("404", "403"), ["ok", "fail"]),
        (("301", "404"), ["fail", "ok"]),
    ],
)
def test_both_buckets_names_are_free_or_this_accounts(
    account: Any, intent: Any, codes: tuple[str | None, ...], statuses: list[str]
) -> None:
    names = (f"dropserve-artifacts-{ACCOUNT}-us-east-1", f"dropserve-{ACCOUNT}-us-east-1")
    for name, code in zip(names, codes, strict=True):
        expected = {"Bucket": name, "ExpectedBucketOwner": ACCOUNT}
        if code:
            account.refuse("s3", "head_bucket", code, **expected)
        else:
            account.answer("s3", "head_bucket", {}, **expected)
    found = list(buckets.check(intent()))
    assert [finding.status for finding in found] == statuses
    assert all(name in finding.found for name, finding in zip(names, found, strict=True))


def offered(account: Any, *names: str) -> None:
    offerings = [{"InstanceType": name, "LocationType": "region"} for name in names]
    account.answer("ec2", "describe_instance_type_offerings", {"InstanceTypeOfferings": offerings})


@pytest.mark.parametrize(
    ("names", "statuses"),
    [
        (("m5.large", *CANDIDATES), ["ok", "ok"]),
        (CANDIDATES, ["fail", "ok"]),
        (("m5.large", *CANDIDATES[1:]), ["ok", "warn"]),
        (("m5.large",), ["ok", "fail"]),
    ],
)
def test_the_region_has_the_types_that_are_needed(
    account: Any, intent: Any, names: tuple[str, ...], statuses: list[str]
) -> None:
    offered(account, *names)
    assert [finding.status for finding in instance_offerings.check(intent())] == statuses


@pytest.mark.parametrize(("on_ec2", "status"), [("false", "warn"), ("true", "fail")])
def test_ec2_cannot_train_where_its_machine_images_are_not(
    account: Any, intent: Any, on_ec2: str, status: str
) -> None:
    for image in (CPU_IMAGE, GPU_IMAGE):
        account.refuse("ssm", "get_parameter", "ParameterNotFound", Name=image.parameter)
    on_cpus, on_gpus = machine_image.check(intent(TrainOnEc2WithoutQuota=on_ec2))
    assert (on_cpus.status, on_gpus.status) == (status, "warn")
    assert "EC2 cannot train there" in on_cpus.found
    assert "EC2 cannot train on GPUs there" in on_gpus.found


def test_the_machine_images_are_named(account: Any, intent: Any) -> None:
    images = {CPU_IMAGE: "ami-0123456789abcdef0", GPU_IMAGE: "ami-0123456789abcdef1"}
    for image, image_id in images.items():
        account.answer("ssm", "get_parameter", {"Parameter": {"Value": image_id}}, Name=image.parameter)
    found = [(finding.status, finding.found) for finding in machine_image.check(intent())]
    assert found == [("ok", image_id) for image_id in images.values()]


@pytest.mark.parametrize(
    ("vpcs", "subnets", "on_ec2", "status"),
    [
        (["vpc-1"], ["subnet-1"], "false", "ok"),
        ([], [], "false", "warn"),
        ([], [], "true", "fail"),
        (["vpc-1"], [], "false", "warn"),
        (["vpc-1"], [], "true", "fail"),
    ],
)
def test_ec2_trains_in_a_default_vpc_with_a_subnet(
    *, account: Any, intent: Any, vpcs: list[str], subnets: list[str], on_ec2: str, status: str
) -> None:
    account.answer("ec2", "describe_vpcs", {"Vpcs": [{"VpcId": name} for name in vpcs]})
    account.answer("ec2", "describe_subnets", {"Subnets": [{"SubnetId": name} for name in subnets]})
    assert only(vpc.check_default(intent(TrainOnEc2WithoutQuota=on_ec2))).status == status


@pytest.mark.parametrize(("count", "status"), [(0, "warn"), (2, "ok")])
def test_no_budget_is_a_warning(account: Any, intent: Any, count: int, status: str) -> None:
    one = {"BudgetName": "monthly", "TimeUnit": "MONTHLY", "BudgetType": "COST"}
    account.answer("budgets", "describe_budgets", {"Budgets": [one] * count}, AccountId=ACCOUNT)
    assert only(budget.check(intent())).status == status


def test_an_account_that_never_had_a_budget_has_none(account: Any, intent: Any) -> None:
    account.refuse("budgets", "describe_budgets", "NotFoundException")
    assert only(budget.check(intent())).status == "warn"


def test_a_budget_of_the_deployment_needs_a_region_whose_cloudformation_makes_one(
    account: Any, intent: Any
) -> None:
    asked = {"Type": "RESOURCE", "TypeName": "AWS::Budgets::Budget"}
    wanted = intent(MonthlyBudgetUsd="120.5")
    account.answer("cloudformation", "describe_type", {}, **asked)
    account.refuse("cloudformation", "describe_type", "TypeNotFoundException", **asked)

    made, refused = only(budget.check(wanted)), only(budget.check(wanted))

    assert (made.status, "$120.5 a month, for the whole account" in made.found) == ("ok", True)
    assert (refused.status, "us-east-1 makes no budgets" in refused.found) == ("fail", True)


def test_a_budget_that_is_no_number_is_named(intent: Any) -> None:
    with pytest.raises(CliError, match="MonthlyBudgetUsd is 'much', and must be a number"):
        only(budget.check(intent(MonthlyBudgetUsd="much")))
