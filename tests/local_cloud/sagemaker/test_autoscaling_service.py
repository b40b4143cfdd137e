"""Scalable targets and policies that move the processes of a served endpoint."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.processes import Processes
from local_cloud.service import AwsError
from local_cloud.services.autoscaling import ApplicationAutoScaling
from local_cloud.services.sagemaker.hosting.fleet import FleetTiming
from local_cloud.services.sagemaker.service import SageMaker, Timing
from tests.local_cloud.sagemaker.sagemaker_doubles import (
    IMAGE,
    ROLE,
    FakeAws,
    ServiceApi,
    model_archive,
    write_containers,
)
from tests.support.waiting import wait_until

QUICK = Timing(fleet=FleetTiming(poll_s=0.02, drain_s=5.0), look_after_endpoints_s=0.05)
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/live/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
PERIOD_S = 60.0


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.objects["data"]["first.tar.gz"] = model_archive("first")
    return aws


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sagemaker(tmp_path: Path, aws: FakeAws) -> Iterator[ServiceApi]:
    processes = Processes()
    service = SageMaker(
        write_containers(tmp_path), processes, work_dir=tmp_path / "work", clients=aws, timing=QUICK
    )
    api = ServiceApi(service)
    container = {"Image": IMAGE, "ModelDataUrl": "s3://data/first.tar.gz"}
    api.call("CreateModel", ModelName="first", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    for instance_type in ("ml.m5.large", "ml.m5.xlarge"):
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": "first",
            "InstanceType": instance_type,
            "InitialInstanceCount": 1,
        }
        name = instance_type.replace(".", "-")
        api.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=[variant])
    api.call("CreateEndpoint", EndpointName="live", EndpointConfigName="ml-m5-large")
    wait_until(lambda: status(api) == "InService")
    yield api
    service.stop()
    processes.close()


@pytest.fixture
def scaling(sagemaker: ServiceApi, aws: FakeAws, clock: Clock) -> Iterator[ServiceApi]:
    # The periods end when a test ends them.
    service = ApplicationAutoScaling(sagemaker.service, tick_s=3600, clock=clock, clients=aws)
    yield ServiceApi(service)
    service.stop()


def status(sagemaker: ServiceApi) -> str:
    return str(sagemaker.call("DescribeEndpoint", EndpointName="live")["EndpointStatus"])


def instances(sagemaker: ServiceApi) -> int:
    """How many are in service, when the endpoint has settled."""
    wait_until(lambda: status(sagemaker) == "InService")
    found = sagemaker.call("DescribeEndpoint", EndpointName="live")["ProductionVariants"][0]
    assert found["CurrentInstanceCount"] == found["DesiredInstanceCount"]
    return int(found["CurrentInstanceCount"])


def test_a_serverless_variant_has_no_instances_to_scale(sagemaker: ServiceApi, scaling: ServiceApi) -> None:
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant = {"VariantName": "AllTraffic", "ModelName": "first", "ServerlessConfig": serverless}
    sagemaker.call("CreateEndpointConfig", EndpointConfigName="none", ProductionVariants=[variant])
    sagemaker.call("DeleteEndpoint", EndpointName="live")
    wait_until(lambda: not sagemaker.call("ListEndpoints")["Endpoints"])
    sagemaker.call("CreateEndpoint", EndpointName="live", EndpointConfigName="none")
    wait_until(lambda: status(sagemaker) == "InService")
    with pytest.raises(AwsError, match="has no instances to scale"):
        register(scaling)


def register(scaling: ServiceApi, low: int = 1, high: int = 3, **more: Any) -> None:
    scaling.call("RegisterScalableTarget", **TARGET, MinCapacity=low, MaxCapacity=high, **more)


def put_policy(
    scaling: ServiceApi, target_value: float = 4.0, name: str = "by-invocations", **more: Any
) -> dict[str, Any]:
    configuration = {
        "TargetValue": target_value,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleOutCooldown": 0,
        "ScaleInCooldown": 0,
        **more,
    }
    return scaling.call(
        "PutScalingPolicy",
        **TARGET,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
    )


def spend_periods(sagemaker: ServiceApi, scaling: ServiceApi, clock: Clock, requests: list[int]) -> None:
    """One period after another, with so many requests in each."""
    for count in requests:
        for _ in range(count):
            assert sagemaker.invoke("live").status == 200
        clock.now += PERIOD_S
        scaling.service.tick()
        wait_until(lambda: status(sagemaker) == "InService")


def activities(scaling: ServiceApi) -> list[dict[str, Any]]:
    return list(scaling.call("DescribeScalingActivities", ServiceNamespace="sagemaker")["ScalingActivities"])


def test_traffic_above_the_target_adds_instances_and_less_takes_them_away(
    sagemaker: ServiceApi, scaling: ServiceApi, clock: Clock
) -> None:
    register(scaling)
    put_policy(scaling)
    spend_periods(sagemaker, scaling, clock, [0, 10, 10])
    assert instances(sagemaker) == 1
    spend_periods(sagemaker, scaling, clock, [10])
    assert instances(sagemaker) == 3
    spend_periods(sagemaker, scaling, clock, [1] * 15)
    assert instances(sagemaker) == 1
    down, up = activities(scaling)
    assert up["Description"] == "Setting desired instance count to 3."
    assert up["StatusCode"] == down["StatusCode"] == "Successful"
    assert "AlarmHigh" in up["Cause"]
    assert "AlarmLow" in down["Cause"]


def test_the_loop_scales_by_itself(sagemaker: ServiceApi, aws: FakeAws) -> None:
    scaling = ServiceApi(ApplicationAutoScaling(sagemaker.service, tick_s=0.2, clients=aws))
    register(scaling)
    put_policy(scaling, target_value=1.0)

    def asked_enough() -> bool:
        sagemaker.invoke("live")
        found = sagemaker.call("DescribeEndpoint", EndpointName="live")["ProductionVariants"][0]
        return bool(found["CurrentInstanceCount"] == 3)

    wait_until(asked_enough)
    scaling.service.stop()


def test_a_variant_without_traffic_is_not_scaled_in(
    sagemaker: ServiceApi, scaling: ServiceApi, clock: Clock
) -> None:
    register(scaling, low=2)
    put_policy(scaling)
    assert instances(sagemaker) == 2
    register(scaling, low=1)
    spend_periods(sagemaker, scaling, clock, [0] * 16)
    assert instances(sagemaker) == 2


def test_a_minimum_above_the_capacity_scales_out_at_once(sagemaker: ServiceApi, scaling: ServiceApi) -> None:
    register(scaling, low=2)
    assert instances(sagemaker) == 2
    wait_until(lambda: activities(scaling)[0]["StatusCode"] == "Successful")
    assert activities(scaling)[0]["Cause"] == "minimum capacity was set to 2"


def test_a_maximum_below_the_capacity_scales_in(sagemaker: ServiceApi, scaling: ServiceApi) -> None:
    register(scaling, low=3)
    assert instances(sagemaker) == 3
    register(scaling, low=1, high=2)
    assert instances(sagemaker) == 2


def test_the_maximum_holds_whatever_the_traffic(
    sagemaker: ServiceApi, scaling: ServiceApi, clock: Clock
) -> None:
    register(scaling, high=2)
    put_policy(scaling, target_value=1.0)
    spend_periods(sagemaker, scaling, clock, [0, 9, 9, 9])
    assert instances(sagemaker) == 2


def test_a_cooldown_holds_back_the_next_scale_in(
    sagemaker: ServiceApi, scaling: ServiceApi, clock: Clock
) -> None:
    register(scaling)
    put_policy(scaling, ScaleOutCooldown=3600)
    spend_periods(sagemaker, scaling, clock, [0, 10, 10, 10, *([1] * 16)])
    assert instances(sagemaker) == 3
    clock.now += 3600
    spend_periods(sagemaker, scaling, clock, [1])
    assert instances(sagemaker) == 1


@pytest.mark.parametrize("how", ["suspended", "disabled"])
def test_scaling_in_can_be_switched_off(
    sagemaker: ServiceApi, scaling: ServiceApi, clock: Clock, how: str
) -> None:
    register(
        scaling,
        low=2,
        **({"SuspendedState": {"DynamicScalingInSuspended": True}} if how == "suspended" else {}),
    )
    put_policy(scaling, DisableScaleIn=how == "disabled")
    register(scaling, low=1)
    spend_periods(sagemaker, scaling, clock, [0, *([1] * 16)])
    assert instances(sagemaker) == 2


def test_a_policy_has_its_two_alarms_until_it_is_deleted(scaling: ServiceApi, aws: FakeAws) -> None:
    register(scaling)
    made = put_policy(scaling, target_value=100)
    assert {alarm["AlarmName"] for alarm in made["Alarms"]} == set(aws.alarms)
    assert sorted((alarm["Threshold"], alarm["EvaluationPeriods"]) for alarm in aws.alarms.values()) == [
        (90.0, 15),
        (100, 3),
    ]
    described = scaling.call("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [(item["PolicyARN"], item["PolicyType"]) for item in described] == [
        (made["PolicyARN"], "TargetTrackingScaling")
    ]
    assert put_policy(scaling, target_value=50)["PolicyARN"] == made["PolicyARN"]
    scaling.call("DeleteScalingPolicy", **TARGET, PolicyName="by-invocations")
    assert aws.alarms == {}
    assert scaling.call("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"] == []


def test_a_second_policy_for_the_same_metric_is_refused(scaling: ServiceApi) -> None:
    register(scaling)
    put_policy(scaling)
    with pytest.raises(AwsError, match="Only one TargetTrackingScaling policy"):
        put_policy(scaling, name="another")


def test_deregistering_stops_the_scaling_and_takes_the_policies_along(
    sagemaker: ServiceApi, scaling: ServiceApi, clock: Clock, aws: FakeAws
) -> None:
    register(scaling)
    put_policy(scaling)
    scaling.call("DeregisterScalableTarget", **TARGET)
    spend_periods(sagemaker, scaling, clock, [0, 10, 10, 10])
    assert instances(sagemaker) == 1
    assert scaling.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert aws.alarms == {}


def test_deleting_the_endpoint_deregisters_its_target(
    sagemaker: ServiceApi, scaling: ServiceApi, aws: FakeAws
) -> None:
    register(scaling)
    put_policy(scaling)
    sagemaker.call("DeleteEndpoint", EndpointName="live")
    assert scaling.call("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert aws.alarms == {}


def test_an_update_must_not_change_the_instance_type_of_a_registered_variant(
    sagemaker: ServiceApi, scaling: ServiceApi
) -> None:
    register(scaling)
    with pytest.raises(AwsError, match="registered with Application Auto Scaling"):
        sagemaker.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="ml-m5-xlarge")


def test_what_is_not_there_is_not_found(scaling: ServiceApi) -> None:
    for action, parameters in (
        ("DeregisterScalableTarget", {}),
        ("DeleteScalingPolicy", {"PolicyName": "none"}),
        ("PutScalingPolicy", {"PolicyName": "none"}),
    ):
        with pytest.raises(AwsError) as refusal:
            scaling.call(action, **TARGET, **parameters)
        assert refusal.value.code == "ObjectNotFoundException"
        assert "resource ID: endpoint/live/variant/AllTraffic" in refusal.value.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MaxCapacity": 0}, "Maximum capacity cannot be less than minimum capacity"),
        ({"MinCapacity": 0}, "Minimum capacity must be greater than or equal to 1"),
        ({"MinCapacity": None}, "MinCapacity is required"),
        ({"ResourceId": "endpoint/live/variant/other"}, "doesn't exist"),
        ({"ResourceId": "table/live"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"ServiceNamespace": "dynamodb"}, "Unsupported service namespace"),
        ({"ScalableDimension": "no:such:dimension"}, "Member must satisfy enum value set"),
    ],
)
def test_a_target_that_cannot_be_scaled_is_refused(
    scaling: ServiceApi, changes: dict[str, Any], message: str
) -> None:
    request = {**TARGET, "MinCapacity": 1, "MaxCapacity": 2, **changes}
    request = {name: value for name, value in request.items() if value is not None}
    with pytest.raises(AwsError) as refusal:
        scaling.call("RegisterScalableTarget", **request)
    assert (refusal.value.code, message in refusal.value.message) == ("ValidationException", True)


def test_step_scaling_is_refused_in_plain_words(scaling: ServiceApi) -> None:
    register(scaling)
    with pytest.raises(AwsError, match="PolicyType StepScaling is not available in the local cloud"):
        scaling.call("PutScalingPolicy", **TARGET, PolicyName="steps", PolicyType="StepScaling")


def test_targets_and_policies_outlive_a_restart(
    sagemaker: ServiceApi, scaling: ServiceApi, aws: FakeAws
) -> None:
    register(scaling)
    put_policy(scaling)
    state = json.loads(json.dumps(scaling.service.get_state()))
    again = ServiceApi(ApplicationAutoScaling(sagemaker.service, tick_s=3600, clients=aws))
    again.service.restore(state)
    for action, result in (
        ("DescribeScalableTargets", "ScalableTargets"),
        ("DescribeScalingPolicies", "ScalingPolicies"),
    ):
        before = scaling.call(action, ServiceNamespace="sagemaker")[result]
        assert again.call(action, ServiceNamespace="sagemaker")[result] == before
        assert len(before) == 1
    again.service.stop()
