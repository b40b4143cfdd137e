"""Reading an account: saved documents, pages, refusals."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from account_documents import (
    ACCOUNT,
    NOW,
    allow,
    attachment,
    details,
    encoded,
    group,
    managed_policy,
    role,
    user,
)
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from functions.iam_audit import account as account_module
from functions.iam_audit.account import read_account
from functions.iam_audit.authorization_details import (
    AuthorizationDetailsError,
    account_from_authorization_details,
)


class Aws:
    """Real clients with queued answers: both sides are checked against AWS's own shapes."""

    def __init__(self):
        clients = {name: _client(name) for name in ("iam", "lambda", "sagemaker")}
        self.clients = clients
        self.answers = {name: Stubber(client) for name, client in clients.items()}
        for stubber in self.answers.values():
            stubber.activate()

    def iam_page(self, marker=None, next_marker=None, **lists):
        request = {"MaxItems": 1000} | ({"Marker": marker} if marker else {})
        more = {"IsTruncated": True, "Marker": next_marker} if next_marker else {"IsTruncated": False}
        self.answers["iam"].add_response("get_account_authorization_details", {**lists, **more}, request)

    def functions(self, *functions, policies=None):
        self.answers["lambda"].add_response("list_functions", {"Functions": list(functions)}, {})
        for function in functions:
            policy = (policies or {}).get(function["FunctionName"])
            request = {"FunctionName": function["FunctionArn"]}
            if policy is None:
                self.refuse("lambda", "get_policy", "ResourceNotFoundException", request)
            else:
                self.answers["lambda"].add_response("get_policy", {"Policy": policy}, request)

    def models(self, *names):
        models = [{"ModelName": name, "ModelArn": model_arn(name), "CreationTime": NOW} for name in names]
        self.answers["sagemaker"].add_response(
            "list_models", {"Models": models}, {"SortBy": "CreationTime", "SortOrder": "Descending"}
        )

    def described(self, name, **more):
        answer = {"ModelName": name, "ModelArn": model_arn(name), "CreationTime": NOW, **more}
        self.answers["sagemaker"].add_response("describe_model", answer, {"ModelName": name})

    def refuse(self, service, operation, code="AccessDeniedException", request=None):
        self.answers[service].add_client_error(
            operation, code, "no identity-based policy", 403, None, request
        )

    def read(self):
        snapshot = read_account(
            iam=self.clients["iam"],
            lambda_=self.clients["lambda"],
            sagemaker=self.clients["sagemaker"],
            taken_at=NOW,
        )
        for stubber in self.answers.values():
            stubber.assert_no_pending_responses()
        return snapshot


def _client(name):
    return boto3.client(name, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


def model_arn(name):
    return f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model/{name}"


def function_of(name, **more):
    arn = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{name}"
    return {"FunctionName": name, "FunctionArn": arn, "Runtime": "python3.12", **more}


def as_answered(entity):
    """IAM's API sends policies as percent-encoded text (boto3 decodes it) and times as times."""
    entity = {**entity, "CreateDate": datetime(2026, 11, 1, tzinfo=UTC)}
    return {**entity, "AssumeRolePolicyDocument": encoded(entity["AssumeRolePolicyDocument"])}


@pytest.fixture
def aws():
    return Aws()


def gaps_of(snapshot):
    return {gap.name: gap.reason for gap in snapshot.gaps}


def test_every_page_of_iam_is_read_once_and_joined(aws):
    wide = as_answered(role("wide", attached=[attachment("team", ACCOUNT)]))
    used = as_answered(role("used")) | {"RoleLastUsed": {"LastUsedDate": NOW, "Region": "eu-west-1"}}
    team = managed_policy("team", allow("s3:*"))
    for version in team["PolicyVersionList"]:
        version["Document"] = encoded(version["Document"])
    aws.iam_page(next_marker="page-2", RoleDetailList=[wide])
    aws.iam_page(marker="page-2", RoleDetailList=[used], Policies=[team])
    aws.functions()
    aws.models()
    snapshot = aws.read()
    assert [each.name for each in snapshot.roles] == ["wide", "used"]
    assert snapshot.roles[0].policies[0].statements[0].actions == ("s3:*",)
    assert [each.last_used_at for each in snapshot.roles] == [None, NOW]
    assert (snapshot.account_id, snapshot.region, snapshot.gaps) == (ACCOUNT, "eu-west-1", ())


def test_functions_come_with_policy_network_and_environment(aws):
    open_policy = json.dumps(
        {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"}]}
    )
    aws.iam_page()
    aws.functions(
        function_of("open", VpcConfig={"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""}),
        function_of(
            "inside",
            VpcConfig={"SubnetIds": ["s"], "SecurityGroupIds": ["g"], "VpcId": "v"},
            Environment={"Variables": {"A": "1"}},
        ),
        policies={"open": open_policy},
    )
    aws.models()
    opened, inside = aws.read().functions
    assert opened.policy[0].principals == {"AWS": ("*",)}
    assert (opened.in_vpc, inside.in_vpc) == (False, True)
    assert (inside.policy, inside.environment) == ((), {"A": "1"})


def test_an_environment_that_lambda_cannot_decrypt_is_a_gap(aws):
    error = {"ErrorCode": "AccessDeniedException", "Message": "kms"}
    aws.iam_page()
    aws.functions(function_of("f", Environment={"Error": error}))
    aws.models()
    (name,) = gaps_of(aws.read())
    assert name.startswith("environment of arn:aws:lambda")


def test_models_are_described_and_a_vanished_one_is_passed_over(aws):
    aws.iam_page()
    aws.functions()
    aws.models("new", "gone", "old")
    aws.described("new", VpcConfig={"SecurityGroupIds": ["g"], "Subnets": ["s"]})
    aws.refuse("sagemaker", "describe_model", "ValidationException", {"ModelName": "gone"})
    aws.described("old")
    snapshot = aws.read()
    assert [(model.name, model.in_vpc) for model in snapshot.models] == [("new", True), ("old", False)]
    assert snapshot.gaps == ()


def test_only_so_many_models_are_described(aws, monkeypatch):
    monkeypatch.setattr(account_module, "MAX_MODELS", 1)
    aws.iam_page()
    aws.functions()
    aws.models("new", "old")
    aws.described("new")
    snapshot = aws.read()
    assert [model.name for model in snapshot.models] == ["new"]
    assert "newest 1" in gaps_of(snapshot)["sagemaker:DescribeModel"]


def test_only_so_many_function_policies_are_read(aws, monkeypatch):
    monkeypatch.setattr(account_module, "MAX_FUNCTION_POLICIES", 0)
    aws.iam_page()
    aws.answers["lambda"].add_response("list_functions", {"Functions": [function_of("f")]}, {})
    aws.models()
    snapshot = aws.read()
    assert len(snapshot.functions) == 1
    assert "first 0 of 1" in gaps_of(snapshot)["lambda:GetPolicy"]


def test_every_refusal_is_a_named_gap(aws):
    aws.refuse("iam", "get_account_authorization_details", "AccessDenied")
    aws.refuse("lambda", "list_functions")
    aws.refuse("sagemaker", "list_models")
    snapshot = aws.read()
    gaps = gaps_of(snapshot)
    assert set(gaps) == {"iam:GetAccountAuthorizationDetails", "lambda:ListFunctions", "sagemaker:ListModels"}
    assert "no identity-based policy" in gaps["lambda:ListFunctions"]
    assert (snapshot.account_id, snapshot.roles) == (None, ())


def test_a_refused_function_policy_is_one_gap_and_the_functions_stay(aws):
    aws.iam_page()
    both = [function_of("a"), function_of("b")]
    aws.answers["lambda"].add_response("list_functions", {"Functions": both}, {})
    aws.refuse("lambda", "get_policy")
    aws.models("m")
    aws.refuse("sagemaker", "describe_model")
    snapshot = aws.read()
    assert len(snapshot.functions) == 2
    assert [gap.name for gap in snapshot.gaps] == ["lambda:GetPolicy", "sagemaker:DescribeModel"]


def test_a_page_that_fails_keeps_what_was_read_and_says_so(aws):
    aws.iam_page(next_marker="page-2", RoleDetailList=[as_answered(role("first"))])
    aws.refuse("iam", "get_account_authorization_details", "ServiceFailure")
    aws.functions()
    aws.models()
    snapshot = aws.read()
    assert [each.name for each in snapshot.roles] == ["first"]
    assert "iam:GetAccountAuthorizationDetails" in gaps_of(snapshot)


def test_an_endpoint_out_of_reach_is_a_gap(aws, monkeypatch):
    def out_of_reach(*_):
        raise EndpointConnectionError(endpoint_url="https://api.sagemaker")

    monkeypatch.setattr(aws.clients["sagemaker"], "get_paginator", out_of_reach)
    aws.iam_page()
    aws.functions()
    assert "sagemaker:ListModels" in gaps_of(aws.read())


def test_a_saved_document_reads_like_the_api(tmp_path):
    saved = tmp_path / "details.json"
    document = details(
        role(
            "worker", allow("s3:*"), attached=[attachment("team", ACCOUNT)], used="2026-11-01T10:00:00+00:00"
        ),
        users=[user("kim", allow("sns:*"), groups=["staff"])],
        groups=[group("staff", allow("sqs:*"))],
        policies=[managed_policy("team", allow("ssm:*"))],
    )
    saved.write_text(json.dumps(document))
    snapshot = account_from_authorization_details(json.loads(saved.read_text()), taken_at=NOW)
    (worker,), (kim,), (staff,) = snapshot.roles, snapshot.users, snapshot.groups
    assert [policy.kind for policy in worker.policies] == ["inline", "customer"]
    assert worker.last_used_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert kim.inherited == staff.policies
    assert (snapshot.account_id, snapshot.gaps) == (ACCOUNT, ())


def test_an_empty_account_is_read(aws):
    aws.iam_page()
    aws.functions()
    aws.models()
    snapshot = aws.read()
    assert (snapshot.identities, snapshot.account_id, snapshot.gaps) == ((), None, ())


def test_a_policy_that_cannot_be_read_is_a_gap_and_the_rest_is_judged():
    broken = role("broken") | {"AssumeRolePolicyDocument": "%7Bnot json"}
    unknown = role("unknown", attached=[attachment("SomethingNew")])
    snapshot = account_from_authorization_details(details(broken, unknown), taken_at=NOW)
    assert set(gaps_of(snapshot)) == {
        f"trust policy of arn:aws:iam::{ACCOUNT}:role/broken",
        "arn:aws:iam::aws:policy/SomethingNew",
    }
    assert len(snapshot.roles) == 2


@pytest.mark.parametrize(
    "document",
    [[], {}, {"Roles": []}, {**details(), "Policies": None}, details({"RoleName": "x"}), details("x")],
)
def test_another_document_is_refused(document):
    with pytest.raises(AuthorizationDetailsError, match="authorization"):
        account_from_authorization_details(document)
