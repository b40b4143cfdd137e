"""Reading an account: saved documents, pages, refusals."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from functions.iam_audit.reading import iam as reading_iam
from functions.iam_audit.reading import lambda_functions, sagemaker
from functions.iam_audit.reading.account import read_account
from functions.iam_audit.reading.authorization_details import (
    AuthorizationDetailsError,
    account_from_authorization_details,
    read_saved_details,
)
from functions.iam_audit.snapshot import BLOCK_SETTINGS
from tests.unit.iam_audit.account_documents import (
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

JOB = "examplejob-0123456789abcdef0123456789"


SERVICES = ("iam", "lambda", "sagemaker", "stepfunctions", "ec2", "s3", "s3control", "kms")
NEWEST = {"SortBy": "CreationTime", "SortOrder": "Descending"}
NO_CREDENTIALS = b"user,arn,user_creation_time,password_enabled,password_last_used,mfa_active\n"


class Aws:
    """Real clients with queued answers: both sides are checked against AWS's own shapes.

    What a test says nothing of is there and empty. Answers are queued part by part, in the sweep's order.
    """

    PARTS = (
        *("identities", "functions", "function_details", "models", "credentials", "training_jobs"),
        *("notebooks", "state_machines", "instances", "buckets", "keys", "uses"),
    )

    def __init__(self):
        self.clients = {name: _client(name) for name in SERVICES}
        self.answers = {name: Stubber(client) for name, client in self.clients.items()}
        for stubber in self.answers.values():
            stubber.activate()
        self.queued = {part: [] for part in self.PARTS}

    def add(self, part, service, operation, answer, request=None):
        self.queued[part].append(lambda: self.answers[service].add_response(operation, answer, request))

    def refuse(self, part, service, operation, code="AccessDeniedException", request=None):
        self.queued[part].append(
            lambda: self.answers[service].add_client_error(
                operation, code, "no identity-based policy", 403, None, request
            )
        )

    def iam_page(self, marker=None, next_marker=None, **lists):
        request = {"MaxItems": 1000} | ({"Marker": marker} if marker else {})
        more = {"IsTruncated": True, "Marker": next_marker} if next_marker else {"IsTruncated": False}
        self.add("identities", "iam", "get_account_authorization_details", {**lists, **more}, request)

    def functions(self, *functions, versions=(), policies=None, aliases=None, signed=()):
        policies = policies or {}
        everything = {"Functions": [*functions, *versions]}
        self.add("functions", "lambda", "list_functions", everything, {"FunctionVersion": "ALL"})
        for function in functions:
            name = function["FunctionName"]
            named = [{"Name": alias, "FunctionVersion": "1"} for alias in (aliases or {}).get(name, ())]
            self.add("functions", "lambda", "list_aliases", {"Aliases": named}, {"FunctionName": name})
        for function in functions:
            name, arn = function["FunctionName"], function["FunctionArn"]
            published = [each["Version"] for each in versions if each["FunctionName"] == name]
            for qualifier in (None, *(aliases or {}).get(name, ()), *published):
                request = {"FunctionName": arn} | ({"Qualifier": qualifier} if qualifier else {})
                policy = policies.get(f"{name}:{qualifier}" if qualifier else name)
                if policy is None:
                    self.refuse(
                        "function_details", "lambda", "get_policy", "ResourceNotFoundException", request
                    )
                else:
                    self.add("function_details", "lambda", "get_policy", {"Policy": policy}, request)
            config = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:code-signing-config:csc-0123456789abcdef0"
            signing = {"FunctionName": name, "CodeSigningConfigArn": config if name in signed else ""}
            operation = "get_function_code_signing_config"
            self.add("function_details", "lambda", operation, signing, {"FunctionName": name})

    def models(self, *names):
        models = [{"ModelName": name, "ModelArn": model_arn(name), "CreationTime": NOW} for name in names]
        self.add("models", "sagemaker", "list_models", {"Models": models}, NEWEST)

    def described(self, name, **more):
        answer = {"ModelName": name, "ModelArn": model_arn(name), "CreationTime": NOW, **more}
        self.add("models", "sagemaker", "describe_model", answer, {"ModelName": name})

    def _queue_the_rest(self):
        empty = {
            "identities": ("iam", "get_account_authorization_details", {"IsTruncated": False}),
            "functions": ("lambda", "list_functions", {"Functions": []}),
            "models": ("sagemaker", "list_models", {"Models": []}),
            "training_jobs": ("sagemaker", "list_training_jobs", {"TrainingJobSummaries": []}),
            "notebooks": ("sagemaker", "list_notebook_instances", {"NotebookInstances": []}),
            "state_machines": ("stepfunctions", "list_state_machines", {"stateMachines": []}),
            "instances": ("ec2", "describe_instances", {"Reservations": []}),
            "buckets": ("s3", "list_buckets", {"Buckets": []}),
            "keys": ("kms", "list_keys", {"Keys": []}),
        }
        for part, (service, operation, answer) in empty.items():
            if not self.queued[part]:
                self.add(part, service, operation, answer)
        if not self.queued["credentials"]:
            self.add("credentials", "iam", "generate_credential_report", {"State": "COMPLETE"}, {})
            self.add("credentials", "iam", "get_credential_report", {"Content": NO_CREDENTIALS}, {})

    def read(self):
        self._queue_the_rest()
        for part in self.PARTS:
            for queue in self.queued[part]:
                queue()
        snapshot = read_account(self.clients.__getitem__, taken_at=NOW)
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
    aws.refuse("uses", "iam", "generate_service_last_accessed_details", "NoSuchEntity")
    snapshot = aws.read()
    assert [each.name for each in snapshot.roles] == ["wide", "used"]
    assert snapshot.roles[0].policies[0].statements[0].actions == ("s3:*",)
    assert [each.last_used_at for each in snapshot.roles] == [None, NOW]
    assert snapshot.api_calls == 13  # Two pages of IAM, one call for each other list and report.
    assert (snapshot.account_id, snapshot.region, snapshot.gaps) == (ACCOUNT, "eu-west-1", ())


def test_functions_come_with_policy_network_and_environment(aws):
    open_policy = json.dumps(
        {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction"}]}
    )
    aws.functions(
        function_of("open", VpcConfig={"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""}),
        function_of(
            "inside",
            VpcConfig={"SubnetIds": ["s"], "SecurityGroupIds": ["g"], "VpcId": "v"},
            Environment={"Variables": {"A": "1"}},
        ),
        policies={"open": open_policy},
    )
    opened, inside = aws.read().functions
    assert opened.policies[0].statements[0].principals == {"AWS": ("*",)}
    assert (opened.in_vpc, inside.in_vpc) == (False, True)
    assert (inside.policies, inside.environment) == ((), {"A": "1"})


def test_an_environment_that_lambda_cannot_decrypt_is_a_gap(aws):
    error = {"ErrorCode": "AccessDeniedException", "Message": "kms"}
    aws.functions(function_of("f", Environment={"Error": error}))
    (name,) = gaps_of(aws.read())
    assert name.startswith("environment of arn:aws:lambda")


def test_models_are_described_and_a_vanished_one_is_passed_over(aws):
    aws.models("new", "gone", "old")
    aws.described("new", VpcConfig={"SecurityGroupIds": ["g"], "Subnets": ["s"]})
    aws.refuse("models", "sagemaker", "describe_model", "ValidationException", {"ModelName": "gone"})
    aws.described("old")
    snapshot = aws.read()
    assert [(model.name, model.in_vpc) for model in snapshot.models] == [("new", True), ("old", False)]
    assert snapshot.gaps == ()


def test_only_so_many_models_are_described(aws, monkeypatch):
    monkeypatch.setattr(sagemaker, "MAX_MODELS", 1)
    aws.models("new", "old")
    aws.described("new")
    snapshot = aws.read()
    assert [model.name for model in snapshot.models] == ["new"]
    assert "first 1 of 2 models, the newest," in gaps_of(snapshot)["sagemaker:DescribeModel"]


def test_only_so_many_function_policies_are_read(aws, monkeypatch):
    monkeypatch.setattr(lambda_functions, "MAX_FUNCTIONS_IN_DETAIL", 0)
    aws.add("functions", "lambda", "list_functions", {"Functions": [function_of("f")]})
    snapshot = aws.read()
    assert len(snapshot.functions) == 1
    assert "first 0 of 1" in gaps_of(snapshot)["lambda:GetPolicy"]


def test_every_refusal_is_a_named_gap(aws):
    refused = {
        "identities": ("iam", "get_account_authorization_details"),
        "functions": ("lambda", "list_functions"),
        "models": ("sagemaker", "list_models"),
        "credentials": ("iam", "generate_credential_report"),
        "training_jobs": ("sagemaker", "list_training_jobs"),
        "notebooks": ("sagemaker", "list_notebook_instances"),
        "state_machines": ("stepfunctions", "list_state_machines"),
        "instances": ("ec2", "describe_instances"),
        "buckets": ("s3", "list_buckets"),
        "keys": ("kms", "list_keys"),
    }
    for part, (service, operation) in refused.items():
        aws.refuse(part, service, operation)
    snapshot = aws.read()
    gaps = gaps_of(snapshot)
    assert set(gaps) == {
        "iam:GetAccountAuthorizationDetails",
        "iam:GenerateCredentialReport",
        "lambda:ListFunctions",
        "sagemaker:ListModels",
        "sagemaker:ListTrainingJobs",
        "sagemaker:ListNotebookInstances",
        "states:ListStateMachines",
        "ec2:DescribeInstances",
        "s3:ListAllMyBuckets",
        "kms:ListKeys",
    }
    assert "no identity-based policy" in gaps["lambda:ListFunctions"]
    assert (snapshot.account_id, snapshot.roles) == (None, ())


def test_a_refused_function_policy_is_one_gap_and_the_functions_stay(aws):
    both = [function_of("a"), function_of("b")]
    aws.add("functions", "lambda", "list_functions", {"Functions": both})
    aws.refuse("functions", "lambda", "list_aliases")
    aws.refuse("function_details", "lambda", "get_policy")
    aws.refuse("function_details", "lambda", "get_function_code_signing_config")
    aws.models("m")
    aws.refuse("models", "sagemaker", "describe_model")
    snapshot = aws.read()
    assert [function.code_signing for function in snapshot.functions] == [None, None]
    assert [gap.name for gap in snapshot.gaps] == [
        "lambda:ListAliases",
        "lambda:GetPolicy",
        "lambda:GetFunctionCodeSigningConfig",
        "sagemaker:DescribeModel",
    ]


def test_a_page_that_fails_keeps_what_was_read_and_says_so(aws):
    aws.iam_page(next_marker="page-2", RoleDetailList=[as_answered(role("first"))])
    aws.refuse("identities", "iam", "get_account_authorization_details", "ServiceFailure")
    snapshot = aws.read()
    assert [each.name for each in snapshot.roles] == ["first"]
    assert "iam:GetAccountAuthorizationDetails" in gaps_of(snapshot)


def test_aliases_and_versions_have_policies_of_their_own(aws):
    public = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "lambda:*"}})
    version = function_of("f", Version="3", FunctionArn=f"{function_of('f')['FunctionArn']}:3")
    aws.functions(
        function_of("f", Version="$LATEST", KMSKeyArn="arn:aws:kms:eu-west-1:1:key/k"),
        versions=[version],
        aliases={"f": ["live"]},
        policies={"f:live": public, "f:3": public},
        signed=["f"],
    )
    (function,) = aws.read().functions
    assert [policy.qualifier for policy in function.policies] == ["live", "3"]
    assert (function.code_signing, function.key_arn) == (True, "arn:aws:kms:eu-west-1:1:key/k")


def test_the_credential_report_is_waited_for_and_read(aws, monkeypatch):
    monkeypatch.setattr(reading_iam, "_POLL_S", 0)
    columns = (
        "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,"
        "access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
        "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date\n"
    )
    root = f"<root_account>,arn:aws:iam::{ACCOUNT}:root,2020-01-01T00:00:00+00:00,not_supported,N/A,true,"
    kim = f"kim,arn:aws:iam::{ACCOUNT}:user/kim,2024-01-01T00:00:00+00:00,false,no_information,false,"
    lines = (
        f"{root}false,N/A,N/A,false,N/A,N/A\n"
        f"{kim}true,2024-02-01T00:00:00+00:00,N/A,true,2024-03-01T00:00:00+00:00,2026-11-01T00:00:00+00:00\n"
    )
    for state in ("STARTED", "INPROGRESS", "COMPLETE"):
        aws.add("credentials", "iam", "generate_credential_report", {"State": state}, {})
    aws.add("credentials", "iam", "get_credential_report", {"Content": (columns + lines).encode()}, {})
    found_root, found_kim = aws.read().credentials
    assert (found_root.is_root, found_root.password, found_root.mfa, found_root.keys) == (
        True,
        True,
        True,
        (),
    )
    assert found_kim.keys == (
        (datetime(2024, 2, 1, tzinfo=UTC), None),
        (datetime(2024, 3, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)),
    )


def test_a_malformed_credential_report_is_a_gap(aws):
    aws.add("credentials", "iam", "generate_credential_report", {"State": "COMPLETE"}, {})
    aws.add("credentials", "iam", "get_credential_report", {"Content": b"user,arn\nkim,x\n"}, {})
    assert "malformed" in gaps_of(aws.read())["iam:GetCredentialReport"]


def test_the_services_that_roles_in_use_really_used_are_asked_for(aws, monkeypatch):
    monkeypatch.setattr(reading_iam, "_POLL_S", 0)
    used = as_answered(role("used")) | {"RoleLastUsed": {"LastUsedDate": NOW, "Region": "eu-west-1"}}
    aws.iam_page(RoleDetailList=[used, as_answered(role("idle"))])
    operation = "generate_service_last_accessed_details"
    aws.add("uses", "iam", operation, {"JobId": JOB}, {"Arn": used["Arn"]})
    service = {"ServiceName": "x", "TotalAuthenticatedEntities": 0}
    began = {
        "JobStatus": "IN_PROGRESS",
        "JobCreationDate": NOW,
        "ServicesLastAccessed": [],
        "JobCompletionDate": NOW,
    }
    first = {**began, "JobStatus": "COMPLETED", "IsTruncated": True, "Marker": "2"}
    first["ServicesLastAccessed"] = [{**service, "ServiceNamespace": "s3", "LastAuthenticated": NOW}]
    last = {**first, "IsTruncated": False, "ServicesLastAccessed": [{**service, "ServiceNamespace": "sqs"}]}
    details_of = "get_service_last_accessed_details"
    aws.add("uses", "iam", details_of, began, {"JobId": JOB})
    aws.add("uses", "iam", details_of, first, {"JobId": JOB})
    aws.add("uses", "iam", details_of, last, {"JobId": JOB, "Marker": "2"})
    uses = aws.read().service_uses
    assert [(use.role_arn, use.service, use.used_at) for use in uses] == [
        (used["Arn"], "s3", NOW),
        (used["Arn"], "sqs", None),
    ]


def test_state_machines_instances_buckets_and_keys_are_read(aws):
    machine = f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:m"
    listed = {"stateMachineArn": machine, "name": "m", "type": "STANDARD", "creationDate": NOW}
    aws.add("state_machines", "stepfunctions", "list_state_machines", {"stateMachines": [listed]})
    aws.add(
        "state_machines",
        "stepfunctions",
        "describe_state_machine",
        {
            **listed,
            "definition": "{}",
            "roleArn": "arn:aws:iam::1:role/r",
            "loggingConfiguration": {"level": "ALL"},
        },
        {"stateMachineArn": machine},
    )
    running = {
        "InstanceId": "i-1",
        "State": {"Name": "running"},
        "MetadataOptions": {"HttpTokens": "required"},
    }
    ended = {"InstanceId": "i-2", "State": {"Name": "terminated"}}
    reservation = {"OwnerId": ACCOUNT, "Instances": [running, ended]}
    aws.add("instances", "ec2", "describe_instances", {"Reservations": [reservation]})
    aws.add("buckets", "s3", "list_buckets", {"Buckets": [{"Name": "whole"}]})
    block = dict.fromkeys(BLOCK_SETTINGS, True)
    aws.add(
        "buckets",
        "s3",
        "get_public_access_block",
        {"PublicAccessBlockConfiguration": block},
        {"Bucket": "whole"},
    )
    aws.refuse("buckets", "s3", "get_bucket_policy", "NoSuchBucketPolicy", {"Bucket": "whole"})
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"
    aws.add("keys", "kms", "list_keys", {"Keys": [{"KeyId": "k", "KeyArn": key}]})
    policy = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*"}})
    aws.add("keys", "kms", "get_key_policy", {"Policy": policy}, {"KeyId": key, "PolicyName": "default"})
    snapshot = aws.read()
    assert [(each.name, each.log_level) for each in snapshot.state_machines] == [("m", "ALL")]
    assert [each.arn for each in snapshot.instances] == [f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-1"]
    assert [(each.name, each.blocked) for each in snapshot.buckets] == [("whole", set(BLOCK_SETTINGS))]
    assert [each.policy[0].actions for each in snapshot.keys] == [("kms:*",)]
    assert snapshot.gaps == ()


def test_the_accounts_own_block_counts_for_a_bucket_without_one(aws):
    aws.iam_page(RoleDetailList=[as_answered(role("any"))])
    aws.add("buckets", "s3", "list_buckets", {"Buckets": [{"Name": "bare"}]})
    no_block = "NoSuchPublicAccessBlockConfiguration"
    aws.refuse("buckets", "s3", "get_public_access_block", no_block, {"Bucket": "bare"})
    everywhere = {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True, "BlockPublicPolicy": False}}
    aws.add("buckets", "s3control", "get_public_access_block", everywhere, {"AccountId": ACCOUNT})
    aws.refuse("buckets", "s3", "get_bucket_policy", "NoSuchBucketPolicy", {"Bucket": "bare"})
    (bucket,) = aws.read().buckets
    assert bucket.blocked == {"BlockPublicAcls"}


def test_a_block_that_may_not_be_read_is_a_gap_and_no_finding(aws):
    aws.add("buckets", "s3", "list_buckets", {"Buckets": [{"Name": "a"}, {"Name": "b"}]})
    aws.refuse("buckets", "s3", "get_public_access_block")
    snapshot = aws.read()
    assert (snapshot.buckets, list(gaps_of(snapshot))) == ((), ["s3:GetBucketPublicAccessBlock"])


def test_training_jobs_and_notebooks_are_described(aws):
    job_arn = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:training-job/j"
    listed = {
        "TrainingJobName": "j",
        "TrainingJobArn": job_arn,
        "CreationTime": NOW,
        "TrainingJobStatus": "Completed",
    }
    aws.add("training_jobs", "sagemaker", "list_training_jobs", {"TrainingJobSummaries": [listed]}, NEWEST)
    job = {
        **listed,
        "EnableNetworkIsolation": True,
        "OutputDataConfig": {"S3OutputPath": "s3://b", "KmsKeyId": "k"},
        "ResourceConfig": {"InstanceCount": 2, "VolumeSizeInGB": 1},
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
        "SecondaryStatus": "Completed",
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "StoppingCondition": {},
    }
    aws.add("training_jobs", "sagemaker", "describe_training_job", job, {"TrainingJobName": "j"})
    notebook = {
        "NotebookInstanceName": "n",
        "NotebookInstanceArn": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:notebook-instance/n",
    }
    aws.add("notebooks", "sagemaker", "list_notebook_instances", {"NotebookInstances": [notebook]}, NEWEST)
    described = {**notebook, "DirectInternetAccess": "Enabled", "RootAccess": "Disabled"}
    aws.add("notebooks", "sagemaker", "describe_notebook_instance", described, {"NotebookInstanceName": "n"})
    snapshot = aws.read()
    (found_job,), (found_notebook,) = snapshot.training_jobs, snapshot.notebooks
    assert (found_job.isolated, found_job.encrypts_traffic, found_job.output_key, found_job.instances) == (
        True,
        False,
        True,
        2,
    )
    assert (
        found_notebook.direct_internet,
        found_notebook.root_access,
        found_notebook.newest_metadata_only,
    ) == (
        True,
        False,
        False,
    )


def test_an_endpoint_out_of_reach_is_a_gap(aws, monkeypatch):
    def out_of_reach(*_):
        raise EndpointConnectionError(endpoint_url="https://api.sagemaker")

    monkeypatch.setattr(aws.clients["sagemaker"], "get_paginator", out_of_reach)
    for part in ("models", "training_jobs", "notebooks"):
        aws.queued[part].append(lambda: None)
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


@pytest.mark.parametrize(
    ("content", "message"), [(None, "could not be read"), ("{not json", "is not JSON"), ("[]", "JSON object")]
)
def test_a_file_that_is_no_saved_document_is_refused_with_the_cause(tmp_path, content, message):
    saved = tmp_path / "details.json"
    if content is not None:
        saved.write_text(content)
    with pytest.raises(AuthorizationDetailsError, match=message):
        read_saved_details(saved)
