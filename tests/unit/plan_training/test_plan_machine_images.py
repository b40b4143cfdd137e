"""Which machine image trains on EC2: one that is for the instance type, with room on its root volume."""

import pytest

from functions.plan_training.instance_types import INSTANCE_TYPES

AMAZON_LINUX = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
DEEP_LEARNING = "resolve:ssm:/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-"
# `supported_ec2_instances` of
# https://docs.aws.amazon.com/dlami/latest/devguide/aws-deep-learning-ami-gpupt213oss-al2023-2026-10-05.html
DEEP_LEARNING_FAMILIES = {
    *("g4dn", "g5", "g6", "gr6", "gr6f", "g6e", "g6f"),
    *("p4", "p4de", "p5", "p5e", "p5en", "p6-b200"),
}


@pytest.mark.parametrize("name", INSTANCE_TYPES)
def test_the_deep_learning_image_is_for_the_types_that_it_supports_and_no_other(plan, name):
    made = plan({"backend": "ec2", "instance_type": name, "max_cost_usd": 100})
    assert made["instance_type"] == name
    family = name.partition(".")[0]
    image = DEEP_LEARNING if family in DEEP_LEARNING_FAMILIES else AMAZON_LINUX
    assert made["ec2_image_id"].startswith(image)


@pytest.mark.parametrize(("name", "image_gb"), [("m5.large", 20), ("g5.xlarge", 100)])
def test_the_root_volume_has_room_for_the_image_the_packages_and_the_photos(plan, name, image_gb):
    overrides = {"backend": "ec2", "instance_type": name, "max_cost_usd": 100}
    made = plan(overrides, images=1000, photo_bytes=10_000_000)
    # Twice 10 GB of photos, twice 8 MB of features rounded up.
    assert made["volume_size_gb"] == image_gb + 21
