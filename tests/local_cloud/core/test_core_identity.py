"""Identities: a process acts as its role, the role says when it was used, and the log says for what."""

import json
import re
from collections.abc import Callable
from typing import Any

from local_cloud.control import Cloud
from tests.support.cloud_bench import Bench, task, unique
from tests.support.waiting import wait_until

READ_ONE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*/allowed/*"},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        },
    ],
}


def _entries(cloud: Cloud, role: str) -> list[dict[str, Any]]:
    log = cloud.log_file.with_name("activity.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if line["principal"] == role]


def _entry(cloud: Cloud, role: str, action: str) -> dict[str, Any]:
    return dict(wait_until(lambda: next((e for e in _entries(cloud, role) if e["action"] == action), None)))


def test_a_function_acts_as_its_role(bench: Bench, cloud: Cloud, cloud_client: Callable[..., Any]) -> None:
    bucket, role = unique("identity"), bench.role(READ_ONE, path="/team/")
    s3, iam = cloud_client("s3"), cloud_client("iam")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="allowed/a b.txt", Body=b"x")
    assert (
        "RoleLastUsed" not in iam.get_role(RoleName=role.rsplit("/", 1)[-1])["Role"]
        or not iam.get_role(RoleName=role.rsplit("/", 1)[-1])["Role"]["RoleLastUsed"]
    )
    code = f"""
import boto3
def handler(event, context):
    s3 = boto3.client("s3")
    s3.get_object(Bucket={bucket!r}, Key="allowed/a b.txt")
    s3.delete_object(Bucket={bucket!r}, Key="other")
    return boto3.client("sts").get_caller_identity()["Arn"]
"""
    name = bench.function(code, role=role)
    arn, error = bench.invoke(name)
    assert error is None
    assert arn == f"arn:aws:sts::000000000000:assumed-role/{role.rsplit('/', 1)[-1]}/{name}"
    read = _entry(cloud, role, "s3:GetObject")
    assert read["resource"] == f"arn:aws:s3:::{bucket}/allowed/a b.txt"
    assert (read["allowed"], read["status"], read["session"]) == (True, 200, name)
    deleted = _entry(cloud, role, "s3:DeleteObject")
    assert (deleted["allowed"], deleted["status"]) == (False, 204)


def test_a_role_says_when_it_was_used(bench: Bench, cloud_client: Callable[..., Any]) -> None:
    iam, role = cloud_client("iam"), bench.role()
    name = role.rsplit("/", 1)[-1]
    unused = bench.role().rsplit("/", 1)[-1]
    bench.run(task("arn:aws:states:::aws-sdk:s3:listBuckets", {}, ResultPath=None), role=role)
    used = iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]
    assert used["Region"] == "us-east-1"
    pages = iam.get_paginator("get_account_authorization_details").paginate(Filter=["Role"])
    details = {detail["RoleName"]: detail for page in pages for detail in page["RoleDetailList"]}
    assert details[name]["RoleLastUsed"] == used
    assert not details[unused].get("RoleLastUsed")
    assert not iam.get_role(RoleName=unused)["Role"].get("RoleLastUsed")


def test_calls_of_a_state_machine_are_logged_as_its_role(bench: Bench, cloud: Cloud) -> None:
    role = bench.role(READ_ONE)
    passed = bench.role()
    parameters = {
        "ModelName": "Core-Model",
        "ExecutionRoleArn": passed,
        "PrimaryContainer": {"Image": "none", "ModelDataUrl": "s3://nowhere/model.tar.gz"},
    }
    definition = task("arn:aws:states:::sagemaker:createModel", parameters, catch=["States.ALL"])
    bench.finished(bench.start(definition, role=role))
    created = _entry(cloud, role, "sagemaker:CreateModel")
    assert created["resource"] == "arn:aws:sagemaker:us-east-1:000000000000:model/core-model"
    assert created["allowed"] is False
    pass_role = _entry(cloud, role, "iam:PassRole")
    assert (pass_role["resource"], pass_role["allowed"]) == (passed, True)


def test_lambda_actions_have_their_own_names_and_qualifiers(
    bench: Bench, cloud: Cloud, cloud_client: Callable[..., Any]
) -> None:
    name, role = bench.function("def handler(event, context): return 1"), bench.role()
    functions = cloud_client("lambda")
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    parameters = {"FunctionName": name, "Qualifier": "live", "ProvisionedConcurrentExecutions": 1}
    resource = "arn:aws:states:::aws-sdk:lambda:putProvisionedConcurrencyConfig"
    bench.run(task(resource, parameters), role=role)
    bench.run(task("arn:aws:states:::lambda:invoke", {"FunctionName": name, "Qualifier": "live"}), role=role)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}:live"
    assert _entry(cloud, role, "lambda:PutProvisionedConcurrencyConfig")["resource"] == arn
    assert _entry(cloud, role, "lambda:InvokeFunction")["resource"] == arn


def test_the_log_holds_no_secret(cloud: Cloud) -> None:
    text = cloud.log_file.with_name("activity.jsonl").read_text() + cloud.log_file.read_text()
    assert not re.search(r"X-Amz-Signature|X-Amz-Security-Token|Signature=", text)
