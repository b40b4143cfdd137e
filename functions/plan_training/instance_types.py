"""Instance types: what an hour of them costs, and of which processor they are.

US dollars an hour, on demand, Linux, in us-east-1, as AWS listed them in 2025:
https://aws.amazon.com/sagemaker/pricing/ and https://aws.amazon.com/ec2/pricing/on-demand/.
Prices change, and other regions differ (mostly upwards, by up to a half): an estimate is for deciding, the
bill is AWS's. Storage and requests are left out; for a job of this size they are cents.
"""

import re
from dataclasses import dataclass
from typing import Literal

from contracts.training_job import Architecture

Backend = Literal["sagemaker", "ec2"]


@dataclass(frozen=True)
class InstanceType:
    """One size of machine: `name` as EC2 calls it; SageMaker's name has `ml.` before it."""

    name: str
    vcpus: int
    memory_gib: int
    gpu: str | None
    ec2_usd_per_hour: float
    sagemaker_usd_per_hour: float

    def usd_per_hour(self, backend: Backend) -> float:
        return self.sagemaker_usd_per_hour if backend == "sagemaker" else self.ec2_usd_per_hour

    def name_on(self, backend: Backend) -> str:
        return f"ml.{self.name}" if backend == "sagemaker" else self.name


INSTANCE_TYPES = {
    instance.name: instance
    for instance in (
        InstanceType("t3.medium", 2, 4, None, 0.0416, 0.05),
        InstanceType("t3.large", 2, 8, None, 0.0832, 0.10),
        InstanceType("t3.xlarge", 4, 16, None, 0.1664, 0.20),
        InstanceType("m5.large", 2, 8, None, 0.096, 0.115),
        InstanceType("m5.xlarge", 4, 16, None, 0.192, 0.23),
        InstanceType("m5.2xlarge", 8, 32, None, 0.384, 0.461),
        InstanceType("m5.4xlarge", 16, 64, None, 0.768, 0.922),
        InstanceType("c5.xlarge", 4, 8, None, 0.17, 0.204),
        InstanceType("c5.2xlarge", 8, 16, None, 0.34, 0.408),
        InstanceType("c5.4xlarge", 16, 32, None, 0.68, 0.816),
        InstanceType("c5.9xlarge", 36, 72, None, 1.53, 1.836),
        InstanceType("g4dn.xlarge", 4, 16, "T4", 0.526, 0.7364),
        InstanceType("g4dn.2xlarge", 8, 32, "T4", 0.752, 0.94),
        InstanceType("g4dn.4xlarge", 16, 64, "T4", 1.204, 1.505),
        InstanceType("g5.xlarge", 4, 16, "A10G", 1.006, 1.408),
        InstanceType("g5.2xlarge", 8, 32, "A10G", 1.212, 1.515),
        InstanceType("g5.4xlarge", 16, 64, "A10G", 1.624, 2.03),
        InstanceType("g6.xlarge", 4, 16, "L4", 0.8048, 1.1267),
        InstanceType("g6.2xlarge", 8, 32, "L4", 0.9776, 1.222),
        InstanceType("g6.4xlarge", 16, 64, "L4", 1.3232, 1.654),
    )
}

# Real-time endpoints, which come in small sizes as well, and not in burstable ones that can be autoscaled.
ENDPOINT_USD_PER_HOUR = {"ml.c5.large": 0.102} | {
    instance.name_on("sagemaker"): instance.sagemaker_usd_per_hour
    for instance in INSTANCE_TYPES.values()
    if not instance.name.startswith("t")
}

# What managed spot training costs of the on-demand price. AWS names savings of up to 90%; how much it is on a
# day cannot be known before, so half is assumed.
SPOT_PRICE_FACTOR = 0.5

# Series, generation, attributes; and a suffix for some machines of many GPUs, named after these.
# https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
_FAMILY = re.compile(r"(?:ml\.)?[a-z]+\d+(?P<attributes>[a-z]*)(?:-(?P<gpus>[a-z]+)\d+)?\.[a-z0-9-]+")


def architecture_of(instance_type: str) -> Architecture:
    """Of `ml.m6g.large` or `m6g.large`. Raises ValueError for what is no name of an instance type."""
    match = _FAMILY.fullmatch(instance_type)
    if not match:
        raise ValueError(f"{instance_type!r} is no instance type")
    # The attribute g is Graviton; Grace, which AWS sells with Blackwell GPUs as GB200, is ARM as well.
    return "arm64" if "g" in match["attributes"] or match["gpus"] == "gb" else "x86_64"
