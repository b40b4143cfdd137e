"""Instance types: of which size and processor they are, and what an hour of them costs."""

import re
from dataclasses import dataclass
from typing import Literal

from contracts.training_job import Architecture
from functions.common.prices import Price, find_price

Backend = Literal["sagemaker", "ec2"]


@dataclass(frozen=True)
class InstanceType:
    """One size of machine: `name` as EC2 calls it; SageMaker's name has `ml.` before it."""

    name: str
    vcpus: int
    memory_gib: int
    gpu: str | None

    def price(self, backend: Backend, region: str) -> Price | None:
        """Of an hour of training; None where it is not known, as where a backend does not sell the type."""
        product = "sagemaker-training" if backend == "sagemaker" else "ec2"
        return find_price(f"{product}/{self.name_on(backend)}", region)

    def name_on(self, backend: Backend) -> str:
        return f"ml.{self.name}" if backend == "sagemaker" else self.name


# Sizes as karpenter's reference of 2026-07-11 has them, which is made from DescribeInstanceTypes:
# https://karpenter.sh/v1.14/reference/instance-types/
INSTANCE_TYPES = {
    instance.name: instance
    for instance in (
        InstanceType("t3.medium", 2, 4, None),
        InstanceType("t3.large", 2, 8, None),
        InstanceType("t3.xlarge", 4, 16, None),
        InstanceType("m5.large", 2, 8, None),
        InstanceType("m5.xlarge", 4, 16, None),
        InstanceType("m5.2xlarge", 8, 32, None),
        InstanceType("m5.4xlarge", 16, 64, None),
        InstanceType("c5.xlarge", 4, 8, None),
        InstanceType("c5.2xlarge", 8, 16, None),
        InstanceType("c5.4xlarge", 16, 32, None),
        InstanceType("c5.9xlarge", 36, 72, None),
        InstanceType("g4dn.xlarge", 4, 16, "T4"),
        InstanceType("g4dn.2xlarge", 8, 32, "T4"),
        InstanceType("g4dn.4xlarge", 16, 64, "T4"),
        InstanceType("g5.xlarge", 4, 16, "A10G"),
        InstanceType("g5.2xlarge", 8, 32, "A10G"),
        InstanceType("g5.4xlarge", 16, 64, "A10G"),
        InstanceType("g6.xlarge", 4, 16, "L4"),
        InstanceType("g6.2xlarge", 8, 32, "L4"),
        InstanceType("g6.4xlarge", 16, 64, "L4"),
    )
}

# What managed spot training costs of the on-demand price. AWS names savings of up to 90%; how much it is on a
# day cannot be known before, so half is assumed.
SPOT_PRICE_FACTOR = 0.5

# Series, generation, attributes; and a suffix for some machines of many GPUs, named after these.
# https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
_FAMILY = re.compile(r"(?:ml\.)?[a-z]+\d+(?P<attributes>[a-z]*)(?:-(?P<gpus>[a-z]+)\d+)?\.[a-z0-9-]+")


# Families with storage on the machine itself whose name does not say so by the attribute d, of those in
# INSTANCE_TYPES: https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
_WITH_LOCAL_STORAGE = ("g5", "g6")


def has_local_storage(instance: InstanceType) -> bool:
    """Whether the machine has NVMe storage, which encrypts itself and takes no key."""
    family = instance.name.partition(".")[0]
    match = _FAMILY.fullmatch(instance.name)
    return family in _WITH_LOCAL_STORAGE or (match is not None and "d" in match["attributes"])


def endpoint_price(instance_type: str, region: str) -> Price | None:
    """Of an hour of one instance of a real-time endpoint, such as `ml.m5.large`."""
    return find_price(f"sagemaker-hosting/{instance_type}", region)


def architecture_of(instance_type: str) -> Architecture:
    """Of `ml.m6g.large` or `m6g.large`. Raises ValueError for what is no name of an instance type."""
    match = _FAMILY.fullmatch(instance_type)
    if not match:
        raise ValueError(f"{instance_type!r} is no instance type")
    # The attribute g is Graviton; Grace, which AWS sells with Blackwell GPUs as GB200, is ARM as well.
    return "arm64" if "g" in match["attributes"] or match["gpus"] == "gb" else "x86_64"
