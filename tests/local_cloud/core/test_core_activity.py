"""The activity log: which permission a call of a role stands for, with all that a policy may ask about."""

import json
from collections.abc import Callable
from typing import Any

from local_cloud.control import Cloud
from local_cloud.iam import service_permissions
from tests.support.cloud_bench import Bench, task, unique
from tests.support.waiting import wait_until

LAUNCH = {"ImageId": "ami-12345678", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
PLACE = ("us-east-1", "000000000000")


def entries(cloud: Cloud, role: str, action: str) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        lines = cloud.log_file.with_name("activity.jsonl").read_text().splitlines()
        calls = [json.loads(line) for line in lines]
        return [call for call in calls if (call["principal"], call["action"]) == (role, action)]

    return list(wait_until(found))


def test_eventbridge_starts_a_machine_as_the_targets_role(
    bench: Bench, cloud: Cloud, cloud_client: Callable[..., Any]
) -> None:
    events, rule = cloud_client("events"), unique("rule")
    machine = bench.machine({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    source = unique("source")
    start = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine}
    may, may_not = (
        bench.role({"Version": "2012-10-17", "Statement": [start]}),
        bench.role({"Version": "2012-10-17", "Statement": [{**start, "Resource": f"{machine}-other"}]}),
    )
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    targets = [{"Id": role[-8:], "Arn": machine, "RoleArn": role} for role in (may, may_not)]
    events.put_targets(Rule=rule, Targets=targets)

    events.put_events(Entries=[{"Source": source, "DetailType": "x", "Detail": '{"a": 1}'}])

    for role, allowed in ((may, True), (may_not, False)):
        (call,) = entries(cloud, role, "states:StartExecution")
        assert (call["resource"], call["allowed"]) == (machine, allowed)
    executions = wait_until(
        lambda: cloud_client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    )
    described = cloud_client("stepfunctions").describe_execution(executionArn=executions[0]["executionArn"])
    assert json.loads(described["input"])["detail"] == {"a": 1}


def test_a_launch_is_logged_with_the_tags_of_each_kind_of_resource(bench: Bench, cloud: Cloud) -> None:
    role = bench.role()
    tags = [{"Key": "job", "Value": "1"}]
    specifications = [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")]
    launch = {**LAUNCH, "TagSpecifications": specifications}

    bench.run(task("arn:aws:states:::aws-sdk:ec2:runInstances", launch), role=role)

    launched = {call["resource"].split(":")[5]: call for call in entries(cloud, role, "ec2:RunInstances")}
    tagged = {kind for kind, call in launched.items() if call["context"].get("aws:requesttag/job") == "1"}
    assert tagged == {"instance/*", "volume/*"}
    created = entries(cloud, role, "ec2:CreateTags")
    assert {call["resource"].split(":")[5] for call in created} == {"instance/*", "volume/*"}
    assert {call["context"]["ec2:createaction"] for call in created} == {"RunInstances"}


def test_an_instance_is_ended_with_its_tags_in_sight(bench: Bench, cloud: Cloud) -> None:
    tagged = {
        "Effect": "Allow",
        "Action": "ec2:TerminateInstances",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/job": "1"}},
    }
    role = bench.role({"Version": "2012-10-17", "Statement": [tagged]})
    specification = {"ResourceType": "instance", "Tags": [{"Key": "job", "Value": "1"}]}
    ec2 = bench.client("ec2")
    launched = ec2.run_instances(**LAUNCH, TagSpecifications=[specification])["Instances"][0]["InstanceId"]
    untagged = ec2.run_instances(**LAUNCH)["Instances"][0]["InstanceId"]

    for instance in (launched, untagged):
        parameters = {"InstanceIds": [instance]}
        bench.run(task("arn:aws:states:::aws-sdk:ec2:terminateInstances", parameters), role=role)

    calls = entries(cloud, role, "ec2:TerminateInstances")
    assert {call["resource"].rpartition("/")[2]: call["allowed"] for call in calls} == {
        launched: True,
        untagged: False,
    }


def test_who_is_told_that_an_object_is_not_there_must_be_allowed_to_list(bench: Bench, cloud: Cloud) -> None:
    role, bucket = bench.role(), unique("bucket")
    bench.client("s3").create_bucket(Bucket=bucket)
    absent = {"Bucket": bucket, "Key": "absent"}

    bench.finished(
        bench.start(task("arn:aws:states:::aws-sdk:s3:getObject", absent, catch=["States.ALL"]), role=role)
    )

    (listed,) = entries(cloud, role, "s3:ListBucket")
    assert (listed["resource"], listed["status"]) == (f"arn:aws:s3:::{bucket}", 404)


def test_tags_of_what_is_created_are_set_on_that_and_not_on_what_it_uses() -> None:
    parameters = {
        "EndpointName": "Food",
        "EndpointConfigName": "Food-Config",
        "Tags": [{"Key": "a", "Value": "b"}],
    }

    found = service_permissions.added_service("sagemaker", "CreateEndpoint", parameters, *PLACE)

    prefix = "arn:aws:sagemaker:us-east-1:000000000000:"
    assert {(each.action, each.resource.removeprefix(prefix)) for each in found} == {
        ("sagemaker:CreateEndpoint", "endpoint/food"),
        ("sagemaker:CreateEndpoint", "endpoint-config/food-config"),
        ("sagemaker:AddTags", "endpoint/food"),
    }


def test_calls_of_logs_are_checked_as_on_a_stream() -> None:
    def resource_of(**parameters: str) -> str:
        (found,) = service_permissions.logs_call("PutLogEvents", parameters, *PLACE)
        return found.resource

    group = "arn:aws:logs:us-east-1:000000000000:log-group:/x:log-stream:"
    assert resource_of(logGroupName="/x", logStreamName="s") == group + "s"
    assert resource_of(logGroupName="/x") == group
    assert resource_of() == "*"


def test_a_report_of_use_is_asked_for_on_the_role_that_it_is_about(bench: Bench, cloud: Cloud) -> None:
    asking, about = bench.role(), bench.role()
    report = task("arn:aws:states:::aws-sdk:iam:generateServiceLastAccessedDetails", {"Arn": about})

    bench.run(report, role=asking)

    (call,) = entries(cloud, asking, "iam:GenerateServiceLastAccessedDetails")
    assert call["resource"] == about


def test_autoscaling_asks_its_caller_for_rights_on_an_endpoint_of_any_name() -> None:
    endpoint = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/shop/variant/main"}
    found = [
        permission
        for action in ("RegisterScalableTarget", "PutScalingPolicy")
        for permission in service_permissions.added_service(
            "application-autoscaling", action, endpoint, *PLACE
        )
    ]
    actions = {permission.action for permission in found}
    assert {"sagemaker:DescribeEndpointConfig", "sagemaker:UpdateEndpointWeightsAndCapacities"} < actions
    assert {"cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"} < actions
    assert not [permission for permission in found if "shop" in permission.resource]
