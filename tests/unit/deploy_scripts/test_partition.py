"""Other partitions than `aws`: their names in ARNs and hosts."""

import json

import pytest

from deploy_scripts.cloudformation.artifacts_bucket import tls_only_policy
from deploy_scripts.partition import in_partition, partition_of
from deploy_scripts.project import STATE_MACHINE


@pytest.mark.parametrize(
    ("region", "name", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ],
)
def test_names_follow_the_regions_partition(region: str, name: str, suffix: str) -> None:
    partition = partition_of(region)
    assert (partition.name, partition.dns_suffix) == (name, suffix)
    (statement,) = tls_only_policy("b", partition)["Statement"]
    assert statement["Resource"] == [f"arn:{name}:s3:::b", f"arn:{name}:s3:::b/*"]


def test_every_integration_of_the_workflow_is_of_the_partition() -> None:
    text = STATE_MACHINE.read_text("utf-8")
    machine = json.loads(in_partition(text, partition_of("cn-north-1")))
    resources = [state["Resource"] for state in machine["States"].values() if state["Type"] == "Task"]
    of_aws = [each for each in resources if not each.startswith("${")]
    assert of_aws
    assert all(each.startswith("arn:aws-cn:states:::") for each in of_aws)
    assert in_partition(text, partition_of("us-east-1")) == text
