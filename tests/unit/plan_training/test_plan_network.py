"""Which network a training is told of, when it needs none, and what it cannot do without the internet."""

import pytest

from functions.common.errors import SettingsError
from functions.plan_training.settings import read_settings
from tests.unit.plan_training.test_plan_document import assert_sagemaker_takes
from tests.unit.plan_training.test_plan_quotas import account

SUBNETS, GROUPS = ["subnet-0a", "subnet-0b"], ["sg-0c"]
HUGE = {"images": 200_000, "photo_bytes": 60_000}
SLOW = {"hyperparameters": {"backbone": "resnet50", "image-size": 448}}


@pytest.fixture
def network(environment):
    """network("new") -> the deployment is in a VPC."""

    def set_up(kind):
        environment["NETWORK"] = kind
        environment["VPC_SUBNET_IDS"] = "subnet-0a, subnet-0b"
        environment["VPC_SECURITY_GROUP_IDS"] = "sg-0c"

    return set_up


def test_without_a_vpc_nothing_is_said_of_one(plan):
    assert "vpc_config" not in plan()


@pytest.mark.parametrize("kind", ["existing", "new"])
def test_a_plan_names_subnets_and_security_groups(plan, network, kind):
    network(kind)
    made = plan()
    assert made["accepted"]
    assert made["vpc_config"] == {"Subnets": SUBNETS, "SecurityGroupIds": GROUPS}
    assert_sagemaker_takes(made)


@pytest.mark.parametrize(
    ("overrides", "drop", "isolated"),
    [
        ({}, "zip", True),
        ({"instance_count": 4}, "zip", True),
        # It fetches the versions of its photos itself.
        ({}, "folder", False),
        # AWS's image for GPUs gets packages.
        ({"instance_type": "ml.g4dn.xlarge"}, "zip", False),
        ({"backend": "ec2"}, "zip", False),
    ],
)
def test_a_container_that_needs_no_network_gets_none(plan, overrides, drop, isolated):
    assert plan(overrides, kind=drop)["network_isolation"] is isolated


def test_without_the_internet_ec2_is_not_taken(plan, network, environment):
    environment["EC2_WITHOUT_QUOTA"] = "true"
    network("new")
    refused = plan({"backend": "ec2"})
    assert not refused["accepted"]
    assert "Network=new" in refused["reason"]
    lacking = plan(quotas=account())
    assert not lacking["accepted"]
    assert lacking["reason"].startswith("no quota: ")
    assert "EC2" not in lacking["reason"]
    network("existing")
    assert plan({"backend": "ec2"})["accepted"]
    assert plan(quotas=account())["backend"] == "ec2"


def test_without_the_internet_an_image_that_gets_packages_is_not_taken(plan, network, environment):
    environment["DEFAULT_MAX_COST_USD"] = "100"
    assert "g" in plan(SLOW, **HUGE)["instance_type"].split(".")[1]
    network("new")
    chosen = plan(SLOW, **HUGE)
    assert chosen["accepted"]
    assert chosen["instance_type"].startswith(("ml.c5.", "ml.m5."))
    refused = plan({"instance_type": "ml.g4dn.xlarge"})
    assert not refused["accepted"]
    assert "GpuTrainingImageUri" in refused["reason"]
    environment["GPU_TRAINING_IMAGE_URI"] = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mine/train:1"
    own = plan({"instance_type": "ml.g4dn.xlarge"})
    assert (own["accepted"], own["network_isolation"]) == (True, True)


@pytest.mark.parametrize("name", ["VPC_SUBNET_IDS", "VPC_SECURITY_GROUP_IDS"])
def test_a_vpc_without_its_subnets_is_refused(environment, network, name):
    network("existing")
    environment[name] = ""
    with pytest.raises(SettingsError, match=name):
        read_settings(environment)


@pytest.mark.parametrize(
    ("instance_type", "has_storage"),
    [
        ("ml.m5.xlarge", False),
        ("ml.c5.xlarge", False),
        ("ml.g4dn.xlarge", True),
        ("ml.g5.xlarge", True),
        ("ml.g6.xlarge", True),
    ],
)
def test_a_plan_tells_whether_its_type_has_storage_of_its_own(plan, instance_type, has_storage):
    assert plan({"instance_type": instance_type})["local_storage"] is has_storage
