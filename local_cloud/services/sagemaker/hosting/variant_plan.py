"""What an endpoint is to run: everything that its instances need, resolved from configuration and models.

A running endpoint holds its own copy, so that it lives on, and comes back after a restart, whatever is
deleted meanwhile.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from local_cloud.services.sagemaker.hosting.endpoint_configs import EndpointConfigs
from local_cloud.services.sagemaker.hosting.models import Models
from local_cloud.services.sagemaker.names import Caller

# "If the container does not pass the health check within 8 minutes after startup, the launch fails":
# https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
_STARTUP_TIMEOUT_S = 480


@dataclass(frozen=True)
class VariantPlan:
    """One production variant; with a ServerlessConfig it has neither instance type nor count."""

    name: str
    instance_type: str
    instance_count: int
    weight: float
    model_name: str
    image: str
    model_data_url: str | None
    role_arn: str
    startup_timeout_s: int
    environment: dict[str, str] = field(default_factory=dict)
    serverless: dict[str, int] | None = None
    isolated: bool = False


@dataclass(frozen=True)
class EndpointPlan:
    """One endpoint configuration, resolved."""

    config_name: str
    variants: tuple[VariantPlan, ...]

    def to_state(self) -> dict[str, Any]:
        """JSON values, for `plan_from_state`."""
        return asdict(self)

    def with_capacity(
        self, variant: str, *, count: int | None = None, weight: float | None = None
    ) -> "EndpointPlan":
        """The same plan with another instance count or weight of one variant."""
        return replace(
            self,
            variants=tuple(
                replace(
                    item,
                    instance_count=item.instance_count if count is None else count,
                    weight=item.weight if weight is None else weight,
                )
                if item.name == variant
                else item
                for item in self.variants
            ),
        )


def is_serverless(plan: EndpointPlan, variant: str) -> bool:
    """Whether the variant of that name has no instances to count."""
    return any(item.name == variant and item.serverless is not None for item in plan.variants)


def plan_from_state(state: dict[str, Any]) -> EndpointPlan:
    """The plan that `EndpointPlan.to_state` wrote."""
    return EndpointPlan(state["config_name"], tuple(VariantPlan(**variant) for variant in state["variants"]))


def resolve_plan(configs: EndpointConfigs, models: Models, caller: Caller, config_name: str) -> EndpointPlan:
    """Reads the configuration and its models. Raises AwsError when one is missing."""
    config = configs.get(caller, config_name)
    variants = []
    for variant in config["ProductionVariants"]:
        model = models.get(caller, variant["ModelName"])
        container = model["PrimaryContainer"]
        variants.append(
            VariantPlan(
                name=variant["VariantName"],
                instance_type=variant.get("InstanceType", ""),
                instance_count=variant.get("InitialInstanceCount", 0),
                weight=variant["InitialVariantWeight"],
                model_name=variant["ModelName"],
                image=container["Image"],
                model_data_url=container.get("ModelDataUrl"),
                role_arn=model["ExecutionRoleArn"],
                startup_timeout_s=variant.get(
                    "ContainerStartupHealthCheckTimeoutInSeconds", _STARTUP_TIMEOUT_S
                ),
                environment=container["Environment"],
                serverless=variant.get("ServerlessConfig"),
                isolated=model["EnableNetworkIsolation"],
            )
        )
    return EndpointPlan(config["EndpointConfigName"], tuple(variants))
