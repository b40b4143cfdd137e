"""Service integrations: names, types and errors as Step Functions has them."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.support.cloud_bench import Bench, task, unique

SDK = "arn:aws:states:::aws-sdk:"
OPTIMIZED = "arn:aws:states:::"


@pytest.fixture(scope="module")
def table(cloud_client: Callable[..., Any]) -> str:
    name = unique("table")
    cloud_client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    return name


@pytest.fixture(scope="module")
def bucket(cloud_client: Callable[..., Any]) -> str:
    name = unique("bucket")
    cloud_client("s3").create_bucket(Bucket=name)
    cloud_client("s3").put_object(Bucket=name, Key="a.json", Body=b'{"a": 1}')
    return name


def _put(table: str, **more: Any) -> dict[str, Any]:
    return {"TableName": table, "Item": {"id": {"S": "x"}, "on": {"BOOL": True}, "n": {"N": "3"}}, **more}


def test_optimized_dynamodb(bench: Bench, table: str) -> None:
    result = bench.run(task(f"{OPTIMIZED}dynamodb:putItem", _put(table)))
    assert result["SdkHttpMetadata"]["HttpStatusCode"] == 200
    item = bench.run(task(f"{OPTIMIZED}dynamodb:getItem", {"TableName": table, "Key": {"id": {"S": "x"}}}))
    assert item["Item"] == {"id": {"S": "x"}, "on": {"BOOL": True}, "n": {"N": "3"}}


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        (f"{OPTIMIZED}dynamodb:putItem", "DynamoDB.ConditionalCheckFailedException"),
        (f"{SDK}dynamodb:putItem", "DynamoDb.ConditionalCheckFailedException"),
    ],
)
def test_a_condition_that_fails(bench: Bench, table: str, resource: str, error: str) -> None:
    parameters = _put(table, ConditionExpression="attribute_not_exists(id)")
    if "aws-sdk" in resource:
        parameters["Item"]["on"] = {"Bool": True}
    bench.client("dynamodb").put_item(TableName=table, Item={"id": {"S": "x"}})
    caught = bench.run(task(resource, parameters, catch=[error]))
    assert caught["Error"] == error
    assert "Status Code: 400" in caught["Cause"]


def test_sdk_dynamodb_uses_the_names_of_the_java_sdk(bench: Bench, table: str) -> None:
    parameters = {
        "TableName": table,
        "Item": {"id": {"S": "java"}, "on": {"Bool": True}, "no": {"Nul": True}},
    }
    assert bench.run(task(f"{SDK}dynamodb:putItem", parameters)) == {}
    item = bench.run(task(f"{SDK}dynamodb:getItem", {"TableName": table, "Key": {"id": {"S": "java"}}}))
    assert item["Item"] == parameters["Item"]


def test_sdk_s3_gives_types(bench: Bench, bucket: str) -> None:
    found = bench.run(task(f"{SDK}s3:listObjectsV2", {"Bucket": bucket}))
    assert found["Contents"][0]["Size"] == 8
    assert found["KeyCount"] == 1
    assert datetime.fromisoformat(found["Contents"][0]["LastModified"]).tzinfo
    assert bench.run(task(f"{SDK}s3:getObject", {"Bucket": bucket, "Key": "a.json"}))["Body"] == '{"a": 1}'


@pytest.mark.parametrize(
    ("resource", "parameters", "error"),
    [
        ("s3:getObject", {"Bucket": "BUCKET", "Key": "none"}, "S3.NoSuchKeyException"),
        ("s3:headObject", {"Bucket": "BUCKET", "Key": "none"}, "S3.NoSuchKeyException"),
        ("ssm:getParameter", {"Name": "/none"}, "Ssm.ParameterNotFoundException"),
        ("lambda:getFunction", {"FunctionName": "none"}, "Lambda.ResourceNotFoundException"),
        ("ec2:terminateInstances", {"InstanceIds": ["i-00000000000000000"]}, "Ec2.Ec2Exception"),
        ("sfn:startExecution", {"StateMachineArn": "MACHINE"}, "Sfn.StateMachineDoesNotExistException"),
        ("sagemaker:describeEndpoint", {"EndpointName": "none"}, "SageMaker.SageMakerException"),
        ("sagemaker:describeTrainingJob", {"TrainingJobName": "none"}, "SageMaker.SageMakerException"),
    ],
)
def test_errors_of_sdk_integrations(
    bench: Bench, bucket: str, resource: str, parameters: dict[str, Any], error: str
) -> None:
    missing = "arn:aws:states:us-east-1:000000000000:stateMachine:none"
    places = {"BUCKET": bucket, "MACHINE": missing}
    filled = {
        key: places.get(value, value) if isinstance(value, str) else value
        for key, value in parameters.items()
    }
    assert bench.run(task(SDK + resource, filled, catch=["States.TaskFailed"]))["Error"] == error


def test_errors_of_optimized_sagemaker(bench: Bench) -> None:
    parameters = {"EndpointName": "none", "EndpointConfigName": "none"}
    caught = bench.run(task(f"{OPTIMIZED}sagemaker:createEndpoint", parameters, catch=["States.ALL"]))
    assert caught["Error"] == "SageMaker.AmazonSageMakerException"


@pytest.mark.parametrize(
    "parameters", [{"FunctionName": "f", "Nonsense": 1}, {"ReservedConcurrentExecutions": 1}]
)
def test_parameters_that_the_api_does_not_take(bench: Bench, parameters: dict[str, Any]) -> None:
    definition = task(f"{SDK}lambda:putFunctionConcurrency", parameters, catch=["States.ALL"])
    assert bench.finished(bench.start(definition))["error"] == "States.Runtime"


def test_sns_publish_takes_an_object_as_its_message(bench: Bench, cloud_client: Callable[..., Any]) -> None:
    sns, sqs = cloud_client("sns"), cloud_client("sqs")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    url = sqs.create_queue(QueueName=unique("queue"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    bench.run(task(f"{OPTIMIZED}sns:publish", {"TopicArn": topic, "Message": {"run.$": "$.run"}}), {"run": 5})
    message = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]
    assert json.loads(json.loads(message["Body"])["Message"]) == {"run": 5}


def test_a_nested_execution(bench: Bench) -> None:
    child = bench.machine({"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": [1], "End": True}}})
    parameters = {"StateMachineArn": child, "Input": {"parent.$": "$$.Execution.Id"}}
    result = bench.run(task(f"{OPTIMIZED}states:startExecution.sync:2", parameters))
    assert (result["Status"], result["Output"]) == ("SUCCEEDED", [1])
    assert result["Input"]["parent"].startswith("arn:aws:states:")
    assert isinstance(result["StartDate"], int)


def test_a_nested_execution_that_fails(bench: Bench) -> None:
    child = bench.machine({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Broken"}}})
    definition = task(
        f"{OPTIMIZED}states:startExecution.sync:2", {"StateMachineArn": child}, catch=["States.TaskFailed"]
    )
    assert json.loads(bench.run(definition)["Cause"])["Error"] == "Broken"


def test_scaling_and_concurrency_have_their_actions(bench: Bench) -> None:
    targets = bench.run(
        task(
            f"{SDK}applicationautoscaling:describeScalableTargets",
            {"ServiceNamespace": "sagemaker", "ResourceIds": ["endpoint/none/variant/AllTraffic"]},
        )
    )
    assert targets == {"ScalableTargets": []}
    name = bench.function("def handler(event, context): return 1")
    parameters = {"FunctionName": name, "ReservedConcurrentExecutions": 2}
    result = bench.run(task(f"{SDK}lambda:putFunctionConcurrency", parameters))
    assert result == {"ReservedConcurrentExecutions": 2}


def test_the_invoke_result_has_its_envelope(bench: Bench) -> None:
    name = bench.function("def handler(event, context): return {'got': event}")
    result = bench.run(task(f"{OPTIMIZED}lambda:invoke", {"FunctionName": name, "Payload": {"a": 1}}))
    assert result["Payload"] == {"got": {"a": 1}}
    assert (result["StatusCode"], result["ExecutedVersion"]) == (200, "$LATEST")
