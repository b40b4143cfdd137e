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
from tests.local_cloud.sagemaker.sagemaker_doubles import IMAGE, ROLE, Door, FakeAws
from tests.local_cloud.sagemaker.sagemaker_hosting import (
    answer,
    configure,
    is_served,
    serve,
    settled,
    started_sagemaker,
)
from tests.support.waiting import wait_until


def test_an_endpoint_comes_into_service_and_answers(door: Door, aws: FakeAws) -> None:
    configure(door, "first")
    door.call("CreateEndpoint", EndpointName="live", EndpointConfigName="first")
    assert door.call("DescribeEndpoint", EndpointName="live")["EndpointStatus"] in ("Creating", "InService")
    described = settled(door)
    assert described["EndpointStatus"] == "InService"
    variant = described["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    reply = door.invoke("live", b"hi", content_type="image/jpeg", accept="application/json")
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


def test_a_container_that_never_answers_ping_fails_the_endpoint(door: Door, aws: FakeAws) -> None:
    described = serve(door, "broken")
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check."
    )
    assert any("serving broken" in lines for lines in aws.log_lines.values())
    with pytest.raises(AwsError, match="not found"):
        door.invoke("live")
    door.call("DeleteEndpoint", EndpointName="live")
    wait_until(lambda: not door.call("ListEndpoints")["Endpoints"])


def test_an_archive_that_would_write_outside_its_folder_fails_the_endpoint(door: Door, aws: FakeAws) -> None:
    configure(door, "first")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../../escaped"))
    aws.objects["data"]["first.tar.gz"] = buffer.getvalue()
    door.call("CreateEndpoint", EndpointName="live", EndpointConfigName="first")
    assert settled(door)["FailureReason"].startswith("Failed to extract model data archive")


def test_an_update_moves_to_the_new_model_without_a_gap(door: Door, tmp_path: Path) -> None:
    serve(door)
    hold = tmp_path / "hold"
    hold.touch()
    configure(door, "second", hold=hold)
    stop, failures, models = threading.Event(), [], set()

    def ask() -> None:
        while not stop.is_set():
            reply = door.invoke("live")
            if reply.status == 200:
                models.add(json.loads(reply.body)["model"])
            else:
                failures.append(reply.body)

    client = threading.Thread(target=ask)
    client.start()
    door.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="second")
    updating = door.call("DescribeEndpoint", EndpointName="live")
    hold.unlink()
    described = settled(door)
    wait_until(lambda: "second" in models)
    stop.set()
    client.join()
    assert updating["EndpointStatus"] == "Updating"
    assert updating["PendingDeploymentSummary"]["EndpointConfigName"] == "second"
    assert updating["EndpointConfigName"] == "first"
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "second")
    assert (failures, models) == ([], {"first", "second"})


def test_a_failing_update_leaves_the_old_model_in_service(door: Door) -> None:
    serve(door)
    configure(door, "broken")
    door.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="broken")
    described = settled(door)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "first")
    assert "did not pass the ping health check" in described["FailureReason"]
    assert answer(door)["model"] == "first"


def test_a_dead_instance_is_replaced(door: Door) -> None:
    serve(door)
    lost = answer(door)["pid"]
    document = json.loads(door.invoke("live", b"die").body)
    assert document["OriginalStatusCode"] == 0

    wait_until(lambda: is_served(door))
    assert answer(door)["pid"] != lost
    assert door.call("DescribeEndpoint", EndpointName="live")["EndpointStatus"] == "InService"


def test_an_instance_that_stays_unhealthy_is_replaced(door: Door) -> None:
    serve(door)
    lost = psutil.Process(answer(door, b"sick")["pid"])
    wait_until(lambda: not lost.is_running())
    wait_until(lambda: is_served(door))


def test_when_an_instance_is_killed_the_other_answers(door: Door) -> None:
    serve(door, count=2)
    lost = psutil.Process(answer(door)["pid"])
    lost.kill()
    wait_until(lambda: not lost.is_running())
    assert [answer(door)["model"] for _ in range(5)] == ["first"] * 5


def test_capacity_and_weight_can_be_changed_in_service(door: Door) -> None:
    serve(door)
    change = {"VariantName": "AllTraffic", "DesiredInstanceCount": 3, "DesiredWeight": 2.0}
    door.call("UpdateEndpointWeightsAndCapacities", EndpointName="live", DesiredWeightsAndCapacities=[change])
    variant = settled(door)["ProductionVariants"][0]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (3, 3)
    assert variant["CurrentWeight"] == 2.0
    change = {"VariantName": "AllTraffic", "DesiredInstanceCount": 1}
    door.call("UpdateEndpointWeightsAndCapacities", EndpointName="live", DesiredWeightsAndCapacities=[change])
    assert settled(door)["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert answer(door)["model"] == "first"


def test_an_update_can_keep_the_capacity_that_was_reached(door: Door) -> None:
    serve(door, count=2)
    configure(door, "second", count=1)
    door.call(
        "UpdateEndpoint", EndpointName="live", EndpointConfigName="second", RetainAllVariantProperties=True
    )
    assert settled(door)["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def test_a_deleted_endpoint_is_gone_with_its_processes(door: Door) -> None:
    serve(door)
    pid = answer(door)["pid"]
    door.call("DeleteEndpoint", EndpointName="live")

    def is_gone() -> bool:
        try:
            door.call("DescribeEndpoint", EndpointName="live")
        except AwsError as error:
            assert error.message == (
                'Could not find endpoint "arn:aws:sagemaker:us-east-1:000000000000:endpoint/live".'
            )
            return True
        return False

    wait_until(is_gone)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_endpoint_that_is_changing_can_be_neither_changed_nor_deleted(door: Door) -> None:
    configure(door, "broken")
    door.call("CreateEndpoint", EndpointName="live", EndpointConfigName="broken")
    for action, more in (("DeleteEndpoint", {}), ("UpdateEndpoint", {"EndpointConfigName": "broken"})):
        with pytest.raises(AwsError, match="Cannot update in-progress endpoint"):
            door.call(action, EndpointName="live", **more)
    settled(door)


def test_names_that_are_used_or_unknown_are_refused(door: Door) -> None:
    serve(door)
    account = "arn:aws:sagemaker:us-east-1:000000000000"
    refusals = {
        "CreateEndpoint": ({"EndpointName": "Live", "EndpointConfigName": "first"}, "endpoint/live"),
        "CreateModel": ({"ModelName": "first"}, "model/first"),
    }
    for action, (parameters, resource) in refusals.items():
        with pytest.raises(AwsError, match=f'Cannot create already existing .* "{account}:{resource}"'):
            door.call(action, **parameters)
    for action, parameters in (
        ("DescribeModel", {"ModelName": "x"}),
        ("DeleteEndpointConfig", {"EndpointConfigName": "x"}),
        ("CreateEndpoint", {"EndpointName": "other", "EndpointConfigName": "x"}),
    ):
        with pytest.raises(AwsError, match="Could not find"):
            door.call(action, **parameters)


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"Image": "no.such/image"}, "Requested image no.such/image not found."),
        ({"Image": IMAGE, "ModelDataUrl": "s3://data/missing.tar.gz"}, "Could not access model data at"),
        ({"Image": IMAGE, "Mode": "MultiModel"}, "not available in the local cloud"),
    ],
)
def test_a_model_that_cannot_be_served_is_refused(
    door: Door, container: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        door.call("CreateModel", ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)


def test_more_instances_than_the_quota_are_refused(door: Door) -> None:
    configure(door, "first", count=21)
    with pytest.raises(AwsError) as refusal:
        door.call("CreateEndpoint", EndpointName="live", EndpointConfigName="first")
    assert refusal.value.code == "ResourceLimitExceeded"


def test_after_a_restart_the_endpoint_is_served_again(
    door: Door, sagemaker: SageMaker, tmp_path: Path, aws: FakeAws
) -> None:
    serve(door, count=2)
    door.call("DeleteEndpointConfig", EndpointConfigName="first")
    door.call("DeleteModel", ModelName="first")
    state = json.loads(json.dumps(sagemaker.get_state()))
    sagemaker.stop()
    with started_sagemaker(tmp_path / "again", aws) as again:
        again.restore(state)
        described = settled(Door(again))
        assert described["EndpointStatus"] == "InService"
        assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
        assert answer(Door(again))["model"] == "first"
