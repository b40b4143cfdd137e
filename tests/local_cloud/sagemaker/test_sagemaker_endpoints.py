"""Models, endpoint configurations and endpoints, with a tiny serving program."""

import io
import json
import os
import tarfile
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from local_cloud.service import AwsError
from local_cloud.services.sagemaker.service import SageMaker
from tests.local_cloud.sagemaker.sagemaker_doubles import IMAGE, ROLE, FakeAws, ServiceApi
from tests.local_cloud.sagemaker.sagemaker_hosting import (
    answer,
    configure,
    is_served,
    serve,
    settled,
    started_sagemaker,
)
from tests.support.waiting import wait_until


def test_an_endpoint_comes_into_service_and_answers(api: ServiceApi, aws: FakeAws) -> None:
    configure(api, "first")
    api.call("CreateEndpoint", EndpointName="live", EndpointConfigName="first")
    assert api.call("DescribeEndpoint", EndpointName="live")["EndpointStatus"] in ("Creating", "InService")
    described = settled(api)
    assert described["EndpointStatus"] == "InService"
    variant = described["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    reply = api.invoke("live", b"hi", content_type="image/jpeg", accept="application/json")
    assert reply.status == 200
    assert reply.headers["x-Amzn-Invoked-Production-Variant"] == "AllTraffic"
    assert json.loads(reply.body) | {"pid": 0} == {
        "model": "first",
        "pid": 0,
        "type": "image/jpeg",
        "accept": "application/json",
    }
    wait_until(lambda: any("serving first" in lines for lines in aws.log_lines.values()))
    assert all(stream.startswith("/aws/sagemaker/Endpoints/live:AllTraffic/i-") for stream in aws.log_lines)


def test_a_container_that_never_answers_ping_fails_the_endpoint(api: ServiceApi, aws: FakeAws) -> None:
    described = serve(api, "broken")
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check."
    )
    assert any("serving broken" in lines for lines in aws.log_lines.values())
    with pytest.raises(AwsError, match="not found"):
        api.invoke("live")
    api.call("DeleteEndpoint", EndpointName="live")
    wait_until(lambda: not api.call("ListEndpoints")["Endpoints"])


def test_an_archive_that_would_write_outside_its_folder_fails_the_endpoint(
    api: ServiceApi, aws: FakeAws
) -> None:
    configure(api, "first")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../../escaped"))
    aws.objects["data"]["first.tar.gz"] = buffer.getvalue()
    api.call("CreateEndpoint", EndpointName="live", EndpointConfigName="first")
    assert settled(api)["FailureReason"].startswith("Failed to extract model data archive")


def test_an_update_moves_to_the_new_model_without_a_gap(api: ServiceApi, tmp_path: Path) -> None:
    serve(api)
    hold = tmp_path / "hold"
    hold.touch()
    configure(api, "second", hold=hold)
    stop, failures, models = threading.Event(), [], set()

    def ask() -> None:
        while not stop.is_set():
            reply = api.invoke("live")
            if reply.status == 200:
                models.add(json.loads(reply.body)["model"])
            else:
                failures.append(reply.body)

    client = threading.Thread(target=ask)
    client.start()
    api.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="second")
    updating = api.call("DescribeEndpoint", EndpointName="live")
    hold.unlink()
    described = settled(api)
    wait_until(lambda: "second" in models)
    stop.set()
    client.join()
    assert updating["EndpointStatus"] == "Updating"
    assert updating["PendingDeploymentSummary"]["EndpointConfigName"] == "second"
    assert updating["EndpointConfigName"] == "first"
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "second")
    assert (failures, models) == ([], {"first", "second"})


def test_a_failing_update_leaves_the_old_model_in_service(api: ServiceApi) -> None:
    serve(api)
    configure(api, "broken")
    api.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="broken")
    described = settled(api)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "first")
    assert "did not pass the ping health check" in described["FailureReason"]
    assert answer(api)["model"] == "first"


def test_a_dead_instance_is_replaced(api: ServiceApi) -> None:
    serve(api)
    lost = answer(api)["pid"]
    document = json.loads(api.invoke("live", b"die").body)
    assert document["OriginalStatusCode"] == 0

    wait_until(lambda: is_served(api))
    assert answer(api)["pid"] != lost
    assert api.call("DescribeEndpoint", EndpointName="live")["EndpointStatus"] == "InService"


def test_an_instance_that_stays_unhealthy_is_replaced(api: ServiceApi) -> None:
    serve(api)
    lost = psutil.Process(answer(api, b"sick")["pid"])
    wait_until(lambda: not lost.is_running())
    wait_until(lambda: is_served(api))


def test_when_an_instance_is_killed_the_other_answers(api: ServiceApi) -> None:
    serve(api, count=2)
    lost = psutil.Process(answer(api)["pid"])
    lost.kill()
    wait_until(lambda: not lost.is_running())
    assert [answer(api)["model"] for _ in range(5)] == ["first"] * 5


def test_capacity_and_weight_can_be_changed_in_service(api: ServiceApi) -> None:
    serve(api)
    change = {"VariantName": "AllTraffic", "DesiredInstanceCount": 3, "DesiredWeight": 2.0}
    api.call("UpdateEndpointWeightsAndCapacities", EndpointName="live", DesiredWeightsAndCapacities=[change])
    variant = settled(api)["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (3, 3)
    assert variant["CurrentWeight"] == 2.0
    change = {"VariantName": "AllTraffic", "DesiredInstanceCount": 1}
    api.call("UpdateEndpointWeightsAndCapacities", EndpointName="live", DesiredWeightsAndCapacities=[change])
    assert settled(api)["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert answer(api)["model"] == "first"


def test_an_update_can_keep_the_capacity_that_was_reached(api: ServiceApi) -> None:
    serve(api, count=2)
    configure(api, "second", count=1)
    api.call(
        "UpdateEndpoint", EndpointName="live", EndpointConfigName="second", RetainAllVariantProperties=True
    )
    assert settled(api)["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def test_a_deleted_endpoint_is_gone_with_its_processes(api: ServiceApi) -> None:
    serve(api)
    pid = answer(api)["pid"]
    api.call("DeleteEndpoint", EndpointName="live")

    def is_gone() -> bool:
        try:
            api.call("DescribeEndpoint", EndpointName="live")
        except AwsError as error:
            assert error.message == (
                'Could not find endpoint "arn:aws:sagemaker:us-east-1:000000000000:endpoint/live".'
            )
            return True
        return False

    wait_until(is_gone)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_endpoint_that_is_changing_can_be_neither_changed_nor_deleted(api: ServiceApi) -> None:
    configure(api, "broken")
    api.call("CreateEndpoint", EndpointName="live", EndpointConfigName="broken")
    for action, more in (("DeleteEndpoint", {}), ("UpdateEndpoint", {"EndpointConfigName": "broken"})):
        with pytest.raises(AwsError, match="Cannot update in-progress endpoint"):
            api.call(action, EndpointName="live", **more)
    settled(api)


def test_names_that_are_used_or_unknown_are_refused(api: ServiceApi) -> None:
    serve(api)
    account = "arn:aws:sagemaker:us-east-1:000000000000"
    refusals = {
        "CreateEndpoint": ({"EndpointName": "Live", "EndpointConfigName": "first"}, "endpoint/live"),
        "CreateModel": ({"ModelName": "first"}, "model/first"),
    }
    for action, (parameters, resource) in refusals.items():
        with pytest.raises(AwsError, match=f'Cannot create already existing .* "{account}:{resource}"'):
            api.call(action, **parameters)
    for action, parameters in (
        ("DescribeModel", {"ModelName": "x"}),
        ("DeleteEndpointConfig", {"EndpointConfigName": "x"}),
        ("CreateEndpoint", {"EndpointName": "other", "EndpointConfigName": "x"}),
    ):
        with pytest.raises(AwsError, match="Could not find"):
            api.call(action, **parameters)


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"Image": "no.such/image"}, "Requested image no.such/image not found."),
        ({"Image": IMAGE, "ModelDataUrl": "s3://data/missing.tar.gz"}, "Could not access model data at"),
        ({"Image": IMAGE, "Mode": "MultiModel"}, "not available in the local cloud"),
    ],
)
def test_a_model_that_cannot_be_served_is_refused(
    api: ServiceApi, container: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        api.call("CreateModel", ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)


def test_more_instances_than_the_quota_are_refused(api: ServiceApi) -> None:
    configure(api, "first", count=21)
    with pytest.raises(AwsError) as refusal:
        api.call("CreateEndpoint", EndpointName="live", EndpointConfigName="first")
    assert refusal.value.code == "ResourceLimitExceeded"


def test_after_a_restart_the_endpoint_is_served_again(
    api: ServiceApi, sagemaker: SageMaker, tmp_path: Path, aws: FakeAws
) -> None:
    serve(api, count=2)
    api.call("DeleteEndpointConfig", EndpointConfigName="first")
    api.call("DeleteModel", ModelName="first")
    state = json.loads(json.dumps(sagemaker.get_state()))
    sagemaker.stop()
    with started_sagemaker(tmp_path / "again", aws) as again:
        again.restore(state)
        described = settled(ServiceApi(again))
        assert described["EndpointStatus"] == "InService"
        assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
        assert answer(ServiceApi(again))["model"] == "first"
