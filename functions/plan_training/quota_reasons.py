"""What a plan says of the account's quotas: why it takes another machine than the preferred one, or none."""

from functions.plan_training.instance_choice import NoQuotaError, Option, Wishes, choose
from functions.plan_training.quotas import TrainingQuotas
from functions.plan_training.throughput import Workload


def why_another(chosen: Option, work: Workload, wishes: Wishes, quotas: TrainingQuotas) -> str:
    """The end of the plan's reason; empty where the quotas changed nothing."""
    if quotas.fault:
        return f"; Service Quotas does not tell what this account may start ({quotas.fault})"
    preferred = choose(work, wishes, TrainingQuotas())
    lacking = quotas.lacking(
        preferred.instance,
        preferred.backend,
        use_spot=preferred.use_spot,
        instance_count=preferred.instance_count,
    )
    if lacking is None or preferred == chosen:
        return ""
    return f"; the preferred machine is not taken, since the quota '{lacking.name}' is {lacking.value:g}"


def why_none(error: NoQuotaError, wishes: Wishes, *, region: str) -> str:
    """The reason of a rejected plan, with the command that asks for the preferred machine's quota."""
    quota = error.quota
    ways = (
        "" if wishes.backend else "; or train on EC2 (backend 'ec2', or the parameter TrainOnEc2WithoutQuota)"
    )
    return (
        f"no quota: '{quota.name}' is {quota.value:g}, and the account may start no other type that the plan "
        f"may choose; ask for it: {quota.increase_command(error.needed, region=region)}{ways}"
    )
