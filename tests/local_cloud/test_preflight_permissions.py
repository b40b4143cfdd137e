"""The check of permissions against an IAM that really simulates: a user, and a role's session."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from deploy_scripts.aws import Aws, Target
from deploy_scripts.preflight.checks import permissions
from deploy_scripts.preflight.intent import Intent
from deploy_scripts.stack_deployment import DeployChoices, planned_parameters
from local_cloud.control import Cloud
from tests.support.cloud_bench import ALLOW_ALL, unique

pytestmark = pytest.mark.cloud

DENY_TOPICS = {"Effect": "Deny", "Action": "sns:CreateTopic", "Resource": "*"}
OWN_BUCKETS = {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::dropserve-*"}


@pytest.fixture
def user(cloud_client: Callable[..., Any]) -> Iterator[Callable[..., dict[str, str]]]:
    """user(policy) -> the keys of a new user with that policy."""
    iam, names = cloud_client("iam"), []

    def make(policy: dict[str, Any]) -> dict[str, str]:
        names.append(unique("deployer"))
        iam.create_user(UserName=names[-1])
        iam.put_user_policy(UserName=names[-1], PolicyName="own", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=names[-1])["AccessKey"]
        return {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

    yield make
    for name in names:
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="own")
        iam.delete_user(UserName=name)


def check(cloud: Cloud, keys: dict[str, str]) -> list[tuple[str, str]]:
    """Status and sentence of each finding of a caller with these keys."""
    aws = Aws(
        boto3.Session(region_name="us-east-1", **keys), target=Target(), endpoint_url=cloud.endpoint_url
    )
    intent = Intent(aws, planned_parameters(aws, DeployChoices()), "codebuild")
    return [(finding.status, finding.found) for finding in permissions.check(intent)]


def test_a_user_with_every_right(cloud: Cloud, user: Any) -> None:
    ((status, found),) = check(cloud, user(ALLOW_ALL))
    assert (status, ":user/deployer-" in found) == ("ok", True)


def test_a_denied_action_of_the_deployment_is_named(cloud: Cloud, user: Any) -> None:
    policy = {**ALLOW_ALL, "Statement": [*ALLOW_ALL["Statement"], DENY_TOPICS]}
    ((status, found),) = check(cloud, user(policy))
    assert (status, found.partition(" may not ")[2]) == ("fail", "sns:CreateTopic.")


def test_rights_on_own_resources_are_seen(cloud: Cloud, user: Any) -> None:
    findings = check(cloud, user({"Version": "2012-10-17", "Statement": [OWN_BUCKETS]}))
    assert [status for status, _ in findings] == ["fail", "warn"]
    assert not [found for _, found in findings if "s3:PutObject" in found or "s3:CreateBucket" in found]


def test_a_session_stands_for_its_role(cloud: Cloud, cloud_client: Callable[..., Any], bench: Any) -> None:
    role = bench.role(path="/deployers/")
    session = cloud_client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    keys = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    ((status, found),) = check(cloud, keys)
    assert (status, role in found) == ("ok", True)
