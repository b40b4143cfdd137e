"""Policies that must be found, and near misses that must not."""

import json
from pathlib import Path

import cfnlint
import pytest

from functions.iam_audit.policy.actions import PERMISSIONS, TAGGING, WRITE, narrowable_actions
from tests.unit.iam_audit.account_documents import (
    ACCOUNT,
    account,
    allow,
    attachment,
    deny,
    findings,
    found,
    group,
    managed_policy,
    role,
    user,
)

PASS_ONE = f"arn:aws:iam::{ACCOUNT}:role/dropserve/training"
TO_SAGEMAKER = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}

BAD = [
    ("administrator-access", [allow("*")]),
    ("administrator-access", [allow(["s3:GetObject", "*:*"], ["arn:aws:s3:::b/*", "*"])]),
    ("administrator-access", [allow("*"), deny("iam:*")]),
    (
        "administrator-access",
        [allow("*"), deny("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})],
    ),
    ("service-wildcard", [allow("sagemaker:*")]),
    ("service-wildcard", [allow(["logs:PutLogEvents", "S3:*"], "arn:aws:s3:::*")]),
    ("service-wildcard", [allow(["s3:*", "sns:*"]), deny("s3:*")]),
    ("service-wildcard", [allow("s3:*"), deny("s3:*", "arn:aws:s3:::b/*")]),
    ("pass-any-role", [allow("iam:PassRole"), deny("iam:PassRole", PASS_ONE)]),
    ("service-wildcard-on-resource", [allow("s3:*", ["arn:aws:s3:::b", "arn:aws:s3:::b/*"])]),
    ("allow-not-action", [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]),
    (
        "allow-not-resource",
        [{"Effect": "Allow", "Action": "s3:Get*", "NotResource": "arn:aws:s3:::secret/*"}],
    ),
    ("data-exposure", [allow("s3:GetObject")]),
    ("needless-wildcard-resource", [allow("sagemaker:Create*")]),
    ("needless-wildcard-resource", [allow("lambda:InvokeFunction", "arn:aws:lambda:*:*:*")]),
    (
        "data-exposure",
        [allow("s3:GetObject", Condition={"Bool": {"aws:SecureTransport": "true"}})],
    ),
    ("pass-any-role", [allow("iam:PassRole")]),
    ("pass-any-role", [allow("iam:Pass*", "arn:aws:iam::*:role/*", Condition=TO_SAGEMAKER)]),
    ("pass-any-role", [allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role*")]),
    ("pass-role-to-any-service", [allow("iam:PassRole", PASS_ONE)]),
    (
        "pass-role-to-any-service",
        [allow("iam:PassRole", PASS_ONE, Condition={"StringLike": {"iam:PassedToService": "*"}})],
    ),
    ("assume-any-role", [allow("sts:AssumeRole")]),
    ("assume-any-role", [allow("sts:*", "arn:aws:iam::*:role/*")]),
    ("writes-permissions", [allow("iam:PutRolePolicy")]),
    ("writes-permissions", [allow("iam:*", "arn:aws:iam::*:role/*")]),
    ("writes-permissions", [allow("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/work*")]),
    ("writes-permissions", [allow("iam:CreateAccessKey", "arn:aws:iam::*:user/*")]),
    ("writes-permissions", [{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}]),
    (
        "writes-permissions",
        [allow("iam:PutRolePolicy", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})],
    ),
    ("launches-under-any-role", [allow(["iam:PassRole", "sagemaker:CreateTrainingJob"])]),
    (
        "launches-under-any-role",
        [allow("iam:PassRole", Condition=TO_SAGEMAKER), allow("sagemaker:Create*", "arn:aws:x")],
    ),
    ("launches-under-any-role", [allow(["iam:PassRole", "lambda:*"])]),
    ("launches-under-any-role", [allow(["iam:PassRole", "ec2:RunInstances"])]),
]

FINE = [
    ("administrator-access", [allow("*", "arn:aws:s3:::b/*")]),
    ("administrator-access", [allow("*"), deny("*")]),
    ("administrator-access", [allow("iam:*")]),
    ("administrator-access", [deny("*")]),
    ("service-wildcard", [allow("s3:Get*")]),
    ("service-wildcard", [allow("s3:*", "arn:aws:s3:::b/*")]),
    ("service-wildcard", [allow("s3:*"), deny("s3:*")]),
    ("service-wildcard", [allow("*")]),
    ("service-wildcard-on-resource", [allow("s3:Put*", "arn:aws:s3:::b/*")]),
    ("allow-not-action", [{"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}]),
    ("allow-not-resource", [{"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*"}]),
    ("needless-wildcard-resource", [allow("s3:GetObject", "arn:aws:s3:::b/*")]),
    ("needless-wildcard-resource", [allow("s3:GetObject"), deny("s3:Get*")]),
    (
        "needless-wildcard-resource",
        [allow(["cloudwatch:PutMetricData", "xray:PutTraceSegments", "ec2:Describe*"])],
    ),
    (
        "needless-wildcard-resource",
        [allow(["logs:CreateLogDelivery", "logs:PutResourcePolicy", "s3:ListAllMyBuckets"])],
    ),
    (
        "needless-wildcard-resource",
        [allow(["ecr:GetAuthorizationToken", "sagemaker:List*", "states:SendTaskSuccess"])],
    ),
    (
        "needless-wildcard-resource",
        [allow("ec2:TerminateInstances", Condition={"StringEquals": {"aws:ResourceTag/dropserve": "x"}})],
    ),
    ("pass-any-role", [allow("iam:PassRole", PASS_ONE)]),
    ("pass-any-role", [allow("iam:PassRole", "arn:aws:iam::*:role/*SageMaker*")]),
    ("pass-any-role", [allow("iam:PassRole"), deny("iam:PassRole")]),
    ("pass-role-to-any-service", [allow("iam:PassRole", PASS_ONE, Condition=TO_SAGEMAKER)]),
    ("assume-any-role", [allow("sts:AssumeRole", PASS_ONE)]),
    ("assume-any-role", [allow("sts:GetCallerIdentity")]),
    ("writes-permissions", [allow("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/other")]),
    ("writes-permissions", [allow(["iam:Get*", "iam:List*"])]),
    ("writes-permissions", [allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}")]),
    (
        "writes-permissions",
        [
            allow(
                "iam:PutRolePolicy",
                Condition={"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::1:policy/b"}},
            )
        ],
    ),
    ("writes-permissions", [allow("iam:PutRolePolicy"), deny("iam:*")]),
    ("launches-under-any-role", [allow("iam:PassRole")]),
    ("launches-under-any-role", [allow("sagemaker:CreateTrainingJob")]),
    ("launches-under-any-role", [allow("iam:PassRole", PASS_ONE), allow("sagemaker:CreateTrainingJob")]),
    (
        "launches-under-any-role",
        [allow("iam:PassRole", Condition=TO_SAGEMAKER), allow("lambda:CreateFunction")],
    ),
    (
        "launches-under-any-role",
        [allow(["iam:PassRole", "sagemaker:CreateTrainingJob"]), deny("sagemaker:Create*")],
    ),
]


@pytest.mark.parametrize(("check", "statements"), BAD)
def test_found_in_an_inline_policy(check, statements):
    (finding,) = found(check, account(role("worker", *statements)))
    assert finding["resource"] == f"arn:aws:iam::{ACCOUNT}:role/worker"


@pytest.mark.parametrize(("check", "statements"), BAD)
def test_found_in_the_default_version_of_a_customer_policy(check, statements):
    policies = [managed_policy("wide", *statements)]
    wide = role("worker", attached=[attachment("wide", ACCOUNT)])
    assert len(found(check, account(wide, policies=policies))) == 1


@pytest.mark.parametrize(("check", "statements"), FINE)
def test_near_misses_are_not_found(check, statements):
    assert found(check, account(role("worker", *statements))) == []


@pytest.mark.parametrize(
    "name", ["AmazonSageMakerFullAccess", "AWSLambda_FullAccess", "CloudWatchFullAccessV2", "PowerUserAccess"]
)
def test_full_access_policies_of_aws_are_found_by_name(name):
    (finding,) = found("full-access-policy", account(role("worker", attached=[attachment(name)])))
    assert finding["severity"] == "high"
    assert name in finding["reason"]


@pytest.mark.parametrize("name", ["AmazonS3ReadOnlyAccess", "AdministratorAccess"])
def test_other_policies_of_aws_are_not_full_access(name):
    assert found("full-access-policy", account(role("worker", attached=[attachment(name)]))) == []


def test_administrator_access_is_known_without_its_document():
    (finding,) = found(
        "administrator-access", account(role("worker", attached=[attachment("AdministratorAccess")]))
    )
    assert finding["severity"] == "critical"


def test_an_administrator_is_not_found_again_by_the_narrower_checks():
    checks = {finding["check"] for finding in findings(account(role("worker", allow("*"))))}
    assert checks == {"administrator-access"}


def test_users_and_groups_are_judged_and_a_group_once():
    groups = [group("admins", allow("*")), group("readers", allow("s3:Get*", "arn:aws:s3:::b/*"))]
    people = [user("kim", groups=["admins", "readers"]), user("lee", allow("*"))]
    found_in = [
        finding["resource"] for finding in found("administrator-access", account(users=people, groups=groups))
    ]
    assert found_in == [f"arn:aws:iam::{ACCOUNT}:group/admins", f"arn:aws:iam::{ACCOUNT}:user/lee"]


def test_rights_from_two_groups_add_up_to_an_escalation():
    groups = [
        group("passers", allow("iam:PassRole")),
        group("trainers", allow("sagemaker:CreateTrainingJob")),
    ]
    (finding,) = found(
        "launches-under-any-role", account(users=[user("kim", groups=["passers", "trainers"])], groups=groups)
    )
    assert finding["resource"].endswith(":user/kim")


def test_a_groups_deny_counts_for_its_members():
    groups = [group("careful", deny("s3:*"))]
    members = [user("kim", allow("s3:*"), groups=["careful"])]
    assert found("service-wildcard", account(users=members, groups=groups)) == []


def test_a_customer_policy_that_may_rewrite_itself_is_found():
    arn = f"arn:aws:iam::{ACCOUNT}:policy/own"
    policies = [managed_policy("own", allow("iam:CreatePolicyVersion", arn))]
    own = role("worker", attached=[attachment("own", ACCOUNT)])
    assert len(found("writes-permissions", account(own, policies=policies))) == 1


def launcher_and_target(target_statements, service="sagemaker.amazonaws.com", condition=TO_SAGEMAKER):
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    target = role("training", *target_statements, path="/dropserve/", trust=[trust])
    launcher = role(
        "states",
        allow(
            "sagemaker:CreateTrainingJob", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/dropserve-*"
        ),
        allow("iam:PassRole", PASS_ONE, Condition=condition),
    )
    return account(launcher, target)


def test_a_named_role_that_is_an_administrator_is_a_way_up():
    (finding,) = found("launches-under-administrator", launcher_and_target([allow("*")]))
    assert finding["resource"].endswith(":role/states")
    assert finding["severity"] == "critical"


@pytest.mark.parametrize(
    "safe",
    [
        launcher_and_target([allow("s3:GetObject", "arn:aws:s3:::b/*")]),
        launcher_and_target([allow("*")], service="ec2.amazonaws.com"),
        launcher_and_target(
            [allow("*")], condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
        ),
    ],
    ids=["target is no administrator", "target trusts another service", "passed to another service"],
)
def test_a_named_role_is_otherwise_no_way_up(safe):
    assert found("launches-under-administrator", safe) == []


def test_a_permissions_boundary_is_noted():
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    (finding,) = found("administrator-access", account(role("worker", allow("*"), boundary=boundary)))
    assert boundary in finding["reason"]


def test_every_action_that_is_told_to_take_a_resource_does_by_a_second_reference():
    reference = json.loads((Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json").read_text())
    wrong = []
    for level in (WRITE, TAGGING, PERMISSIONS):
        for action in narrowable_actions("*", level):
            service, name = action.split(":")
            known = reference.get(service, {}).get("Actions", {}).get(name)
            if known is not None and not known.get("Resources"):
                wrong.append(action)
    # The second reference is older here.
    assert wrong == ["connect:startoutboundvoicecontact"]


def test_least_privilege_of_a_pipeline_gives_nothing():
    stack = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "states.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    states = role(
        "states",
        allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::dropserve-data/runs/*"),
        allow(
            ["dynamodb:PutItem", "dynamodb:UpdateItem"],
            f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/dropserve-ledger",
        ),
        allow("lambda:InvokeFunction", [f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:dropserve-judge"]),
        allow(
            [
                "sagemaker:CreateEndpoint",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:DeleteEndpoint",
                "sagemaker:AddTags",
            ],
            [f"{stack}:endpoint/dropserve-*", f"{stack}:endpoint-config/dropserve-*"],
        ),
        allow(
            ["sagemaker:CreateTrainingJob", "sagemaker:CreateModel"],
            [f"{stack}:training-job/*", f"{stack}:model/dropserve-*"],
        ),
        allow("iam:PassRole", PASS_ONE, Condition=TO_SAGEMAKER),
        allow(
            [
                "logs:CreateLogDelivery",
                "logs:GetLogDelivery",
                "logs:UpdateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:DescribeResourcePolicies",
                "logs:DescribeLogGroups",
            ]
        ),
        allow(
            [
                "xray:PutTraceSegments",
                "xray:PutTelemetryRecords",
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
            ]
        ),
        allow(["iam:GetAccountAuthorizationDetails", "lambda:ListFunctions", "sagemaker:ListModels"]),
        allow(
            "ec2:RunInstances",
            [f"arn:aws:ec2:*:{ACCOUNT}:{kind}/*" for kind in ("instance", "volume", "network-interface")],
            Condition={"StringEquals": {"aws:RequestTag/dropserve:stack": "dropserve"}},
        ),
        allow(
            "ec2:RunInstances",
            ["arn:aws:ec2:*::image/*", "arn:aws:ec2:*:*:subnet/*", "arn:aws:ec2:*:*:security-group/*"],
        ),
        allow(
            ["events:PutRule", "events:PutTargets", "events:DescribeRule"],
            f"arn:aws:events:us-east-1:{ACCOUNT}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule",
        ),
        allow(
            ["application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy"],
            f"arn:aws:application-autoscaling:us-east-1:{ACCOUNT}:scalable-target/*",
        ),
        path="/dropserve/",
        trust=[trust],
    )
    lambda_role = role("inference", path="/dropserve/", attached=[attachment("AWSLambdaBasicExecutionRole")])
    assert findings(account(states, lambda_role)) == []
