"""What the account may start for training, by Service Quotas.

A plan asks when it is made: a quota that was raised counts with the next run, without a new deployment.
Names, as https://docs.aws.amazon.com/general/latest/gr/sagemaker.html and CreateTrainingJob's errors have
them: `ml.m5.xlarge for training job usage`, `ml.m5.xlarge for spot training job usage`; of EC2, in vCPUs:
https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.common.service_quotas import Quota, read_quotas
from functions.plan_training.instance_types import INSTANCE_TYPES, Backend, InstanceType

STANDARD_VCPUS = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
GPU_VCPUS = "Running On-Demand G and VT instances"


@dataclass(frozen=True)
class TrainingQuotas:
    """Name -> quota. What is not there is not known, and is no limit; `fault` says why, if AWS told."""

    quotas: Mapping[str, Quota] = field(default_factory=dict)
    fault: str | None = None

    def lacking(
        self, instance: InstanceType, backend: Backend, *, use_spot: bool, instance_count: int
    ) -> Quota | None:
        """The quota that does not allow these instances; None where they may start."""
        quota = self.quotas.get(quota_name(instance, backend, use_spot=use_spot))
        needed = quota_need(instance, backend, instance_count=instance_count)
        return quota if quota is not None and quota.value < needed else None


def quota_name(instance: InstanceType, backend: Backend, *, use_spot: bool) -> str:
    if backend == "ec2":
        return GPU_VCPUS if instance.gpu else STANDARD_VCPUS
    return f"{instance.name_on(backend)} for {'spot ' if use_spot else ''}training job usage"


def quota_need(instance: InstanceType, backend: Backend, *, instance_count: int) -> int:
    """How much of its quota a training takes: SageMaker counts instances, EC2 vCPUs."""
    return instance.vcpus * instance_count if backend == "ec2" else instance_count


def read_training_quotas(client: Any) -> TrainingQuotas:
    """Of every type that a plan may choose. What AWS does not tell is a `fault`, and raises nothing."""
    names = {
        quota_name(instance, "sagemaker", use_spot=use_spot)
        for instance in INSTANCE_TYPES.values()
        for use_spot in (False, True)
    }
    try:
        found = read_quotas(client, "sagemaker", names)
        found |= read_quotas(client, "ec2", {STANDARD_VCPUS, GPU_VCPUS})
    except (ClientError, BotoCoreError) as error:
        return TrainingQuotas(fault=_why(error))
    return TrainingQuotas(found)


def _why(error: ClientError | BotoCoreError) -> str:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
