"""The machine that a training gets: chosen by speed and price, within budget, quotas and network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from functions.plan_training import hyperparameters
from functions.plan_training.instance_choice import NoQuotaError, Option, Wishes, choose
from functions.plan_training.instance_types import has_local_storage
from functions.plan_training.machine_images import machine_image
from functions.plan_training.overrides import Overrides
from functions.plan_training.quota_reasons import why_another, why_none
from functions.plan_training.quotas import TrainingQuotas
from functions.plan_training.settings import Settings
from functions.plan_training.throughput import Workload

MAX_RUNTIME_S = 24 * 3600


@dataclass(frozen=True)
class Machine:
    """`reason` says what was chosen, or why nothing is `accepted`. `option` None: there is no machine.

    `values` are the hyperparameters with their defaults; `names` what the plan says of machine and images.
    """

    accepted: bool
    reason: str
    values: Mapping[str, Any]
    max_cost_usd: float
    option: Option | None = None
    names: Mapping[str, Any] = field(default_factory=dict)


def choose_machine(
    inspection: Mapping[str, Any],
    overrides: Overrides,
    settings: Settings,
    quotas: TrainingQuotas,
    *,
    tries_champion: bool,
) -> Machine:
    """For a dataset with the inspection's `image_count` and `total_bytes`; writes and starts nothing."""
    values = hyperparameters.with_defaults(overrides.hyperparameters, backbone=settings.default_backbone)
    max_cost_usd = first_given(overrides.max_cost_usd, settings.default_max_cost_usd)
    work = _workload(inspection, values, overrides.instance_count, tries_champion=tries_champion)
    wishes = Wishes(
        max_cost_usd=max_cost_usd,
        use_spot=settings.use_spot,
        backend=overrides.backend or ("sagemaker" if settings.network.is_closed else None),
        instance_name=overrides.instance_name,
        ec2_without_quota=settings.ec2_without_quota,
        gpus=settings.network.why_not("sagemaker", settings.images.gpu_training) is None,
        region=settings.region,
    )
    try:
        option = choose(work, wishes, quotas)
    except NoQuotaError as error:
        return Machine(False, why_none(error, wishes, region=settings.region), values, max_cost_usd)
    names = _names(option, settings)
    if unfit := settings.network.why_not(option.backend, names["training_image_uri"]):
        return Machine(False, unfit, values, max_cost_usd)
    accepted, reason = _verdict(option, max_cost_usd)
    reason += why_another(option, work, wishes, quotas)
    return Machine(accepted, reason, values, max_cost_usd, option, names)


def _workload(
    inspection: Mapping[str, Any], values: Mapping[str, Any], instance_count: int, *, tries_champion: bool
) -> Workload:
    return Workload(
        images=inspection["image_count"],
        total_bytes=inspection["total_bytes"],
        backbone=values["backbone"],
        image_size=values["image-size"],
        epochs=values["epochs"],
        champion_share=values["test-share"] if tries_champion else 0.0,
        training_share=1 - values["valid-share"] - values["test-share"],
        views=values["views"],
        fine_tune_epochs=values["fine-tune-epochs"] if values["fine-tune"] else 0,
        instance_count=instance_count,
    )


def first_given(value: float | None, default: float) -> float:
    """The value of a run, else the deployment's."""
    return default if value is None else value


def _verdict(option: Option, max_cost_usd: float) -> tuple[bool, str]:
    name = option.instance.name_on(option.backend)
    if option.instance_count > 1:
        name = f"{option.instance_count} x {name}"
    if option.cost_usd > max_cost_usd:
        return False, (
            f"too expensive: estimated {_usd(option.cost_usd)} over the limit of {_usd(max_cost_usd)}; "
            f"that is for {name}; raise max_cost_usd, or choose a smaller backbone, image-size or dataset"
        )
    if option.training_s > MAX_RUNTIME_S:
        return False, (
            f"too long: estimated {option.training_s / 3600:.0f} hours on {name}, over the limit of "
            f"{MAX_RUNTIME_S // 3600}; choose a faster instance_type, or a smaller backbone or image-size"
        )
    minutes = max(1, round(option.training_s / 60))
    where = {"sagemaker": "SageMaker", "ec2": "EC2"}[option.backend]
    spot = ", managed spot" if option.use_spot else ""
    by = f"by {option.hour.region}'s price of {option.hour.date}"
    return True, f"{name} on {where}{spot}: about {minutes} min and {_usd(option.cost_usd)}, {by}"


def _usd(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 0.1 else f"${amount:.4f}"


def _names(option: Option, settings: Settings) -> dict[str, Any]:
    gpu = bool(option.instance.gpu)
    return {
        "backend": option.backend,
        "instance_type": option.instance.name_on(option.backend),
        "instance_count": option.instance_count,
        "use_spot": option.use_spot,
        "local_storage": has_local_storage(option.instance),
        "training_image_uri": settings.images.for_training(gpu=gpu),
        "serving_image_uri": settings.images.serving,
        "ec2_image_id": machine_image(gpu=gpu).image_id,
        "endpoint_kind": settings.endpoint.kind,
        "endpoint_instance_type": settings.endpoint.instance_type,
        "serverless_memory_mb": settings.endpoint.memory_mb,
        "serverless_max_concurrency": settings.endpoint.max_concurrency,
    }
