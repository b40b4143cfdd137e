"""CloudFormation keeps what the template says."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.cloud_bench import Bench, unique
from tests.support.waiting import wait_until

INLINE = {"ZipFile": "def handler(event, context): return 1"}


@pytest.fixture
def deploy(cloud_client: Callable[..., Any], bench: Bench) -> Iterator[Callable[..., dict[str, Any]]]:
    """Creates or updates the test's own stack; its description."""
    cfn, name = cloud_client("cloudformation"), unique("stack")

    def description() -> dict[str, Any] | None:
        stack: dict[str, Any] = cfn.describe_stacks(StackName=name)["Stacks"][0]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    def apply(resources: dict[str, Any], outputs: dict[str, Any], update: bool = False) -> dict[str, Any]:
        template = json.dumps({"Resources": resources, "Outputs": outputs})
        change = cfn.update_stack if update else cfn.create_stack
        change(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"])
        return dict(wait_until(description))

    yield apply
    cfn.delete_stack(StackName=name)


def _function(role: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "Role": role,
            "Code": INLINE,
            **properties,
        },
    }


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def test_a_function_keeps_concurrency_network_and_dead_letters(
    deploy: Callable[..., dict[str, Any]], cloud_client: Callable[..., Any], bench: Bench
) -> None:
    role, queue = bench.role(), "arn:aws:sqs:us-east-1:000000000000:dead"
    resource = _function(
        role,
        ReservedConcurrentExecutions=6,
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        DeadLetterConfig={"TargetArn": queue},
        TracingConfig={"Mode": "Active"},
    )
    outputs = {"Name": {"Value": {"Ref": "F"}}}
    stack = deploy({"F": resource}, outputs)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    functions, name = cloud_client("lambda"), _outputs(stack)["Name"]
    function = functions.get_function(FunctionName=name)
    assert function["Concurrency"]["ReservedConcurrentExecutions"] == 6
    config = function["Configuration"]
    assert config["VpcConfig"]["SubnetIds"] == ["subnet-1"]
    assert config["DeadLetterConfig"]["TargetArn"] == queue
    assert config["TracingConfig"]["Mode"] == "Active"
    stack = deploy({"F": _function(role, ReservedConcurrentExecutions=4)}, outputs, update=True)
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    function = functions.get_function(FunctionName=name)
    assert function["Concurrency"]["ReservedConcurrentExecutions"] == 4
    assert "DeadLetterConfig" not in function["Configuration"]


def test_what_stores_keeps_its_key(
    deploy: Callable[..., dict[str, Any]], cloud_client: Callable[..., Any], bench: Bench
) -> None:
    key = cloud_client("kms").create_key()["KeyMetadata"]["Arn"]
    name = unique("keyed")

    def resources(key: str | None) -> dict[str, Any]:
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
        rule = {"ServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": bool(key)}
        optional = {"KmsMasterKeyId": key} if key else {}
        table = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
            if key
            else {"SSEEnabled": True},
        }
        encryption = {"ServerSideEncryptionConfiguration": [rule]}
        properties: dict[str, dict[str, Any]] = {
            "AWS::S3::Bucket": {"BucketName": name, "BucketEncryption": encryption},
            "AWS::DynamoDB::Table": table,
            "AWS::SNS::Topic": {"TopicName": name, **optional},
            "AWS::SQS::Queue": {"QueueName": name, "SqsManagedSseEnabled": not key, **optional},
            "AWS::Logs::LogGroup": {"LogGroupName": name, **({"KmsKeyId": key} if key else {})},
        }
        made = {kind.split("::")[1]: {"Type": kind, "Properties": own} for kind, own in properties.items()}
        return made | {"F": _function(bench.role(), FunctionName=name, **({"KmsKeyArn": key} if key else {}))}

    def keys() -> dict[str, str | None]:
        encryption = cloud_client("s3").get_bucket_encryption(Bucket=name)
        (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
        sns, sqs = cloud_client("sns"), cloud_client("sqs")
        (topic,) = (each["TopicArn"] for each in sns.list_topics()["Topics"] if name in each["TopicArn"])
        queue = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        table = cloud_client("dynamodb").describe_table(TableName=name)["Table"]
        (group,) = cloud_client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return {
            "bucket": rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID"),
            "table": table.get("SSEDescription", {}).get("KMSMasterKeyArn"),
            "topic": sns.get_topic_attributes(TopicArn=topic)["Attributes"].get("KmsMasterKeyId"),
            "queue": sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"].get(
                "KmsMasterKeyId"
            ),
            "log group": group.get("kmsKeyId"),
            "function": cloud_client("lambda").get_function_configuration(FunctionName=name).get("KMSKeyArn"),
        }

    assert deploy(resources(key), {})["StackStatus"] == "CREATE_COMPLETE"
    assert keys() == dict.fromkeys(keys(), key)
    assert deploy(resources(None), {}, update=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert key not in keys().values()
    assert deploy(resources(key), {}, update=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert keys() == dict.fromkeys(keys(), key)


def test_a_state_machine_keeps_logging_and_tracing(
    deploy: Callable[..., dict[str, Any]], cloud_client: Callable[..., Any], bench: Bench
) -> None:
    group = "arn:aws:logs:us-east-1:000000000000:log-group:/x:*"
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": bench.role(),
            "DefinitionString": json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}),
            "TracingConfiguration": {"Enabled": True},
            "LoggingConfiguration": {
                "Level": "ALL",
                "IncludeExecutionData": True,
                "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": group}}],
            },
        },
    }
    stack = deploy({"M": machine}, {"Arn": {"Value": {"Ref": "M"}}})
    description = cloud_client("stepfunctions").describe_state_machine(stateMachineArn=_outputs(stack)["Arn"])
    assert description["tracingConfiguration"] == {"enabled": True}
    logging = description["loggingConfiguration"]
    assert (logging["level"], logging["includeExecutionData"]) == ("ALL", True)
    assert logging["destinations"] == [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]


def test_a_function_without_its_code_fails_the_stack(
    deploy: Callable[..., dict[str, Any]], cloud_client: Callable[..., Any], bench: Bench
) -> None:
    bucket = unique("code")
    cloud_client("s3").create_bucket(Bucket=bucket)
    resource = _function(bench.role(), Code={"S3Bucket": bucket, "S3Key": "none.zip"})
    assert deploy({"F": resource}, {})["StackStatus"] == "ROLLBACK_COMPLETE"
