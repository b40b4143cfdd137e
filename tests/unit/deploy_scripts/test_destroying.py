"""Destroy takes away what is dropserve's, in an order that AWS allows, and nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy_scripts.stack_teardown import destroy

NOW = datetime(2026, 11, 22, tzinfo=UTC)
STACK_ID = "arn:aws:cloudformation:us-east-1:000000000000:stack/dropserve/1"


def stack(stubbed: Any, status: str) -> dict[str, Any]:
    outputs = [{"OutputKey": key, "OutputValue": value} for key, value in stubbed.deployment.outputs.items()]
    described = {"StackName": "dropserve", "StackId": STACK_ID, "CreationTime": NOW, "StackStatus": status}
    return {"Stacks": [{**described, "Outputs": outputs}]}


def stub_stack_deletion(stubbed: Any, name: str = "dropserve") -> None:
    # Whether it is there; its id; whether its events can be read.
    for _ in range(2 if name == "dropserve" else 3):
        stubbed.answer("cloudformation", "describe_stacks", stack(stubbed, "CREATE_COMPLETE"), StackName=name)
    stubbed.answer("cloudformation", "describe_stack_events", {"StackEvents": []})
    stubbed.answer("cloudformation", "delete_stack", {}, StackName=name)
    stubbed.answer("cloudformation", "describe_stacks", stack(stubbed, "DELETE_COMPLETE"), StackName=STACK_ID)
    stubbed.answer("cloudformation", "describe_stack_events", {"StackEvents": []})


def endpoint(name: str, status: str) -> dict[str, Any]:
    return {
        "EndpointName": name,
        "EndpointArn": "a" * 30,
        "EndpointConfigName": name,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        "EndpointStatus": status,
    }


def listed(name: str, status: str) -> dict[str, Any]:
    return {key: value for key, value in endpoint(name, status).items() if key != "EndpointConfigName"}


def stub_rules(stubbed: Any) -> None:
    rule = {
        "LogicalResourceId": "DropRule",
        "PhysicalResourceId": "dropserve-DropRule-1",
        "ResourceType": "AWS::Events::Rule",
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": NOW,
    }
    stubbed.answer("cloudformation", "list_stack_resources", {"StackResourceSummaries": [rule]})
    stubbed.answer("events", "disable_rule", {}, Name="dropserve-DropRule-1")


def stub_leftovers(stubbed: Any) -> None:
    """Configuration, model, logs, pointer."""
    config = {"EndpointConfigName": stubbed.release, "EndpointConfigArn": "a" * 30, "CreationTime": NOW}
    stubbed.answer("sagemaker", "list_endpoint_configs", {"EndpointConfigs": [config]})
    stubbed.answer("sagemaker", "delete_endpoint_config", {}, EndpointConfigName=stubbed.release)
    model = {"ModelName": stubbed.release, "ModelArn": "a" * 30, "CreationTime": NOW}
    stubbed.answer("sagemaker", "list_models", {"Models": [model]})
    stubbed.answer("sagemaker", "delete_model", {}, ModelName=stubbed.release)
    group = f"/aws/sagemaker/Endpoints/{stubbed.release}"
    prefix = "/aws/sagemaker/Endpoints/dropserve-"
    stubbed.answer(
        "logs", "describe_log_groups", {"logGroups": [{"logGroupName": group}]}, logGroupNamePrefix=prefix
    )
    stubbed.answer("logs", "delete_log_group", {}, logGroupName=group)
    stubbed.answer("ssm", "delete_parameter", {}, Name="/dropserve/live")
    stubbed.refuse("ssm", "delete_parameter", "ParameterNotFound", Name="/dropserve/capacity")
    stubbed.refuse("ssm", "delete_parameter", "ParameterNotFound", Name="/dropserve/approval-secret")


def stub_scaling(stubbed: Any) -> None:
    stubbed.answer(
        "autoscaling",
        "deregister_scalable_target",
        {},
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{stubbed.release}/variant/AllTraffic",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    )


def update(key: str, **texts: str) -> dict[str, Any]:
    return {
        "TableName": "dropserve-ledger",
        "Key": {"run_id": {"S": key}},
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in texts),
        "ConditionExpression": "attribute_exists(run_id)",
        "ExpressionAttributeNames": {f"#{name}": name for name in texts},
        "ExpressionAttributeValues": {f":{name}": {"S": text} for name, text in texts.items()},
    }


def test_the_release_goes_first_and_the_data_stays(stubbed: Any) -> None:
    stubbed.aws.account_id = "000000000000"
    stubbed.answer("cloudformation", "describe_stacks", stack(stubbed, "CREATE_COMPLETE"))
    stub_rules(stubbed)
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status="live")]})
    endpoints = [
        listed(stubbed.release, "InService"),
        listed("dropserve-of-somebody", "InService"),
        listed(f"dropserve-{'0' * 32}", "Deleting"),  # replaced a moment ago
    ]
    stubbed.answer("sagemaker", "list_endpoints", {"Endpoints": endpoints}, NameContains="dropserve")
    stub_scaling(stubbed)
    # An endpoint that is being created cannot be deleted.
    for status in ("Creating", "InService"):
        stubbed.answer("sagemaker", "describe_endpoint", endpoint(stubbed.release, status))
    stubbed.answer("sagemaker", "delete_endpoint", {}, EndpointName=stubbed.release)
    stub_leftovers(stubbed)
    end = update(stubbed.run_id, status="replaced", reason="taken down by dropserve destroy")
    stubbed.answer("dynamodb", "update_item", {}, **end)
    stubbed.answer("dynamodb", "update_item", {}, **update("deploy-lock", holder="nobody"))
    stub_stack_deletion(stubbed)
    stub_stack_deletion(stubbed, "dropserve-images")
    said: list[str] = []

    destroy(stubbed.aws, delete_data=False, say=said.append)

    stubbed.assert_all_asked()
    assert said == [
        f"Deregistered the scaling target of {stubbed.release}",
        f"Waiting for the endpoint {stubbed.release}: Creating",
        f"Deleted the endpoint {stubbed.release}",
        f"Deleted the endpoint config {stubbed.release}",
        f"Deleted the model {stubbed.release}",
        "Deleted the stack dropserve",
        "Deleted the stack dropserve-images, and the container images in its repositories",
        "Kept dropserve-000000000000-us-east-1, dropserve-artifacts-000000000000-us-east-1, dropserve-ledger"
        " (--delete-data deletes them)",
    ]


def test_the_ledger_calls_nothing_replaced_that_still_stands(stubbed: Any) -> None:
    stubbed.aws.account_id = "000000000000"
    stubbed.answer("cloudformation", "describe_stacks", stack(stubbed, "CREATE_COMPLETE"))
    stub_rules(stubbed)
    stubbed.answer("dynamodb", "scan", {"Items": [stubbed.ledger_item(status="live")]})
    stubbed.answer("sagemaker", "list_endpoints", {"Endpoints": [listed(stubbed.release, "InService")]})
    stub_scaling(stubbed)
    stubbed.answer("sagemaker", "describe_endpoint", endpoint(stubbed.release, "InService"))
    stubbed.refuse("sagemaker", "delete_endpoint", "ThrottlingException", "Rate exceeded")

    # Neither the pointer nor the ledger is touched: botocore's Stubber has no answer for them.
    with pytest.raises(ClientError, match="Rate exceeded"):
        destroy(stubbed.aws, delete_data=False, say=print)


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_what_a_failed_creation_left_is_deleted_once_it_rests(stubbed: Any, status: str) -> None:
    stubbed.aws.account_id = "000000000000"
    for each in ("CREATE_IN_PROGRESS", status):
        found = stack(stubbed, each)
        found["Stacks"][0]["Outputs"] = []
        stubbed.answer("cloudformation", "describe_stacks", found)
    stub_stack_deletion(stubbed)
    stubbed.refuse("cloudformation", "describe_stacks", "ValidationError", StackName="dropserve-images")
    said: list[str] = []

    destroy(stubbed.aws, delete_data=False, say=said.append)

    stubbed.assert_all_asked()
    assert said[:2] == ["Waiting for the stack dropserve: CREATE_IN_PROGRESS", "Deleted the stack dropserve"]


def test_a_deletion_that_failed_half_way_goes_on_without_outputs_and_ledger(stubbed: Any) -> None:
    stubbed.aws.account_id = "000000000000"
    found = stack(stubbed, "DELETE_FAILED")
    found["Stacks"][0]["Outputs"] = []
    stubbed.answer("cloudformation", "describe_stacks", found)
    stub_rules(stubbed)
    stubbed.refuse("dynamodb", "scan", "ResourceNotFoundException")
    stubbed.answer("sagemaker", "list_endpoints", {"Endpoints": []}, NameContains="dropserve")
    stub_leftovers(stubbed)
    lock = update("deploy-lock", holder="nobody")
    stubbed.refuse("dynamodb", "update_item", "ResourceNotFoundException", **lock)
    stub_stack_deletion(stubbed)
    stubbed.refuse("cloudformation", "describe_stacks", "ValidationError", StackName="dropserve-images")

    destroy(stubbed.aws, delete_data=False, say=print)

    stubbed.assert_all_asked()


def test_data_can_be_deleted_when_the_stack_is_gone_already(stubbed: Any) -> None:
    stubbed.aws.account_id = "000000000000"
    for name in ("dropserve", "dropserve-images"):
        stubbed.refuse("cloudformation", "describe_stacks", "ValidationError", "no stack", StackName=name)
    data, artifacts = "dropserve-000000000000-us-east-1", "dropserve-artifacts-000000000000-us-east-1"
    versions = {
        "Versions": [{"Key": "drops/a.zip", "VersionId": "1"}],
        "DeleteMarkers": [{"Key": "drops/b.zip", "VersionId": "2"}],
    }
    stubbed.answer("s3", "list_object_versions", versions, Bucket=data)
    objects = [{"Key": "drops/a.zip", "VersionId": "1"}, {"Key": "drops/b.zip", "VersionId": "2"}]
    stubbed.answer("s3", "delete_objects", {}, Bucket=data, Delete={"Objects": objects, "Quiet": True})
    stubbed.answer("s3", "delete_bucket", {}, Bucket=data)
    stubbed.refuse("s3", "list_object_versions", "NoSuchBucket", Bucket=artifacts)
    stubbed.answer("dynamodb", "delete_table", {}, TableName="dropserve-ledger")
    said: list[str] = []

    destroy(stubbed.aws, delete_data=True, say=said.append)

    stubbed.assert_all_asked()
    assert said == [
        "There is no stack dropserve",
        f"Deleted the bucket {data} and 2 object versions in it",
        "Deleted the table dropserve-ledger",
    ]
