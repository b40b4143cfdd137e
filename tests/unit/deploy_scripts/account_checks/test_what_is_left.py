"""What bears the deployment's name or tags is found, and what SageMaker keeps for good is not counted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from deploy_scripts.account_checks.removal import find_left

NOW = datetime(2026, 11, 29, tzinfo=UTC)
PREFIXES = (
    "/aws/sagemaker/Endpoints/dropserve-",
    "/aws/lambda/dropserve-",
    "/aws/vendedlogs/states/dropserve-",
    "/dropserve/",
)
ARN = "arn:aws:sagemaker:us-east-1:000000000000"


@pytest.fixture
def on_aws(stubbed: Any) -> Any:
    """The stubbed cloud as if it were AWS."""
    stubbed.aws.endpoint_url = None
    stubbed.aws.account_id = "000000000000"
    return stubbed


def answer(on_aws: Any, *, name: str | None) -> None:
    """Every list; `name` is what is left, None for nothing."""
    stack = {"StackName": "dropserve", "CreationTime": NOW, "StackStatus": "DELETE_FAILED"}
    for each in ("dropserve", "dropserve-images"):
        if name:
            on_aws.answer("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName=each)
        else:
            on_aws.refuse("cloudformation", "describe_stacks", "ValidationError")
    sagemaker = {"CreationTime": NOW, "LastModifiedTime": NOW}
    endpoints = [{"EndpointName": name, "EndpointArn": "a" * 30, "EndpointStatus": "InService", **sagemaker}]
    configs = [{"EndpointConfigName": name, "EndpointConfigArn": "a" * 30, "CreationTime": NOW}]
    models = [{"ModelName": name, "ModelArn": "a" * 30, "CreationTime": NOW}]
    on_aws.answer("sagemaker", "list_endpoints", {"Endpoints": endpoints if name else []})
    on_aws.answer("sagemaker", "list_endpoint_configs", {"EndpointConfigs": configs if name else []})
    on_aws.answer("sagemaker", "list_models", {"Models": models if name else []})
    if name:
        on_aws.answer("ssm", "get_parameter", {"Parameter": {"Name": "/dropserve/live", "Value": "{}"}})
    else:
        on_aws.refuse("ssm", "get_parameter", "ParameterNotFound")
    for _ in range(2):
        if name:
            on_aws.answer("s3", "head_bucket", {})
        else:
            on_aws.refuse("s3", "head_bucket", "404")
    on_aws.answer(
        "dynamodb", "list_tables", {"TableNames": ["another-ledger", *(["dropserve-ledger"] if name else [])]}
    )
    for prefix in PREFIXES:
        groups = [{"logGroupName": f"{prefix}x"}] if name else []
        on_aws.answer("logs", "describe_log_groups", {"logGroups": groups}, logGroupNamePrefix=prefix)
    targets = [scaling_target("endpoint/another-1/variant/AllTraffic")]
    targets += [scaling_target(f"endpoint/{name}/variant/AllTraffic")] if name else []
    on_aws.answer("autoscaling", "describe_scalable_targets", {"ScalableTargets": targets})
    alarms = [{"AlarmName": "TargetTracking-endpoint/dropserve-1"}] if name else []
    on_aws.answer("cloudwatch", "describe_alarms", {"MetricAlarms": alarms})


def scaling_target(resource: str) -> dict[str, Any]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": resource,
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "MinCapacity": 1,
        "MaxCapacity": 6,
        "RoleARN": "arn",
        "CreationTime": NOW,
    }


def tagged(on_aws: Any, key: str, values: list[str], *arns: str) -> None:
    on_aws.answer(
        "tagging",
        "get_resources",
        {"ResourceTagMappingList": [{"ResourceARN": arn} for arn in arns]},
        TagFilters=[{"Key": key, "Values": values}],
    )


STACKS = ["dropserve", "dropserve-images"]


def test_nothing_is_left_but_the_record_of_a_training_job(on_aws: Any) -> None:
    answer(on_aws, name=None)
    tagged(on_aws, "aws:cloudformation:stack-name", STACKS)
    tagged(on_aws, "dropserve:run", [on_aws.run_id], f"{ARN}:training-job/dropserve-1-0")
    assert list(find_left(on_aws.aws, [on_aws.run_id])) == []
    on_aws.assert_all_asked()


def test_each_thing_that_is_left_is_named(on_aws: Any) -> None:
    answer(on_aws, name=on_aws.release)
    volume = "arn:aws:ec2:us-east-1:000000000000:volume/vol-1"
    tagged(on_aws, "aws:cloudformation:stack-name", STACKS, f"{ARN}:role/x")
    tagged(on_aws, "dropserve:run", [on_aws.run_id], f"{ARN}:training-job/dropserve-1-0", volume)
    assert list(find_left(on_aws.aws, [on_aws.run_id])) == [
        "stack dropserve (DELETE_FAILED)",
        "stack dropserve-images (DELETE_FAILED)",
        f"endpoint {on_aws.release}",
        f"endpoint config {on_aws.release}",
        f"model {on_aws.release}",
        "parameter /dropserve/live",
        "bucket dropserve-000000000000-us-east-1",
        "bucket dropserve-artifacts-000000000000-us-east-1",
        "table dropserve-ledger",
        "log group /aws/sagemaker/Endpoints/dropserve-x",
        "log group /aws/lambda/dropserve-x",
        "log group /aws/vendedlogs/states/dropserve-x",
        "log group /dropserve/x",
        f"scaling target endpoint/{on_aws.release}/variant/AllTraffic",
        "alarm TargetTracking-endpoint/dropserve-1",
        f"{ARN}:role/x",
        volume,
    ]


def test_without_a_run_no_run_is_asked_about(on_aws: Any) -> None:
    answer(on_aws, name=None)
    tagged(on_aws, "aws:cloudformation:stack-name", STACKS)
    assert list(find_left(on_aws.aws, [])) == []
