"""InvokeEndpoint, with a tiny serving program."""

import json
import threading

import pytest

from local_cloud.service import AwsError
from local_cloud.services.sagemaker.hosting.invocation import MAX_PAYLOAD_BYTES
from tests.local_cloud.sagemaker.sagemaker_doubles import FakeAws, ServiceApi
from tests.local_cloud.sagemaker.sagemaker_hosting import answer, asked_at_once, serve
from tests.support.waiting import wait_until


def test_custom_attributes_travel_both_ways(api: ServiceApi) -> None:
    serve(api)
    name = "x-amzn-sagemaker-custom-attributes"
    assert api.invoke("live", **{name: "trace=1"}).headers[name] == "trace=1"


def test_what_the_container_refuses_is_a_model_error(api: ServiceApi) -> None:
    serve(api)
    reply = api.invoke("live", b"bad")
    document = json.loads(reply.body)
    assert (reply.status, reply.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert (document["OriginalStatusCode"], document["OriginalMessage"]) == (400, "not an image")
    assert document["Message"].startswith(
        'Received client error (400) from primary with message "not an image".'
    )


def test_a_container_that_times_out_is_a_model_error_without_a_status(api: ServiceApi) -> None:
    serve(api)
    document = json.loads(api.invoke("live", b"slow").body)
    assert document["OriginalStatusCode"] == 0
    assert "Your invocation timed out" in document["OriginalMessage"]


@pytest.mark.parametrize("name", ["nowhere", "LIVE"])
def test_an_unknown_endpoint_is_a_validation_error(api: ServiceApi, name: str) -> None:
    serve(api)
    with pytest.raises(AwsError) as refusal:
        api.invoke(name)
    assert refusal.value.code == "ValidationError"
    assert refusal.value.message == f"Endpoint {name} of account 000000000000 not found."


def test_a_request_for_one_model_of_several_is_refused(api: ServiceApi) -> None:
    serve(api)
    with pytest.raises(AwsError, match="target-model is not available"):
        api.invoke("live", x_amzn_sagemaker_target_model="other.tar.gz")


def test_too_large_a_payload_is_refused(api: ServiceApi) -> None:
    serve(api)
    with pytest.raises(AwsError, match="less than or equal to"):
        api.invoke("live", b"x" * (MAX_PAYLOAD_BYTES + 1))


def test_requests_above_the_limit_are_throttled_and_the_rest_answered(api: ServiceApi) -> None:
    serve(api)
    assert sorted(asked_at_once(api, 6)) == ["200"] * 4 + ["ThrottlingException"] * 2


def test_requests_are_spread_over_the_instances(api: ServiceApi) -> None:
    serve(api, count=2)
    pids: list[int] = []
    threads = [
        threading.Thread(target=lambda: pids.append(answer(api, b"wait 0.5")["pid"])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pids.count(pid) for pid in set(pids)) == [2, 2]


def test_traffic_becomes_cloudwatch_metrics(api: ServiceApi, aws: FakeAws) -> None:
    serve(api)
    for _ in range(3):
        api.invoke("live")
    wait_until(lambda: sum(_values(aws, "Invocations")) == 3)
    latency = next(item for item in aws.metric_data if item["MetricName"] == "ModelLatency")
    assert (latency["Unit"], latency["Namespace"]) == ("Microseconds", "AWS/SageMaker")
    assert latency["StatisticValues"]["Minimum"] > 0


def _values(aws: FakeAws, metric: str) -> list[float]:
    return [item["Value"] for item in aws.metric_data if item["MetricName"] == metric]
