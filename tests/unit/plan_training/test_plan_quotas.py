"""What the account may start decides which machine trains; asked of Service Quotas as AWS answers."""

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from functions.common.service_quotas import Quota, read_quotas
from functions.plan_training.instance_types import INSTANCE_TYPES
from functions.plan_training.quotas import (
    GPU_VCPUS,
    STANDARD_VCPUS,
    TrainingQuotas,
    read_training_quotas,
)

ON_DEMAND = "ml.{} for training job usage"
SPOT = "ml.{} for spot training job usage"


def account(training=None, spot=None, standard_vcpus=64, gpu_vcpus=64):
    """An account with these SageMaker instances by type (else 0), and vCPUs on EC2."""
    values = {ON_DEMAND.format(name): (training or {}).get(name, 0) for name in INSTANCE_TYPES}
    values |= {SPOT.format(name): (spot or {}).get(name, 0) for name in INSTANCE_TYPES}
    quotas = {
        name: Quota("sagemaker", name, f"L-{number:08}", value)
        for number, (name, value) in enumerate(values.items())
    }
    quotas[STANDARD_VCPUS] = Quota("ec2", STANDARD_VCPUS, "L-1216C47A", standard_vcpus)
    quotas[GPU_VCPUS] = Quota("ec2", GPU_VCPUS, "L-DB2E81BA", gpu_vcpus)
    return TrainingQuotas(quotas)


@pytest.fixture(autouse=True)
def on_demand(environment):
    environment["USE_SPOT"] = "false"


def chosen(made):
    assert made["accepted"], made["reason"]
    return made["backend"], made["instance_type"], made["use_spot"]


def test_a_type_that_the_account_may_start_is_taken_and_the_reason_names_the_quota(plan):
    made = plan(quotas=account({"m5.xlarge": 1}))
    assert chosen(made) == ("sagemaker", "ml.m5.xlarge", False)
    assert made["reason"].endswith(
        "; the preferred machine is not taken, since the quota 'ml.c5.xlarge for training job usage' is 0"
    )


def test_the_preferred_type_is_taken_without_a_word_where_its_quota_allows_it(plan):
    made = plan(quotas=account({"m5.xlarge": 1, "c5.xlarge": 1}))
    assert chosen(made) == chosen(plan())
    assert made["reason"] == plan()["reason"]


def test_several_instances_need_a_quota_of_as_many(plan):
    made = plan({"instance_count": 4}, quotas=account({"c5.xlarge": 3, "m5.xlarge": 4}))
    assert chosen(made) == ("sagemaker", "ml.m5.xlarge", False)


def test_nothing_may_be_started_and_the_plan_says_how_to_ask_for_it(plan, bucket):
    quotas = account()
    made = plan(quotas=quotas)
    assert not made["accepted"]
    code = quotas.quotas["ml.c5.xlarge for training job usage"].code
    assert made["reason"] == (
        "no quota: 'ml.c5.xlarge for training job usage' is 0, and the account may start no other type that "
        "the plan may choose; ask for it: aws service-quotas request-service-quota-increase --service-code "
        f"sagemaker --quota-code {code} --desired-value 1 --region eu-west-1; "
        "or train on EC2 (backend 'ec2', or the parameter TrainOnEc2WithoutQuota)"
    )
    assert bucket.objects


def test_ec2_trains_in_the_place_of_sagemaker_only_where_the_deployment_says_so(plan, environment):
    environment["EC2_WITHOUT_QUOTA"] = "true"
    made = plan(quotas=account())
    assert chosen(made) == ("ec2", "c5.xlarge", False)
    assert made["reason"].startswith("c5.xlarge on EC2: ")
    assert "since the quota 'ml.c5.xlarge for training job usage' is 0" in made["reason"]


def test_sagemaker_stays_preferred_where_any_of_its_types_may_be_started(plan, environment):
    environment["EC2_WITHOUT_QUOTA"] = "true"
    assert chosen(plan(quotas=account({"c5.9xlarge": 1})))[0] == "sagemaker"


def test_a_backend_or_a_type_by_name_needs_its_own_quota(plan):
    assert chosen(plan({"backend": "ec2"}, quotas=account())) == ("ec2", "c5.xlarge", False)
    named = plan({"instance_type": "ml.g5.xlarge"}, quotas=account({"c5.xlarge": 1}))
    assert named["reason"].startswith("no quota: 'ml.g5.xlarge for training job usage' is 0")
    assert "EC2" not in named["reason"]


def test_ec2_counts_vcpus_of_two_kinds(plan):
    few = account(standard_vcpus=5, gpu_vcpus=0)
    assert chosen(plan({"backend": "ec2"}, quotas=few))[1] == "c5.xlarge"
    on_gpu = plan({"instance_type": "g4dn.xlarge"}, quotas=few)
    assert on_gpu["reason"].startswith(f"no quota: '{GPU_VCPUS}' is 0")
    assert "--service-code ec2 --quota-code L-DB2E81BA --desired-value 4 --region" in on_gpu["reason"]
    large = plan({"instance_type": "c5.2xlarge"}, quotas=few)
    assert large["reason"].startswith(f"no quota: '{STANDARD_VCPUS}' is 5")


def test_the_command_asks_for_instances_where_ec2_would_be_the_cheapest(plan):
    # Of EC2, vCPUs would be asked for.
    made = plan({"max_cost_usd": 0.0}, quotas=account())
    assert "--service-code sagemaker" in made["reason"]
    assert "--desired-value 1 --region" in made["reason"]


def test_without_a_spot_quota_the_job_runs_on_demand(plan, environment):
    environment["USE_SPOT"] = "true"
    assert chosen(plan(quotas=account({"c5.xlarge": 1}, {"c5.xlarge": 1}))) == (
        "sagemaker",
        "ml.c5.xlarge",
        True,
    )
    made = plan(quotas=account({"c5.xlarge": 1}))
    assert chosen(made) == ("sagemaker", "ml.c5.xlarge", False)
    assert "since the quota 'ml.c5.xlarge for spot training job usage' is 0" in made["reason"]


def test_what_service_quotas_does_not_tell_is_no_limit_and_is_said(plan):
    made = plan(quotas=TrainingQuotas(fault="AccessDeniedException"))
    assert chosen(made) == chosen(plan())
    assert made["reason"].endswith(
        "; Service Quotas does not tell what this account may start (AccessDeniedException)"
    )


@pytest.fixture
def service_quotas():
    client = boto3.client(
        "service-quotas", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        yield stub


def listed(name, value, code="L-1", **more):
    return {"QuotaName": name, "QuotaCode": code, "Value": value, "ServiceCode": "sagemaker", **more}


def test_quotas_are_found_by_name_on_every_page(service_quotas):
    service_quotas.add_response(
        "list_service_quotas",
        {"Quotas": [listed("other", 3)], "NextToken": "2"},
        {"ServiceCode": "sagemaker", "MaxResults": 100},
    )
    service_quotas.add_response(
        "list_service_quotas",
        {"Quotas": [listed("wanted", 2, "L-2")], "NextToken": "3"},
        {"ServiceCode": "sagemaker", "MaxResults": 100, "NextToken": "2"},
    )
    found = read_quotas(service_quotas.client, "sagemaker", {"wanted"})
    assert found == {"wanted": Quota("sagemaker", "wanted", "L-2", 2.0)}


def test_an_applied_value_goes_before_awss_default_and_an_error_is_no_value(service_quotas):
    fault = {"ErrorReason": {"ErrorCode": "DEPENDENCY_THROTTLING_ERROR", "ErrorMessage": "later"}}
    service_quotas.add_response(
        "list_service_quotas", {"Quotas": [listed("applied", 0), listed("broken", 9, **fault)]}
    )
    service_quotas.add_response(
        "list_aws_default_service_quotas", {"Quotas": [listed("applied", 4), listed("by default", 5)]}
    )
    found = read_quotas(service_quotas.client, "sagemaker", {"applied", "by default", "broken"})
    assert {name: quota.value for name, quota in found.items()} == {"applied": 0, "by default": 5}


def test_what_aws_refuses_to_tell_is_a_fault(service_quotas):
    service_quotas.add_client_error("list_service_quotas", "TooManyRequestsException")
    assert read_training_quotas(service_quotas.client) == TrainingQuotas(fault="TooManyRequestsException")


def test_a_region_that_does_not_answer_is_a_fault():
    class Unreachable:
        def get_paginator(self, operation):
            raise EndpointConnectionError(endpoint_url="https://servicequotas.example")

    assert read_training_quotas(Unreachable()).fault == "EndpointConnectionError"
