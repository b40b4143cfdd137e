"""Invented AWS accounts, as `aws iam get-account-authorization-details` writes them: one for each size.

A team's account as it grows: most roles are of one workload, with an inline policy that names its own
resources, and AWS's managed policies; some lean on shared customer policies; a minority is careless. Of the
inline policies about a tenth has conditions, a twentieth a Deny; one role in twenty has a boundary.
`python -m benchmarks.support.audit.iam_accounts FILE ROLES` writes one.
"""

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
PARTNER = "210987654321"
REGION = "eu-west-1"
Json = dict[str, Any]

_SERVICES = (
    "lambda",
    "lambda",
    "lambda",
    "ecs-tasks",
    "ec2",
    "states",
    "sagemaker",
    "events",
    "glue",
    "codebuild",
)
_BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/team-boundary"


def write_account(file: Path, role_count: int) -> None:
    """Write an account with so many roles, a tenth as many customer policies and a fiftieth as many users."""
    file.write_text(json.dumps(make_account(role_count), indent=4), encoding="utf-8")


def make_account(role_count: int) -> Json:
    """The four lists of GetAccountAuthorizationDetails."""
    dice = random.Random(role_count)  # noqa: S311 (an invented account, not a secret)
    customer = [_customer_policy(dice, number) for number in range(max(4, role_count // 10))]
    groups = [_group(dice, name) for name in ("developers", "analysts", "operators")]
    return {
        "UserDetailList": [_user(dice, number) for number in range(max(2, role_count // 50))],
        "GroupDetailList": groups,
        "RoleDetailList": [_role(dice, number, customer) for number in range(role_count)],
        "Policies": [*customer, _boundary_policy(), *_aws_policies()],
    }


# ------------------------------------------------------------------ statements


def _allow(actions: list[str], resources: Any, condition: Json | None = None) -> Json:
    statement: Json = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": condition} if condition else {})


def _arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def _bucket_reader(name: str) -> list[Json]:
    return [
        _allow(["s3:ListBucket"], f"arn:aws:s3:::{name}-data"),
        _allow(["s3:GetObject", "s3:GetObjectVersion"], f"arn:aws:s3:::{name}-data/*"),
    ]


def _table_writer(name: str) -> list[Json]:
    table = _arn("dynamodb", f"table/{name}")
    actions = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchWriteItem"]
    return [_allow([f"dynamodb:{action}" for action in actions], [table, f"{table}/index/*"])]


def _queue_worker(name: str) -> list[Json]:
    actions = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ChangeMessageVisibility",
    ]
    return [
        _allow(actions, _arn("sqs", f"{name}-jobs")),
        _allow(["sns:Publish"], _arn("sns", f"{name}-done")),
    ]


def _log_writer(name: str) -> list[Json]:
    group = _arn("logs", f"log-group:/aws/lambda/{name}")
    return [_allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"{group}:*")]


def _secret_reader(name: str) -> list[Json]:
    return [
        _allow(["secretsmanager:GetSecretValue"], _arn("secretsmanager", f"secret:{name}/*")),
        _allow(["kms:Decrypt"], _arn("kms", "key/0aa0b0c0-1111-2222-3333-444455556666")),
        _allow(["ssm:GetParameter", "ssm:GetParametersByPath"], _arn("ssm", f"parameter/{name}/*")),
    ]


def _trainer(name: str) -> list[Json]:
    condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    jobs = ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"]
    return [
        _allow(jobs, _arn("sagemaker", f"training-job/{name}-*")),
        _allow(["iam:PassRole"], f"arn:aws:iam::{ACCOUNT}:role/ml/{name}-job", condition),
    ]


def _deployer(name: str) -> list[Json]:
    code = ["lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:GetFunction", "lambda:UpdateAlias"]
    return [
        _allow(code, _arn("lambda", f"function:{name}-*")),
        _allow(["states:StartExecution"], _arn("states", f"stateMachine:{name}")),
    ]


def _observer(_: str) -> list[Json]:
    return [
        _allow(["cloudwatch:PutMetricData", "xray:PutTraceSegments", "ec2:Describe*", "logs:Describe*"], "*")
    ]


def _tagged_operator(name: str) -> list[Json]:
    tagged = {"StringEquals": {"aws:ResourceTag/team": name}}
    return [_allow(["ec2:StartInstances", "ec2:StopInstances", "ec2:RebootInstances"], "*", tagged)]


_CAREFUL: tuple[Callable[[str], list[Json]], ...] = (
    _bucket_reader,
    _table_writer,
    _queue_worker,
    _log_writer,
    _secret_reader,
    _trainer,
    _deployer,
    _observer,
    _tagged_operator,
)

# What careless people write; each is a finding for somebody, some only at first sight.
_CARELESS: tuple[list[Json], ...] = (
    [_allow(["s3:*"], "*")],
    [_allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "*")],
    [_allow(["dynamodb:*"], _arn("dynamodb", "table/*"))],
    [_allow(["iam:PassRole"], "*"), _allow(["lambda:CreateFunction", "lambda:InvokeFunction"], "*")],
    [_allow(["iam:PassRole", "sagemaker:CreateTrainingJob", "sagemaker:CreateProcessingJob"], "*")],
    [
        _allow(["iam:PassRole"], "*", {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}),
        _allow(["ec2:RunInstances"], "*"),
    ],
    [_allow(["iam:CreatePolicyVersion", "iam:ListPolicies"], "*")],
    [_allow(["iam:AttachRolePolicy", "iam:PutRolePolicy"], "*")],
    [_allow(["iam:CreateAccessKey"], "*"), _allow(["iam:ListUsers"], "*")],
    [_allow(["iam:CreateAccessKey"], f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}")],
    [_allow(["lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"], "*")],
    [_allow(["secretsmanager:GetSecretValue", "ssm:GetParameter*"], "*")],
    [_allow(["secretsmanager:GetSecretValue"], "*", {"StringEquals": {"aws:SourceVpce": "vpce-0a1b2c3d"}})],
    [_allow(["ecr:GetAuthorizationToken"], "*"), _allow(["ecr:PutImage"], _arn("ecr", "repository/base"))],
    [_allow(["sts:AssumeRole"], "*")],
    [_allow(["ssm:SendCommand", "ssm:StartSession"], "*")],
    [_allow(["sagemaker:CreatePresignedNotebookInstanceUrl", "sagemaker:ListNotebookInstances"], "*")],
    [_allow(["s3:PutBucketPolicy", "s3:PutBucketAcl", "kms:PutKeyPolicy"], "*")],
    [_allow(["ec2:*", "elasticloadbalancing:*", "autoscaling:*"], "*")],
    [_allow(["cloudformation:*"], "*"), _allow(["iam:PassRole"], f"arn:aws:iam::{ACCOUNT}:role/cfn-*")],
    [_allow(["glue:UpdateDevEndpoint", "glue:CreateJob", "glue:StartJobRun"], "*")],
    [_allow(["*"], "*")],
    [{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}],
    [{"Effect": "Allow", "Action": ["s3:GetObject"], "NotResource": ["arn:aws:s3:::payroll/*"]}],
    [_allow(["s3:*"], "*"), {"Effect": "Deny", "Action": ["s3:*"], "Resource": "*"}],
    [_allow(["rds:CopyDBSnapshot", "rds:ModifyDBSnapshotAttribute", "rds:CreateDBSnapshot"], "*")],
)
_DENIES: tuple[Json, ...] = (
    {"Effect": "Deny", "Action": ["s3:DeleteBucket", "s3:PutBucketPolicy"], "Resource": "*"},
    {"Effect": "Deny", "NotAction": ["s3:*", "logs:*", "ec2:Describe*"], "Resource": "*"},
    {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    },
    {"Effect": "Deny", "Action": "iam:*", "Resource": "*"},
)


def _statements(dice: random.Random, name: str) -> list[Json]:
    chosen: list[Json] = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        chosen += dice.choice(_CAREFUL)(name)
    if dice.random() < 0.2:
        chosen += dice.choice(_CARELESS)
    if dice.random() < 0.05:
        chosen.append(dice.choice(_DENIES))
    return chosen


def _document(statements: list[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": statements}


# ------------------------------------------------------------------ identities


def _id(prefix: str, number: int) -> str:
    return f"{prefix}{number:017d}"


def _trust(dice: random.Random) -> Json:
    chance = dice.random()
    statement: Json = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    if chance < 0.80:
        statement["Principal"] = {"Service": f"{dice.choice(_SERVICES)}.amazonaws.com"}
        if dice.random() < 0.3:
            statement["Condition"] = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    elif chance < 0.90:
        statement["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    elif chance < 0.96:
        statement["Principal"] = {"AWS": f"arn:aws:iam::{PARTNER}:root"}
        if dice.random() < 0.5:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": "a-shared-word"}}
    elif chance < 0.99:
        provider = "token.actions.githubusercontent.com"
        statement["Action"] = "sts:AssumeRoleWithWebIdentity"
        statement["Principal"] = {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"}
        statement["Condition"] = {"StringLike": {f"{provider}:sub": dice.choice(("repo:team/app:*", "*"))}}
    else:
        statement["Principal"] = {"AWS": "*"}
    return _document([statement])


def _role(dice: random.Random, number: int, customer: list[Json]) -> Json:
    name = f"{dice.choice(('orders', 'search', 'media', 'billing', 'ml'))}-{number}"
    attached = [dice.choice(_AWS_NAMES)] if dice.random() < 0.7 else []
    path = dice.choice(("/", "/", "/teams/", "/ml/"))
    role: Json = {
        "Path": path,
        "RoleName": name,
        "RoleId": _id("AROA", number),
        "Arn": f"arn:aws:iam::{ACCOUNT}:role{path}{name}",
        "CreateDate": f"20{dice.randint(18, 25)}-0{dice.randint(1, 9)}-1{dice.randint(0, 9)}T08:00:00+00:00",
        "AssumeRolePolicyDocument": _trust(dice),
        "InstanceProfileList": [],
        "RolePolicyList": [
            {"PolicyName": f"own-{index}", "PolicyDocument": _document(_statements(dice, name))}
            for index in range(dice.choice((1, 1, 2)))
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": aws, "PolicyArn": f"arn:aws:iam::aws:policy/{aws}"} for aws in attached
        ]
        + [
            {"PolicyName": policy["PolicyName"], "PolicyArn": policy["Arn"]}
            for policy in dice.sample(customer, dice.choice((0, 0, 1, 2)))
        ],
        "Tags": [{"Key": "team", "Value": name.partition("-")[0]}],
        "RoleLastUsed": {},
    }
    if dice.random() < 0.7:
        role["RoleLastUsed"] = {
            "LastUsedDate": f"2026-{dice.randint(1, 11):02d}-1{dice.randint(0, 9)}T10:00:00+00:00",
            "Region": REGION,
        }
    if dice.random() < 0.05:
        role["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": _BOUNDARY,
        }
    return role


def _user(dice: random.Random, number: int) -> Json:
    name = f"person-{number}"
    return {
        "Path": "/",
        "UserName": name,
        "UserId": _id("AIDA", number),
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}",
        "CreateDate": "2024-02-03T08:00:00+00:00",
        "UserPolicyList": [],
        "GroupList": [dice.choice(("developers", "analysts", "operators"))],
        "AttachedManagedPolicies": [],
        "Tags": [],
    }


def _group(dice: random.Random, name: str) -> Json:
    return {
        "Path": "/",
        "GroupName": name,
        "GroupId": _id("AGPA", len(name)),
        "Arn": f"arn:aws:iam::{ACCOUNT}:group/{name}",
        "CreateDate": "2024-02-03T08:00:00+00:00",
        "GroupPolicyList": [{"PolicyName": "own", "PolicyDocument": _document(_statements(dice, name))}],
        "AttachedManagedPolicies": [],
    }


# ------------------------------------------------------------------ managed policies


def _managed(name: str, number: int, versions: list[list[Json]], owner: str = ACCOUNT) -> Json:
    """A managed policy; the last version is the default one."""
    default = f"v{len(versions)}"
    return {
        "PolicyName": name,
        "PolicyId": _id("ANPA", number),
        "Arn": f"arn:aws:iam::{owner}:policy/{name}",
        "Path": "/",
        "DefaultVersionId": default,
        "AttachmentCount": 1,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": "2023-05-06T08:00:00+00:00",
        "UpdateDate": "2025-05-06T08:00:00+00:00",
        "PolicyVersionList": [
            {
                "Document": _document(statements),
                "VersionId": f"v{index}",
                "IsDefaultVersion": f"v{index}" == default,
                "CreateDate": "2025-05-06T08:00:00+00:00",
            }
            for index, statements in reversed(list(enumerate(versions, start=1)))
        ],
    }


def _customer_policy(dice: random.Random, number: int) -> Json:
    name = f"shared-{number}"
    return _managed(name, number, [_statements(dice, name) for _ in range(dice.choice((1, 1, 2, 4)))])


def _boundary_policy() -> Json:
    allowed = [
        "s3:*",
        "dynamodb:*",
        "sqs:*",
        "sns:*",
        "logs:*",
        "lambda:*",
        "sagemaker:*",
        "ssm:Get*",
        "ec2:Describe*",
    ]
    statements = [_allow(allowed, "*"), {"Effect": "Deny", "Action": ["iam:*", "sts:*"], "Resource": "*"}]
    return _managed("team-boundary", 9_000_000, [statements])


# The names are AWS's; the documents say the same in fewer words.
_AWS_DOCUMENTS: dict[str, list[Json]] = {
    "AWSLambdaBasicExecutionRole": [
        _allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*")
    ],
    "AmazonSSMManagedInstanceCore": [
        _allow(
            ["ssm:UpdateInstanceInformation", "ssm:GetDocument", "ssm:PutInventory", "ssm:ListAssociations"],
            "*",
        ),
        _allow(["ssmmessages:*", "ec2messages:*"], "*"),
    ],
    "AWSXRayDaemonWriteAccess": [_allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")],
    "AmazonS3ReadOnlyAccess": [_allow(["s3:Get*", "s3:List*", "s3:Describe*"], "*")],
    "AmazonS3FullAccess": [_allow(["s3:*", "s3-object-lambda:*"], "*")],
    "AmazonDynamoDBReadOnlyAccess": [_allow(["dynamodb:Get*", "dynamodb:BatchGet*", "dynamodb:Query"], "*")],
    "AmazonEC2ContainerRegistryReadOnly": [
        _allow(["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:Describe*", "ecr:List*"], "*")
    ],
    "SecurityAudit": [
        _allow(["iam:Get*", "iam:List*", "s3:GetBucket*", "ec2:Describe*", "lambda:List*"], "*")
    ],
    "AmazonSageMakerFullAccess": [
        _allow(["sagemaker:*"], "*"),
        _allow(
            ["iam:PassRole"],
            "arn:aws:iam::*:role/*AmazonSageMaker*",
            {"StringEquals": {"iam:PassedToService": ["sagemaker.amazonaws.com", "glue.amazonaws.com"]}},
        ),
    ],
}
_AWS_NAMES = tuple(_AWS_DOCUMENTS)


def _aws_policies() -> list[Json]:
    return [
        _managed(name, 9_500_000 + number, [statements], owner="aws")
        for number, (name, statements) in enumerate(_AWS_DOCUMENTS.items())
    ]


if __name__ == "__main__":
    write_account(Path(sys.argv[1]), int(sys.argv[2]))
