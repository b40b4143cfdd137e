"""Overrides: followed when they can be, and named one by one when not."""

import pytest

GOOD = [
    {},
    {"backend": None, "hyperparameters": None},
    {"backend": "ec2"},
    {"backend": "sagemaker", "instance_type": "ml.c5.2xlarge"},
    {"backend": "sagemaker", "instance_count": 2},
    {"backend": "ec2", "instance_count": 1},
    {"hyperparameters": {"backbone": "resnet18", "epochs": 1, "seed": 7.0, "label-smoothing": 0}},
    {"min_accuracy": 0, "max_cost_usd": 10, "force": False},
]


@pytest.mark.parametrize("overrides", GOOD)
def test_good_overrides_are_followed(plan, overrides):
    made = plan(overrides)
    assert made["accepted"], made["reason"]
    assert made["backend"] == overrides.get("backend", "sagemaker") or overrides["backend"] is None
    assert made["instance_type"] == overrides.get("instance_type", made["instance_type"])


def test_a_type_alone_says_its_backend(plan):
    assert plan({"instance_type": "c5.xlarge"})["backend"] == "ec2"
    assert plan({"instance_type": "ml.c5.xlarge"})["backend"] == "sagemaker"


def test_several_instances_are_sagemakers(plan):
    made = plan({"instance_count": 3, "max_cost_usd": 0.0})  # no budget: the cheapest there is
    assert (made["backend"], made["instance_count"]) == ("sagemaker", 3)
    assert "3 x ml." in made["reason"]
    assert plan()["instance_count"] == 1


def test_whole_numbers_are_written_whole(plan):
    assert plan({"hyperparameters": {"seed": 7.0}})["hyperparameters"]["seed"] == "7"


BAD = [
    ({"backed": "ec2"}, "'backed' is not known; allowed are backend, instance_type"),
    ({"backend": "batch"}, "backend must be one of sagemaker, ec2, not 'batch'"),
    ({"instance_type": "ml.x9.huge"}, "not 'ml.x9.huge'"),
    ({"instance_type": 5}, "instance_type must be one of t3.medium"),
    ({"backend": "ec2", "instance_type": "ml.m5.xlarge"}, "is one of sagemaker, but backend is 'ec2'"),
    ({"hyperparameters": {"lr": 0.1}}, "'lr' is not known; allowed are backbone, class-weights, int8"),
    ({"hyperparameters": {"run-id": "mine"}}, "'run-id' is not known"),
    ({"hyperparameters": {"sagemaker_program": "evil.py"}}, "'sagemaker_program' is not known"),
    ({"hyperparameters": {"backbone": "vgg"}}, "must be one of efficientnet_lite0, resnet18"),
    ({"hyperparameters": {"epochs": 0}}, "'epochs' must be a whole number from 1 to 1000, not 0"),
    ({"hyperparameters": {"epochs": 1.5}}, "not 1.5"),
    ({"hyperparameters": {"epochs": "10"}}, "not '10'"),
    ({"hyperparameters": {"epochs": True}}, "not True"),
    ({"hyperparameters": {"learning-rate": float("nan")}}, "must be a number from 1e-06 to 1, not nan"),
    ({"hyperparameters": {"image-size": 100}}, "must be a multiple of 32 from 64 to 640, not 100"),
    ({"hyperparameters": {"valid-share": 0.5, "test-share": 0.5}}, "at most 0.8 together, not 1"),
    ({"hyperparameters": ["epochs"]}, "must be an object of names and values"),
    ({"hyperparameters": {"backbone": ["resnet18"]}}, "must be one of"),
    ({"min_accuracy": 1.2}, "min_accuracy must be a number from 0 to 1, not 1.2"),
    ({"max_cost_usd": -1}, "max_cost_usd must be a number from 0 to 100000, not -1"),
    ({"instance_count": 0}, "instance_count must be a whole number from 1 to 8, not 0"),
    ({"instance_count": 9}, "instance_count must be a whole number from 1 to 8, not 9"),
    ({"instance_count": True}, "not True"),
    (
        {"instance_count": 2, "backend": "ec2"},
        "instance_count is 2, but EC2 trains on one instance; use backend 'sagemaker'",
    ),
    ({"instance_count": 2, "instance_type": "m5.xlarge"}, "EC2 trains on one instance"),
    ({"force": "yes"}, "force must be true or false, not 'yes'"),
]


@pytest.mark.parametrize("overrides, words", BAD)
def test_a_bad_override_is_refused_and_named(plan, overrides, words):
    made = plan(overrides)
    assert not made["accepted"]
    assert made["reason"].startswith("bad overrides: ")
    assert words in made["reason"]
    assert set(made) == {"accepted", "reason", "plan_uri"}


def test_every_bad_override_is_named(plan):
    reason = plan({"backend": "x", "force": 1, "min_accuracy": 2, "hyperparameters": {"epochs": 0}})["reason"]
    assert reason.count(";") == 3


def test_a_backbone_without_weights_is_refused_before_anything_is_paid_for(plan, bucket):
    bucket.weights = ("efficientnet_lite0",)
    made = plan({"hyperparameters": {"backbone": "resnet18"}})
    assert not made["accepted"]
    assert "no pretrained weights of 'resnet18'; it has efficientnet_lite0" in made["reason"]
    assert "dropserve deploy --weights resnet18=FILE" in made["reason"]
    assert plan()["accepted"]


def test_a_deployment_without_any_weights_says_so(plan, bucket):
    bucket.weights = ()
    assert "it has none" in plan()["reason"]


@pytest.mark.parametrize("more", [{"views": 4}, {"fine-tune": 2}, {"fine-tune": 2, "fine-tune-epochs": 9}])
def test_what_makes_training_longer_makes_the_estimate_longer(plan, more):
    def estimate(hyperparameters):
        made = plan({"hyperparameters": hyperparameters, "instance_type": "ml.c5.xlarge"}, images=20_000)
        return made["estimate"]["training_s"]

    assert estimate(more) > 1.5 * estimate({"fine-tune-epochs": 9})
