"""The pipeline's own roles, as the template writes them, under every check of the audit."""

import re

import pytest

from deploy_scripts.cloudformation.sam_template import read_template
from deploy_scripts.project import ROOT
from functions.iam_audit.audit import find_violations
from functions.iam_audit.checks import ALL_CHECKS
from functions.iam_audit.reading.authorization_details import account_from_authorization_details
from functions.iam_audit.settings import Settings
from tests.unit.iam_audit.account_documents import ACCOUNT, NOW, found

SETTINGS = Settings(data_bucket="data", pipeline_role_path="/dropserve/")
RESOURCES = {
    name: resource
    for template in ("template.yaml", "images_template.yaml")
    for name, resource in read_template(ROOT / "deploy_scripts" / template)["Resources"].items()
}
PSEUDO = {
    "AWS::StackName": "dropserve",
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": "us-east-1",
    "AWS::Partition": "aws",
    "ArtifactsBucket": "dropserve-artifacts",
    "Deployment": "dropserve",
    "ImageRepositoryArns": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/dropserve/serve",
}
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{0}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{{0}}",
    "AWS::SNS::Topic": f"arn:aws:sns:us-east-1:{ACCOUNT}:{{0}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{{0}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/dropserve/{{0}}",
    "AWS::ECR::Repository": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{{0}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{{0}}:*",
    "AWS::Serverless::Function": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{{0}}",
    "AWS::Serverless::StateMachine": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{{0}}",
}
# Ref of these gives the ARN, of others the name.
REF_IS_ARN = ("AWS::SNS::Topic", "AWS::Serverless::StateMachine")


def arn_of(name):
    kind = RESOURCES.get(name, {}).get("Type", "")
    return ARNS.get(kind, f"arn:aws:events:us-east-1:{ACCOUNT}:{{0}}").format(name)


def ref(name):
    if name in PSEUDO:
        return PSEUDO[name]
    kind = RESOURCES.get(name, {}).get("Type")
    if kind == "AWS::SSM::Parameter":
        return "/dropserve/live"
    return arn_of(name) if kind in REF_IS_ARN else name


def substituted(match):
    name, _, attribute = match[1].partition(".")
    return arn_of(name) if attribute else ref(name)


FUNCTIONS = {
    "Fn::Sub": lambda text: re.sub(r"\$\{([^}]+)\}", substituted, text),
    "Ref": ref,
    "Fn::GetAtt": lambda path: arn_of(path[0]),
    "Fn::Split": lambda parts: resolved(parts[1]).split(parts[0]),
    "Fn::If": lambda branches: resolved(branches[1]),
}


def resolved(value):
    """The value with CloudFormation's functions worked out, as far as policies use them."""
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (name := next(iter(value))) in FUNCTIONS:
        return FUNCTIONS[name](value[name])
    return {key: resolved(each) for key, each in value.items()}


def role_detail(name, properties):
    properties = resolved(properties)
    return {
        "RoleName": name,
        "Path": properties["Path"],
        "Arn": arn_of(name),
        "CreateDate": NOW.isoformat(),
        "AssumeRolePolicyDocument": properties["AssumeRolePolicyDocument"],
        "RolePolicyList": properties["Policies"],
        "AttachedManagedPolicies": [],
    }


ROLES = [
    role_detail(name, each["Properties"])
    for name, each in RESOURCES.items()
    if each["Type"] == "AWS::IAM::Role"
]


def audited(roles):
    document = {"RoleDetailList": roles, "UserDetailList": [], "GroupDetailList": [], "Policies": []}
    return account_from_authorization_details(document, taken_at=NOW)


def test_no_role_of_the_pipeline_has_a_finding_above_informational():
    findings = find_violations(audited(ROLES), SETTINGS, ALL_CHECKS)
    grave = [
        (each["check"], each["resource"], each["reason"])
        for each in findings
        if each["severity"] != "informational"
    ]
    assert (len(ROLES) > 5, grave) == (True, [])


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, "service-wildcard"),
        ({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}, "pass-any-role"),
        ({"Effect": "Allow", "Action": "iam:PutRolePolicy", "Resource": "*"}, "writes-permissions"),
    ],
)
def test_a_careless_statement_in_any_role_of_the_template_is_found(statement, check):
    for role in ROLES:
        careless = {"PolicyName": "careless", "PolicyDocument": {"Statement": [statement]}}
        changed = {**role, "RolePolicyList": [*role["RolePolicyList"], careless]}
        assert [each["resource"] for each in found(check, audited([changed]), SETTINGS)] == [role["Arn"]]
