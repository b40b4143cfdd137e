"""The function's environment variables, typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from contracts.training_job import CHOICES, Architecture
from functions.common.environment import read_choice, read_number, read_text
from functions.plan_training.container_images import ContainerImages
from functions.plan_training.instance_types import architecture_of, endpoint_price
from functions.plan_training.network import Network, NetworkKind
from functions.plan_training.overrides import COST_USD

EndpointKind = Literal["instances", "serverless"]


# A serverless endpoint is started from x86-64 images; AWS's pages name no ARM for it.
SERVERLESS_ARCHITECTURE: Architecture = "x86_64"


@dataclass(frozen=True)
class Endpoint:
    """What serves a release: instances of a type, or memory for so many requests at once."""

    kind: EndpointKind
    instance_type: str
    memory_mb: int
    max_concurrency: int

    @property
    def architecture(self) -> Architecture:
        return SERVERLESS_ARCHITECTURE if self.kind == "serverless" else architecture_of(self.instance_type)

    def usd_per_hour(self, region: str) -> float | None:
        """Of one instance, used or not; None where the price is not known."""
        if self.kind == "serverless":
            return 0.0
        price = endpoint_price(self.instance_type, region)
        return price.usd if price else None


@dataclass(frozen=True)
class Settings:
    """What a deployment decides; a run's overrides come before it."""

    data_bucket: str
    artifacts_bucket: str
    training_code_key: str
    live_pointer_parameter: str
    endpoint: Endpoint
    images: ContainerImages
    network: Network
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
        endpoint=Endpoint(
            kind=cast(EndpointKind, read_choice(environment, "ENDPOINT_KIND", get_args(EndpointKind))),
            instance_type=read_text(environment, "ENDPOINT_INSTANCE_TYPE"),
            memory_mb=int(read_number(environment, "SERVERLESS_MEMORY_MB", at_least=1024, at_most=6144)),
            max_concurrency=int(
                read_number(environment, "SERVERLESS_MAX_CONCURRENCY", at_least=1, at_most=200)
            ),
        ),
        images=ContainerImages(
            serving=read_text(environment, "SERVING_IMAGE_URI"),
            training=read_text(environment, "TRAINING_IMAGE_URI"),
            gpu_training=read_text(environment, "GPU_TRAINING_IMAGE_URI"),
        ),
        network=_read_network(environment),
        default_backbone=read_choice(environment, "DEFAULT_BACKBONE", CHOICES["backbone"]),
        default_min_accuracy=read_number(environment, "DEFAULT_MIN_ACCURACY", at_most=1),
        default_max_cost_usd=read_number(environment, "DEFAULT_MAX_COST_USD", at_most=COST_USD.most),
        use_spot=read_choice(environment, "USE_SPOT", ("true", "false")) == "true",
        ec2_without_quota=read_choice(environment, "EC2_WITHOUT_QUOTA", ("true", "false")) == "true",
        region=read_text(environment, "AWS_REGION"),
    )


def _read_network(environment: Mapping[str, str]) -> Network:
    kind = cast(NetworkKind, read_choice(environment, "NETWORK", get_args(NetworkKind)))
    if kind == "none":
        return Network(kind)
    return Network(
        kind, _read_list(environment, "VPC_SUBNET_IDS"), _read_list(environment, "VPC_SECURITY_GROUP_IDS")
    )


def _read_list(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in read_text(environment, name).split(",") if each.strip())
