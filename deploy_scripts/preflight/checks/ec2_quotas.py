"""vCPUs on EC2, of the two kinds of instance that a plan may choose."""

from collections.abc import Iterator

from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from functions.plan_training.instance_choice import CANDIDATES
from functions.plan_training.instance_types import INSTANCE_TYPES
from functions.plan_training.quotas import GPU_VCPUS, STANDARD_VCPUS

CPU_NAME, GPU_NAME = "vCPUs of EC2 for CPU training", "vCPUs of EC2 for GPU training"


def check(intent: Intent) -> Iterator[Finding]:
    """EC2 counts vCPUs: https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html"""
    yield _vcpus(intent, CPU_NAME, STANDARD_VCPUS, on_gpu=False)
    yield _vcpus(intent, GPU_NAME, GPU_VCPUS, on_gpu=True)


def _vcpus(intent: Intent, check_name: str, quota_name: str, *, on_gpu: bool) -> Finding:
    quota = intent.quotas.of("ec2").get(quota_name)
    if quota is None:
        return Finding(check_name, "warn", f"Service Quotas lists no quota '{quota_name}'.")
    candidates = [INSTANCE_TYPES[name] for name in CANDIDATES if bool(INSTANCE_TYPES[name].gpu) == on_gpu]
    smallest = min(candidates, key=lambda instance: instance.vcpus)
    found = f"'{quota_name}' is {quota.value:g}"
    if quota.value >= smallest.vcpus:
        return Finding(check_name, "ok", found)
    needs_it = intent.ec2_without_quota and not on_gpu
    return Finding(
        check_name,
        "fail" if needs_it else "warn",
        f"{found}, and {smallest.name}, the smallest that a plan chooses, has {smallest.vcpus}.",
        "Ask for it." if needs_it else "Ask for it before a run trains so on EC2.",
        **intent.quotas.how_to_ask(quota, smallest.vcpus),
    )
