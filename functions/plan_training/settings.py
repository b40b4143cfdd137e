"""The function's environment variables, typed."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.training_job import CHOICES
from functions.common.environment import read_choice, read_number, read_text
from functions.plan_training.container_images import ContainerImages
from functions.plan_training.overrides import COST_USD


@dataclass(frozen=True)
class Settings:
    """What a deployment decides; a run's overrides come before it."""

    data_bucket: str
    artifacts_bucket: str
    training_code_key: str
    live_pointer_parameter: str
    endpoint_instance_type: str
    images: ContainerImages
    default_backbone: str
    default_min_accuracy: float
    default_max_cost_usd: float
    use_spot: bool
    ec2_without_quota: bool
    region: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`. Raises SettingsError, which names the variable at fault."""
    return Settings(
        data_bucket=read_text(environment, "DATA_BUCKET"),
        artifacts_bucket=read_text(environment, "ARTIFACTS_BUCKET"),
        training_code_key=read_text(environment, "TRAINING_CODE_KEY"),
        live_pointer_parameter=read_text(environment, "LIVE_POINTER_PARAMETER"),
        endpoint_instance_type=read_text(environment, "ENDPOINT_INSTANCE_TYPE"),
        images=ContainerImages(
            serving=read_text(environment, "SERVING_IMAGE_URI"),
            training=read_text(environment, "TRAINING_IMAGE_URI"),
            gpu_training=read_text(environment, "GPU_TRAINING_IMAGE_URI"),
        ),
        default_backbone=read_choice(environment, "DEFAULT_BACKBONE", CHOICES["backbone"]),
        default_min_accuracy=read_number(environment, "DEFAULT_MIN_ACCURACY", at_most=1),
        default_max_cost_usd=read_number(environment, "DEFAULT_MAX_COST_USD", at_most=COST_USD.most),
        use_spot=read_choice(environment, "USE_SPOT", ("true", "false")) == "true",
        ec2_without_quota=read_choice(environment, "EC2_WITHOUT_QUOTA", ("true", "false")) == "true",
        region=read_text(environment, "AWS_REGION"),
    )
