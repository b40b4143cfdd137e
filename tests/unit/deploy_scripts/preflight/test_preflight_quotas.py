"""The checks of quotas: each is ok, warns or fails by what Service Quotas lists under the quota's name."""

from typing import Any

import pytest

from deploy_scripts.preflight.checks import ec2_quotas, endpoint_quota, lambda_concurrency, training_quotas
from functions.plan_training.instance_choice import CANDIDATES
from functions.plan_training.quotas import GPU_VCPUS, STANDARD_VCPUS
from tests.unit.deploy_scripts.preflight.conftest import only

ENDPOINT = "{} for endpoint usage"
TRAINING = "ml.{} for training job usage"
SPOT = "ml.{} for spot training job usage"


@pytest.mark.parametrize(
    ("value", "status", "told"),
    [
        (0, "fail", "'ml.m5.large for endpoint usage' is 0, and MinInstances=1."),
        (1, "warn", "the first release stands, but not a second one beside it"),
        (2, "warn", "enough for a switch at 1, not at MaxInstances=6"),
        (11, "warn", "not at MaxInstances=6"),
        (12, "ok", "a switch at MaxInstances=6 needs 12"),
    ],
)
def test_an_endpoint_needs_its_quota_twice(
    *, intent: Any, quotas: Any, default_is: Any, value: float, status: str, told: str
) -> None:
    quotas("sagemaker", {ENDPOINT.format("ml.m5.large"): value})
    default_is(0)
    finding = only(endpoint_quota.check(intent()))
    assert (finding.status, told in finding.found) == (status, True), finding
    if status != "ok":
        assert finding.command == (
            "aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code L-0 "
            "--desired-value 12 --region us-east-1"
        )
        assert finding.link.endswith("/servicequotas/home/services/sagemaker/quotas/L-0")


def test_the_minimum_counts_first(intent: Any, quotas: Any, default_is: Any) -> None:
    quotas("sagemaker", {ENDPOINT.format("ml.m5.large"): 2})
    default_is(0)
    assert only(endpoint_quota.check(intent(MinInstances="3"))).status == "fail"


@pytest.mark.parametrize(
    ("value", "status", "told"),
    [
        (4, "fail", "and ServerlessMaxConcurrency=5."),
        (5, "warn", "the first release stands, but not a second one beside it"),
        (10, "ok", "a switch at ServerlessMaxConcurrency=5 needs 10"),
    ],
)
def test_a_serverless_endpoint_needs_concurrency_twice_and_no_instance(
    *, intent: Any, quotas: Any, default_is: Any, value: float, status: str, told: str
) -> None:
    instances = {ENDPOINT.format("ml.m5.large"): 0}
    name = "Maximum total concurrency that can be allocated across all serverless endpoints"
    quotas("sagemaker", {**instances, name: value})
    default_is(0)
    finding = only(endpoint_quota.check(intent(EndpointKind="serverless")))
    assert (finding.check, finding.status, told in finding.found) == (
        "serverless concurrency",
        status,
        True,
    ), finding
    if status == "fail":
        assert "--parameter ServerlessMaxConcurrency=2" in finding.advice


def test_types_that_the_account_has_are_named_but_none_that_cannot_serve(
    intent: Any, quotas: Any, default_is: Any
) -> None:
    values = {"ml.m5.large": 0, "ml.t2.medium": 2, "ml.m6g.large": 2, "ml.m6g.xlarge": 1, "ml.g5.xlarge": 9}
    quotas("sagemaker", {ENDPOINT.format(name): value for name, value in values.items()})
    default_is(0)
    advice = only(endpoint_quota.check(intent())).advice
    assert advice == (
        "Ask for it, or take a type that the account has: ml.m6g.large (2): "
        "--parameter EndpointInstanceType=ml.m6g.large"
    )


def test_a_quota_that_is_not_listed_is_not_known(intent: Any, quotas: Any) -> None:
    quotas("sagemaker", {})
    finding = only(endpoint_quota.check(intent()))
    assert (finding.status, "lists no quota" in finding.found) == ("warn", True)


def test_a_quota_without_an_applied_value_has_awss_default(intent: Any, quotas: Any) -> None:
    quotas("sagemaker", {}, defaults={ENDPOINT.format("ml.m5.large"): 20})
    assert only(endpoint_quota.check(intent())).status == "ok"


def test_a_request_asks_for_more_than_awss_default(intent: Any, quotas: Any, default_is: Any) -> None:
    quotas("sagemaker", {ENDPOINT.format("ml.m5.large"): 0})
    default_is(50)
    assert "--desired-value 51 " in only(endpoint_quota.check(intent())).command


def test_what_is_found_stands_where_aws_does_not_tell_its_default(
    account: Any, intent: Any, quotas: Any
) -> None:
    quotas("sagemaker", {ENDPOINT.format("ml.m5.large"): 0})
    account.refuse("service_quotas", "get_aws_default_service_quota", "TooManyRequestsException")
    finding = only(endpoint_quota.check(intent()))
    assert (finding.status, "--desired-value 12 " in finding.command) == ("fail", True)


def test_any_type_that_a_plan_may_choose_can_train(intent: Any, quotas: Any) -> None:
    values = {TRAINING.format(name): 0 for name in CANDIDATES} | {TRAINING.format("m5.xlarge"): 1}
    quotas("sagemaker", values)
    finding = only(training_quotas.check(intent()))
    assert (finding.status, finding.found) == ("ok", "ml.m5.xlarge 1")


@pytest.mark.parametrize(
    ("on_ec2", "status", "told"),
    [("false", "warn", "runs would be rejected"), ("true", "ok", "EC2 trains (TrainOnEc2WithoutQuota)")],
)
def test_no_training_instance_is_a_warning_unless_ec2_trains(
    *, intent: Any, quotas: Any, default_is: Any, on_ec2: str, status: str, told: str
) -> None:
    quotas("sagemaker", {TRAINING.format(name): 0 for name in CANDIDATES} | {TRAINING.format("t3.large"): 9})
    default_is(0)
    finding = only(training_quotas.check(intent(TrainOnEc2WithoutQuota=on_ec2)))
    assert (finding.status, told in finding.found) == (status, True), finding


@pytest.mark.parametrize(("value", "status"), [(0, "warn"), (2, "ok")])
def test_spot_has_quotas_of_its_own(
    intent: Any, quotas: Any, default_is: Any, value: float, status: str
) -> None:
    quotas("sagemaker", {TRAINING.format("m5.xlarge"): 1, SPOT.format("c5.xlarge"): value})
    default_is(0)
    on_demand, on_spot = training_quotas.check(intent(UseSpot="true"))
    assert (on_demand.status, on_spot.status) == ("ok", status)


@pytest.mark.parametrize(
    ("standard", "on_ec2", "status"),
    [(4, "false", "ok"), (3, "false", "warn"), (3, "true", "fail"), (4, "true", "ok")],
)
def test_ec2_needs_the_vcpus_of_its_smallest_type(
    *, intent: Any, quotas: Any, default_is: Any, standard: float, on_ec2: str, status: str
) -> None:
    quotas("ec2", {STANDARD_VCPUS: standard, GPU_VCPUS: 0})
    default_is(5)
    default_is(0)
    on_cpu, on_gpu = ec2_quotas.check(intent(TrainOnEc2WithoutQuota=on_ec2))
    assert (on_cpu.status, on_gpu.status) == (status, "warn")


def limits(account: Any, total: int, unreserved: int) -> None:
    account.answer(
        "functions",
        "get_account_settings",
        {"AccountLimit": {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": unreserved}},
    )


def reserved(account: Any, executions: int | None) -> None:
    name = {"FunctionName": "dropserve-inference"}
    if executions is None:
        account.refuse("functions", "get_function_concurrency", "ResourceNotFoundException", **name)
    else:
        answer = {"ReservedConcurrentExecutions": executions} if executions else {}
        account.answer("functions", "get_function_concurrency", answer, **name)


@pytest.mark.parametrize(
    ("total", "unreserved", "own", "status"),
    [
        (1000, 1000, None, "ok"),
        (1000, 106, None, "ok"),
        (1000, 105, None, "warn"),
        # What the function holds already is set anew.
        (1000, 100, 6, "ok"),
        (1000, 100, 5, "warn"),
        (106, 106, None, "ok"),
    ],
)
def test_a_hundred_executions_must_stay_unreserved(
    *,
    account: Any,
    intent: Any,
    quotas: Any,
    default_is: Any,
    total: int,
    unreserved: int,
    own: int | None,
    status: str,
) -> None:
    limits(account, total, unreserved)
    reserved(account, own)
    quotas("lambda", {"Concurrent executions": total})
    default_is(1000)
    assert only(lambda_concurrency.check(intent())).status == status


def test_a_new_account_reserves_nothing_and_asks_for_more_than_the_default(
    account: Any, intent: Any, quotas: Any, default_is: Any
) -> None:
    limits(account, 10, 10)
    reserved(account, None)
    quotas("lambda", {"Concurrent executions": 10})
    default_is(1000)
    finding = only(lambda_concurrency.check(intent()))
    assert finding.status == "warn"
    assert finding.found.startswith("10 of the account's 10 are unreserved, and Lambda keeps 100: a release ")
    assert "--quota-code L-0 --desired-value 1001 " in finding.command


def test_a_small_limit_is_told_where_service_quotas_says_nothing(account: Any, intent: Any) -> None:
    limits(account, 10, 10)
    reserved(account, None)
    account.refuse("service_quotas", "list_service_quotas", "AccessDeniedException")
    finding = only(lambda_concurrency.check(intent()))
    assert (finding.status, finding.command) == ("warn", "")
