"""The plan of one training: everything that the workflow needs to start it, and what it will cost."""

import math
from collections.abc import Mapping
from typing import Any

from contracts.bucket import CHECKPOINTS, PLAN, run_key
from contracts.training_job import CODE_CHANNEL, weights_key
from functions.common.documents import put_document
from functions.common.errors import bounded_reason
from functions.common.live_pointer import why_live_model_is_lost
from functions.common.s3_uris import S3Uri
from functions.plan_training import hyperparameters
from functions.plan_training.container_images import training_program
from functions.plan_training.instance_choice import Option
from functions.plan_training.instance_types import Backend
from functions.plan_training.machine import MAX_RUNTIME_S, choose_machine, first_given
from functions.plan_training.machine_images import machine_image
from functions.plan_training.network import is_isolated
from functions.plan_training.overrides import BadOverridesError, Overrides, read_overrides
from functions.plan_training.quotas import TrainingQuotas
from functions.plan_training.settings import Settings
from functions.plan_training.weights import missing_weights

# A job may take this many times its estimate, an hour at least and a day at most, and never more than its
# budget pays for.
RUNTIME_FACTOR = 4
MIN_RUNTIME_S = 3600
# How long a spot job may wait for a machine, on top of its running time.
SPOT_WAIT_S = 3600
# 2048 float32 at most: resnet50's.
FEATURE_BYTES = 2048 * 4
# Of a training job's volume, without the photos; the container image does not lie on it.
SAGEMAKER_VOLUME_GB = 30


def plan_training(
    request: Mapping[str, Any],
    *,
    settings: Settings,
    champion: dict[str, Any] | None,
    quotas: TrainingQuotas,
    s3: Any,
) -> dict[str, Any]:
    """Plan the training that `request` (run, overrides, inspection) asks for, and write plan.json.

    Overrides that cannot be followed, weights that are not there, instances that the account may not start,
    and a plan over its limits are results: `accepted` false and why.
    """
    run = request["run"]
    plan_uri = S3Uri(settings.data_bucket, run_key(run["id"], PLAN))
    try:
        overrides = read_overrides(request["overrides"], region=settings.region)
    except BadOverridesError as error:
        plan: dict[str, Any] = {"accepted": False, "reason": str(error)}
    else:
        lost = why_live_model_is_lost(champion, data_bucket=settings.data_bucket, s3=s3)
        plan = _plan(request, overrides, settings, None if lost else champion, quotas)
        # A channel without an object fails the training; the judge is told what was live all the same.
        plan["champion"] = champion
        if lost and plan["accepted"]:
            plan["reason"] += f"; {lost}, so the new model is not tried beside it"
        backbone = overrides.hyperparameters.get("backbone", settings.default_backbone)
        missing = missing_weights(backbone, bucket=settings.artifacts_bucket, s3=s3)
        if missing:
            plan.update(accepted=False, reason=missing)
    plan |= {"plan_uri": str(plan_uri), "reason": bounded_reason(plan["reason"])}
    put_document("plan", plan, plan_uri, s3=s3)
    return plan


def _plan(
    request: Mapping[str, Any],
    overrides: Overrides,
    settings: Settings,
    champion: dict[str, Any] | None,
    quotas: TrainingQuotas,
) -> dict[str, Any]:
    run, inspection = request["run"], request["inspection"]
    machine = choose_machine(inspection, overrides, settings, quotas, tries_champion=champion is not None)
    option, values = machine.option, machine.values
    if option is None:
        return {"accepted": False, "reason": machine.reason}
    if values.get("serving-architecture", "auto") == "auto":
        values = {**values, "serving-architecture": settings.endpoint.architecture}
    machines = machine.names
    return {
        "accepted": machine.accepted,
        "reason": machine.reason,
        **machines,
        **_network(option, machines["training_image_uri"], inspection, settings),
        "hyperparameters": hyperparameters.encode(
            values,
            run=run,
            inspection=inspection,
            machine=f"{machines['instance_count']} x {machines['instance_type']}",
            toolkit={
                "sagemaker_program": training_program(machines["training_image_uri"]),
                "sagemaker_submit_directory": _code_file(settings),
                "sagemaker_region": settings.region,
            },
        ),
        "input_data_config": _channels(option.backend, inspection, values["backbone"], champion, settings),
        "volume_size_gb": _base_volume_gb(option) + _data_gb(inspection, values["views"]),
        "stopping_condition": _stopping_condition(option, machine.max_cost_usd),
        "estimate": {
            "training_s": round(option.training_s),
            "training_cost_usd": round(option.cost_usd, 4),
            "endpoint_cost_usd_per_hour": settings.endpoint.usd_per_hour(settings.region),
            "price_region": option.hour.region,
            "price_date": option.hour.date,
        },
        "min_accuracy": first_given(overrides.min_accuracy, settings.default_min_accuracy),
        "force": overrides.force,
        "champion": champion,
        "output_uri": str(S3Uri(settings.data_bucket, run_key(run["id"], "training"))),
        "checkpoint_uri": str(S3Uri(settings.data_bucket, f"{CHECKPOINTS}{run['id']}")),
    }


def _base_volume_gb(option: Option) -> int:
    if option.backend == "sagemaker":
        return SAGEMAKER_VOLUME_GB
    return machine_image(gpu=bool(option.instance.gpu)).volume_gb


def _data_gb(inspection: Mapping[str, Any], views: int) -> int:
    """The drop and a copy of it; each view's features, in the working file and in the checkpoint."""
    features_bytes: int = inspection["image_count"] * views * FEATURE_BYTES
    photo_bytes: int = inspection["total_bytes"]
    return math.ceil(2 * (photo_bytes + features_bytes) / 1e9)


def _network(
    option: Option, image_uri: str, inspection: Mapping[str, Any], settings: Settings
) -> dict[str, Any]:
    """What CreateTrainingJob and CreateModel are told of the network; without a VPC nothing of one."""
    isolated = is_isolated(option.backend, image_uri, inspection["dataset_uri"])
    vpc_config = settings.network.vpc_config
    return {"network_isolation": isolated, **({"vpc_config": vpc_config} if vpc_config else {})}


def _code_file(settings: Settings) -> str:
    """Where a training container finds its code, which comes by a channel: it may reach no S3 itself."""
    return f"/opt/ml/input/data/{CODE_CHANNEL}/{settings.training_code_key.rpartition('/')[2]}"


def _channels(
    backend: Backend,
    inspection: Mapping[str, Any],
    backbone: str,
    champion: Mapping[str, Any] | None,
    settings: Settings,
) -> list[dict[str, Any]]:
    """CreateTrainingJob's InputDataConfig: the dataset, the backbone's weights, and the live model if any.

    On SageMaker the code, too; an instance of EC2 has it before it reads this.
    """
    weights_uri = str(S3Uri(settings.artifacts_bucket, weights_key(backbone)))
    addresses = {"dataset": inspection["dataset_uri"], "weights": weights_uri}
    if backend == "sagemaker":
        addresses[CODE_CHANNEL] = str(S3Uri(settings.artifacts_bucket, settings.training_code_key))
    if champion:
        addresses["champion"] = champion["model_data_uri"]
    return [
        {
            "ChannelName": name,
            "InputMode": "File",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": uri,
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
        }
        for name, uri in addresses.items()
    ]


def _stopping_condition(option: Option, max_cost_usd: float) -> dict[str, int]:
    wanted_s = min(max(RUNTIME_FACTOR * option.training_s, MIN_RUNTIME_S), MAX_RUNTIME_S)
    affordable_s = 3600 * max_cost_usd / option.usd_per_hour
    runtime_s = max(1, math.floor(min(wanted_s, affordable_s)))
    condition = {"MaxRuntimeInSeconds": runtime_s}
    if option.use_spot:
        condition["MaxWaitTimeInSeconds"] = runtime_s + SPOT_WAIT_S
    return condition
