"""Training instances of SageMaker: whether the plan has a type to choose, on spot where that is wished."""

from collections.abc import Iterator

from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from functions.common.service_quotas import Quota
from functions.plan_training.instance_choice import CANDIDATES
from functions.plan_training.instance_types import INSTANCE_TYPES
from functions.plan_training.quotas import quota_name

NAME, SPOT_NAME = "training instances", "spot training instances"


def check(intent: Intent) -> Iterator[Finding]:
    """The plan asks again for each run: a quota that is raised later needs no deployment."""
    yield _on_demand(intent, _quotas(intent, use_spot=False))
    if intent.flag("UseSpot"):
        yield _on_spot(intent, _quotas(intent, use_spot=True))


def _on_demand(intent: Intent, quotas: list[Quota]) -> Finding:
    if not quotas:
        return Finding(NAME, "warn", "Service Quotas lists no quota for training instances.")
    allowed = [quota for quota in quotas if quota.value >= 1]
    if allowed:
        return Finding(NAME, "ok", _named(allowed))
    first = quotas[0]
    found = f"The quota of every type that a plan may choose is 0, such as '{first.name}'"
    if intent.ec2_without_quota:
        return Finding(NAME, "ok", f"{found}: EC2 trains (TrainOnEc2WithoutQuota)")
    return Finding(
        NAME,
        "warn",
        f"{found}: runs would be rejected until one is raised.",
        "Ask for it, or let EC2 train: --parameter TrainOnEc2WithoutQuota=true",
        **intent.quotas.how_to_ask(first, 1),
    )


def _on_spot(intent: Intent, quotas: list[Quota]) -> Finding:
    if not quotas:
        return Finding(SPOT_NAME, "warn", "Service Quotas lists no quota for spot training.")
    allowed = [quota for quota in quotas if quota.value >= 1]
    if allowed:
        return Finding(SPOT_NAME, "ok", _named(allowed))
    first = quotas[0]
    return Finding(
        SPOT_NAME,
        "warn",
        f"UseSpot=true, and the quota of every type is 0, such as '{first.name}': runs train on demand.",
        "Ask for it.",
        **intent.quotas.how_to_ask(first, 1),
    )


def _quotas(intent: Intent, *, use_spot: bool) -> list[Quota]:
    """Of the types that a plan chooses among by itself, in their order."""
    listed = intent.quotas.of("sagemaker")
    names = [quota_name(INSTANCE_TYPES[name], "sagemaker", use_spot=use_spot) for name in CANDIDATES]
    return [listed[name] for name in names if name in listed]


def _named(quotas: list[Quota]) -> str:
    return ", ".join(f"{quota.name.partition(' ')[0]} {quota.value:g}" for quota in quotas)
