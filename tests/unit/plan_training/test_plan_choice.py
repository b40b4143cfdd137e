"""Which machine trains, for how long, and for how much."""

from dataclasses import replace

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.plan_training.instance_choice import CANDIDATES, MAX_ACCEPTABLE_S, Wishes, choose
from functions.plan_training.instance_types import INSTANCE_TYPES
from functions.plan_training.quotas import TrainingQuotas
from functions.plan_training.throughput import GMACS, GPU_S_PER_GMAC, Workload, estimate_training_s


def load(images=400, *, backbone="efficientnet_lite0", image_size=224):
    return Workload(images, images * 60_000, backbone, image_size, epochs=40, champion_share=0.0)


def pick(work, **wishes):
    return choose(work, Wishes(**{"max_cost_usd": 50.0, **wishes}), TrainingQuotas())


def test_a_small_dataset_trains_on_a_cheap_cpu_of_sagemaker():
    option = pick(load())
    assert (option.backend, option.instance.name, option.use_spot) == ("sagemaker", "c5.xlarge", False)


def test_what_a_cpu_cannot_do_in_an_hour_goes_to_a_gpu():
    option = pick(load(200_000, backbone="resnet50", image_size=448))
    assert option.instance.gpu
    assert option.training_s <= MAX_ACCEPTABLE_S


def test_what_nothing_can_do_in_an_hour_goes_to_the_fastest():
    work = load(500_000, backbone="resnet50", image_size=640)
    option = pick(work)
    fastest = min(estimate_training_s(work, INSTANCE_TYPES[name], "sagemaker") for name in CANDIDATES)
    assert option.training_s == fastest


def test_a_huge_dataset_gets_the_memory_that_it_needs():
    assert pick(load(6_000_000)).instance.memory_gib >= load(6_000_000).memory_gib > 8


def test_ec2_is_taken_when_only_ec2_is_within_the_budget():
    work = load(200_000)
    dear = pick(work, instance_name="g4dn.xlarge", backend="sagemaker").cost_usd
    cheap = pick(work, instance_name="g4dn.xlarge", backend="ec2").cost_usd
    assert cheap < dear
    rich = pick(work, instance_name="g4dn.xlarge", max_cost_usd=dear)
    poor = pick(work, instance_name="g4dn.xlarge", max_cost_usd=(cheap + dear) / 2)
    assert (rich.backend, poor.backend) == ("sagemaker", "ec2")


def test_nothing_within_the_budget_gives_the_cheapest_there_is():
    work = load()
    option = pick(work, max_cost_usd=0.0)
    every = [
        pick(work, instance_name=name, backend=backend)
        for name in CANDIDATES
        for backend in ("sagemaker", "ec2")
    ]
    assert option.cost_usd == min(each.cost_usd for each in every)


def test_spot_costs_less_and_is_for_sagemaker_only():
    assert pick(load(), use_spot=True).cost_usd < pick(load()).cost_usd
    assert not pick(load(), use_spot=True, backend="ec2").use_spot


def test_instances_share_the_features_out_and_are_all_paid_for():
    work = load(200_000)
    one, four = (pick(replace(work, instance_count=count), instance_name="m5.xlarge") for count in (1, 4))
    assert 0.25 * one.training_s < four.training_s < 0.5 * one.training_s
    assert four.usd_per_hour == 4 * one.usd_per_hour
    assert four.cost_usd == pytest.approx(4 * one.usd_per_hour * four.training_s / 3600)
    tuned = [
        estimate_training_s(
            replace(work, instance_count=count, fine_tune_epochs=5), INSTANCE_TYPES["m5.xlarge"], "sagemaker"
        )
        for count in (1, 4)
    ]
    assert tuned[0] - tuned[1] == pytest.approx(one.training_s - four.training_s)  # the first tunes alone


WORKLOADS = st.builds(
    Workload,
    images=st.integers(1, 500_000),
    total_bytes=st.integers(1, 10**11),
    backbone=st.sampled_from(sorted(GMACS)),
    image_size=st.sampled_from([64, 224, 640]),
    epochs=st.integers(1, 1000),
    champion_share=st.floats(0, 0.5),
)


@settings(deadline=None)
@given(WORKLOADS, st.floats(0, 100), st.booleans())
def test_the_choice_is_within_the_budget_whenever_anything_wished_for_is(work, max_cost_usd, use_spot):
    option = pick(work, max_cost_usd=max_cost_usd, use_spot=use_spot)
    if option.cost_usd > max_cost_usd:
        cheapest = min(
            pick(work, max_cost_usd=0.0, use_spot=use_spot, backend=backend).cost_usd
            for backend in ("sagemaker", "ec2")
        )
        assert cheapest > max_cost_usd


@settings(deadline=None)
@given(WORKLOADS)
def test_more_photos_and_a_champion_take_longer_and_more_cores_take_less(work):
    small, large = INSTANCE_TYPES["c5.xlarge"], INSTANCE_TYPES["c5.9xlarge"]
    more = Workload(**{**vars(work), "images": work.images * 2, "total_bytes": work.total_bytes * 2})
    with_champion = Workload(**{**vars(work), "champion_share": work.champion_share + 0.1})
    seconds = estimate_training_s(work, small, "sagemaker")
    assert estimate_training_s(more, small, "sagemaker") > seconds
    assert estimate_training_s(with_champion, small, "sagemaker") > seconds
    assert estimate_training_s(work, large, "sagemaker") < seconds


def test_a_photo_takes_the_time_that_was_measured():
    # A core decodes 624 photos of 500x375 a second, and computes the features of 95; c5.xlarge has two.
    photo_s = (1 / 624 + 1 / 95) / 2
    seconds = [
        estimate_training_s(replace(load(images), epochs=1), INSTANCE_TYPES["c5.xlarge"], "sagemaker")
        for images in (10_000, 20_000)
    ]
    assert (seconds[1] - seconds[0]) / 10_000 == pytest.approx(photo_s, rel=0.15)  # with the download


def test_the_table_names_what_aws_has():
    session = botocore.session.get_session()
    training_types = session.get_service_model("sagemaker").shape_for("TrainingInstanceType").enum
    ec2_types = session.get_service_model("ec2").shape_for("InstanceType").enum
    for instance in INSTANCE_TYPES.values():
        assert instance.name_on("sagemaker") in training_types
        assert instance.name_on("ec2") in ec2_types
        assert instance.gpu is None or instance.gpu in GPU_S_PER_GMAC


def test_sagemaker_costs_no_less_than_ec2():
    for instance in INSTANCE_TYPES.values():
        ec2, sagemaker = (instance.price(backend, "us-east-1") for backend in ("ec2", "sagemaker"))
        assert ec2
        assert sagemaker is None or ec2.usd <= sagemaker.usd


def test_a_type_that_sagemaker_does_not_sell_is_no_candidate_and_is_refused_by_name(plan):
    assert INSTANCE_TYPES["t3.medium"].price("sagemaker", "us-east-1") is None
    refused = plan({"instance_type": "ml.t3.medium"})
    assert not refused["accepted"]
    assert "not 'ml.t3.medium'" in refused["reason"]
    assert plan({"instance_type": "t3.medium"})["accepted"]


def test_a_region_is_planned_by_its_own_price_where_it_has_one(plan, environment):
    environment["USE_SPOT"] = "false"
    estimates = {}
    for region in ("us-east-1", "ap-south-1", "eu-west-1"):
        environment["AWS_REGION"] = region
        made = plan({"instance_type": "ml.m5.xlarge"})
        estimates[region] = made["estimate"]
        assert made["reason"].endswith(
            f"by {estimates[region]['price_region']}'s price of {estimates[region]['price_date']}"
        )
    assert [each["price_region"] for each in estimates.values()] == ["us-east-1", "ap-south-1", "us-east-1"]
    cost = {region: each["training_cost_usd"] for region, each in estimates.items()}
    assert cost["ap-south-1"] > cost["us-east-1"] == cost["eu-west-1"]


def test_the_time_limit_and_the_spot_wait(plan, environment):
    condition = plan()["stopping_condition"]
    assert condition == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    environment["USE_SPOT"] = "false"
    assert plan()["stopping_condition"] == {"MaxRuntimeInSeconds": 3600}
    slow = plan(images=200_000)
    assert slow["stopping_condition"]["MaxRuntimeInSeconds"] == pytest.approx(
        4 * slow["estimate"]["training_s"], abs=4
    )


def test_a_job_is_stopped_before_it_costs_more_than_its_limit(plan, environment):
    environment["USE_SPOT"] = "false"
    made = plan({"max_cost_usd": 0.05, "instance_type": "ml.m5.xlarge"})
    assert made["accepted"]
    runtime_s = made["stopping_condition"]["MaxRuntimeInSeconds"]
    assert made["estimate"]["training_s"] < runtime_s < 3600
    assert runtime_s / 3600 * 0.23 <= 0.05


def test_over_budget_is_refused_with_both_amounts(plan, bucket):
    made = plan({"max_cost_usd": 0.001})
    assert not made["accepted"]
    assert made["reason"].startswith("too expensive: estimated $0.00")
    assert "over the limit of $0.0010" in made["reason"]
    assert bucket.objects


def test_a_training_of_days_is_refused(plan):
    made = plan(
        {"instance_type": "ml.t3.large", "hyperparameters": {"backbone": "resnet50", "image-size": 448}},
        images=450_000,
    )
    assert not made["accepted"]
    assert made["reason"].startswith("too long: estimated ")


def test_ec2(plan):
    made = plan({"backend": "ec2", "instance_type": "t3.medium"})
    assert (made["backend"], made["instance_type"], made["use_spot"]) == ("ec2", "t3.medium", False)
    assert made["stopping_condition"] == {"MaxRuntimeInSeconds": 3600}


def test_the_volume_grows_with_the_dataset_and_its_features(plan):
    # 30 for the job, twice 10 GB of photos, twice 8 MB of features rounded up.
    assert plan(images=1000, photo_bytes=10_000_000)["volume_size_gb"] == 51
    views = plan({"hyperparameters": {"views": 16}}, images=100_000, photo_bytes=10_000)["volume_size_gb"]
    assert views == 30 + 2 + 27


def test_the_endpoint_has_a_price_where_it_is_known(plan, environment):
    assert plan()["estimate"]["endpoint_cost_usd_per_hour"] == 0.115
    environment["ENDPOINT_INSTANCE_TYPE"] = "ml.r5.large"
    assert plan()["estimate"]["endpoint_cost_usd_per_hour"] is None
