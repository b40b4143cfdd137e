"""Quotas: read and raised by the API, kept to by SageMaker and Lambda, kept over a restart."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_cloud import control
from local_cloud.control import Cloud
from local_cloud.service import AwsError
from local_cloud.services.sagemaker.service import SageMaker
from local_cloud.services.service_quotas import AccountQuotas
from local_cloud.services.service_quotas.catalogue import (
    NEW_ACCOUNT,
    SAGEMAKER,
    SERVERLESS_CONCURRENCY,
    find_quota,
    quotas_of,
)
from tests.local_cloud.sagemaker.sagemaker_doubles import FakeAws, ServiceApi
from tests.local_cloud.sagemaker.sagemaker_hosting import configure, started_sagemaker
from tests.support.cloud_bench import Bench

pytestmark = pytest.mark.cloud

CONCURRENCY = {"ServiceCode": "lambda", "QuotaCode": "L-B99A9384"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state of a cloud whose account is new."""
    folder = tmp_path_factory.mktemp("new-account")
    yield folder
    control.stop(folder)


@pytest.fixture(scope="module")
def new_account(folder: Path) -> Cloud:
    return control.start(folder, port=0, quotas=NEW_ACCOUNT)


def client_of(cloud: Cloud, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]  # the name is a variable
        endpoint_url=cloud.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=cloud.root_key.access_key_id,
        aws_secret_access_key=cloud.root_key.secret_access_key,
    )


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """The error's code and sentence."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_new_account_has_few_instances_and_the_api_lists_them_by_name(new_account: Cloud) -> None:
    quotas = client_of(new_account, "service-quotas")
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    listed = [quota for page in pages for quota in page["Quotas"]]
    assert len({quota["QuotaCode"] for quota in listed}) == len(listed) == len(quotas_of("sagemaker"))
    more_than_none = {quota["QuotaName"]: quota["Value"] for quota in listed if quota["Value"]}
    assert more_than_none == {
        "ml.t2.medium for endpoint usage": 2.0,
        "ml.m6g.large for endpoint usage": 2.0,
        "ml.m6g.xlarge for endpoint usage": 1.0,
        SERVERLESS_CONCURRENCY: 10.0,
    }


def test_an_applied_value_may_be_below_awss_default(new_account: Cloud) -> None:
    quotas = client_of(new_account, "service-quotas")
    applied = quotas.get_service_quota(**CONCURRENCY)["Quota"]
    default = quotas.get_aws_default_service_quota(**CONCURRENCY)["Quota"]
    (listed,) = quotas.list_aws_default_service_quotas(ServiceCode="lambda")["Quotas"]
    assert (applied["QuotaName"], applied["Value"]) == ("Concurrent executions", 10.0)
    assert default["Value"] == listed["Value"] == 1000.0


@pytest.mark.parametrize(
    ("call", "parameters", "code"),
    [
        ("list_service_quotas", {"ServiceCode": "abacus"}, "NoSuchResourceException"),
        ("get_service_quota", {"ServiceCode": "lambda", "QuotaCode": "L-0"}, "NoSuchResourceException"),
        (
            "list_service_quotas",
            {"ServiceCode": "lambda", "NextToken": "forged"},
            "InvalidPaginationTokenException",
        ),
    ],
)
def test_what_is_not_there_is_refused_by_awss_names(
    new_account: Cloud, call: str, parameters: dict[str, str], code: str
) -> None:
    assert refusal(getattr(client_of(new_account, "service-quotas"), call), **parameters)[0] == code


def test_a_request_must_ask_for_more_than_the_default(new_account: Cloud) -> None:
    quotas = client_of(new_account, "service-quotas")
    code, sentence = refusal(quotas.request_service_quota_increase, **CONCURRENCY, DesiredValue=106.0)
    assert code == "IllegalArgumentException"
    assert sentence.endswith("greater than the default quota value of 1000.0")


def test_lambda_reserves_nothing_of_ten_and_more_once_it_is_raised(new_account: Cloud, folder: Path) -> None:
    functions = client_of(new_account, "lambda")
    bench = Bench(lambda service: client_of(new_account, service))
    name = bench.function("def handler(event, context): return event")
    reserve = {"FunctionName": name, "ReservedConcurrentExecutions": 1}
    assert functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 10
    assert refusal(functions.put_function_concurrency, **reserve) == (
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [10].",
    )
    version = functions.publish_version(FunctionName=name)["Version"]
    provision = {"FunctionName": name, "Qualifier": version, "ProvisionedConcurrentExecutions": 1}
    assert refusal(functions.put_provisioned_concurrency_config, **provision)[1] == (
        "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
        "below its minimum value of [10]."
    )
    quotas = client_of(new_account, "service-quotas")
    asked = quotas.request_service_quota_increase(**CONCURRENCY, DesiredValue=1001.0)["RequestedQuota"]
    assert (asked["QuotaName"], asked["DesiredValue"]) == ("Concurrent executions", 1001.0)
    functions.put_function_concurrency(**reserve)
    bench.close()

    control.stop(folder)
    again = control.start(folder, port=0)
    assert control.quota_set(folder) == NEW_ACCOUNT
    limit = client_of(again, "lambda").get_account_settings()["AccountLimit"]
    assert limit["ConcurrentExecutions"] == 1001


@pytest.fixture
def new_sagemaker(tmp_path: Path, aws: FakeAws) -> Iterator[SageMaker]:
    with started_sagemaker(tmp_path, aws, AccountQuotas(NEW_ACCOUNT)) as service:
        yield service


def test_an_endpoint_of_a_type_without_a_quota_is_refused_in_awss_words(new_sagemaker: SageMaker) -> None:
    api = ServiceApi(new_sagemaker)
    configure(api, "first", InstanceType="ml.m5.large")
    with pytest.raises(AwsError) as error:
        api.call("CreateEndpoint", EndpointName="first", EndpointConfigName="first")
    assert error.value.code == "ResourceLimitExceeded"
    assert error.value.message == (
        "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances, with current "
        "utilization of 0 Instances and a request delta of 1 Instances. Please use AWS Service Quotas to "
        "request an increase for this quota."
    )


def test_a_second_endpoint_needs_the_quota_twice(new_sagemaker: SageMaker) -> None:
    api = ServiceApi(new_sagemaker)
    for name, number in (("first", 1), ("second", 2)):
        configure(api, name, InstanceType="ml.m6g.xlarge")
        if number == 1:
            api.call("CreateEndpoint", EndpointName=name, EndpointConfigName=name)
    with pytest.raises(AwsError, match="is 1 Instances, with current utilization of 1 Instances"):
        api.call("CreateEndpoint", EndpointName="second", EndpointConfigName="second")


def test_the_concurrency_of_all_serverless_endpoints_counts(new_sagemaker: SageMaker) -> None:
    api = ServiceApi(new_sagemaker)
    for name, concurrency in (("first", 6), ("second", 5)):
        configure(api, name)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": concurrency},
        }
        config = f"serverless-{name}"
        api.call("CreateEndpointConfig", EndpointConfigName=config, ProductionVariants=[variant])
    api.call("CreateEndpoint", EndpointName="first", EndpointConfigName="serverless-first")
    with pytest.raises(AwsError, match="is 10 Units, with current utilization of 6 Units") as error:
        api.call("CreateEndpoint", EndpointName="second", EndpointConfigName="serverless-second")
    assert error.value.code == "ResourceLimitExceeded"


def test_instances_are_counted_by_type_and_usage_and_a_raise_counts() -> None:
    quotas = AccountQuotas(NEW_ACCOUNT)
    name = "ml.m5.xlarge for spot training job usage"
    with pytest.raises(AwsError, match=f"'{name}' is 0 Instances"):
        quotas.check_instances("ml.m5.xlarge", "spot training job usage", used=0, wanted=1)
    quotas.raise_to(find_quota(SAGEMAKER, name), 3)
    quotas.check_instances("ml.m5.xlarge", "spot training job usage", used=1, wanted=2)
    with pytest.raises(AwsError, match=r"'ml\.m5\.xlarge for training job usage' is 0 Instances"):
        quotas.check_instances("ml.m5.xlarge", "training job usage", used=0, wanted=1)
    quotas.reset()
    assert quotas.applied(find_quota(SAGEMAKER, name)) == 0


def test_another_set_of_quotas_forgets_what_was_raised() -> None:
    quotas = AccountQuotas(NEW_ACCOUNT)
    quotas.raise_to(find_quota("lambda", "Concurrent executions"), 2000)
    for wanted, limit in ((None, 2000), (NEW_ACCOUNT, 2000), ("usual", 1000)):
        later = AccountQuotas(wanted)
        later.restore(quotas.get_state())
        assert later.lambda_concurrency == limit
