"""What is set now: of Lambda, of the live endpoint and its scaling, and what the account has room for."""

from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from contracts.workflow import NO_ENDPOINT
from functions.capacity_review.scaling import read_scaling
from functions.common.applied_capacity import ALIAS, Capacity, reservable_of
from functions.common.observability import logger
from functions.common.service_quotas import read_quotas


@dataclass(frozen=True)
class Concurrency:
    """`reserved` None: nothing is. `reservable`: what the account lets this function reserve."""

    reserved: int | None
    provisioned: int
    unreserved: int
    reservable: int


@dataclass(frozen=True)
class Endpoint:
    """`instance_type` None: serverless. `scaling`: fewest and most instances, target; None without one."""

    name: str
    instance_type: str | None
    scaling: tuple[int, int, int] | None


@dataclass(frozen=True)
class Today:
    """`endpoint` None: none serves, since nothing is live or it is paused."""

    concurrency: Concurrency
    endpoint: Endpoint | None

    def capacity(self, deployed: Capacity) -> Capacity:
        """As the model takes it: for what is not set the deployment's, or Lambda's unreserved."""
        scaling = self.endpoint.scaling if self.endpoint else None
        least, most, target = scaling or (
            deployed.min_instances,
            deployed.max_instances,
            deployed.target_invocations_per_instance,
        )
        reserved = self.concurrency.reserved
        return Capacity(
            self.concurrency.unreserved if reserved is None else reserved,
            self.concurrency.provisioned,
            least,
            most,
            target,
        )

    def to_json(self) -> dict[str, Any]:
        """With null for what is not set."""
        least, most, target = (self.endpoint and self.endpoint.scaling) or (None, None, None)
        return {
            "reserved_concurrency": self.concurrency.reserved,
            "provisioned_concurrency": self.concurrency.provisioned,
            "min_instances": least,
            "max_instances": most,
            "target_invocations_per_instance": target,
        }


def read_concurrency(function: str, *, functions: Any) -> Concurrency:
    limit = functions.get_account_settings()["AccountLimit"]
    reserved = functions.get_function_concurrency(FunctionName=function).get("ReservedConcurrentExecutions")
    try:
        config = functions.get_provisioned_concurrency_config(FunctionName=function, Qualifier=ALIAS)
        provisioned = config["RequestedProvisionedConcurrentExecutions"]
    except functions.exceptions.ProvisionedConcurrencyConfigNotFoundException:
        provisioned = 0
    unreserved = limit["UnreservedConcurrentExecutions"]
    return Concurrency(reserved, provisioned, unreserved, reservable_of(limit, reserved))


def read_endpoint(pointer: dict[str, Any] | None, *, sagemaker: Any, autoscaling: Any) -> Endpoint | None:
    """The live endpoint; None where nothing is live, where it is paused, or where it is gone."""
    if pointer is None or pointer.get("paused_at"):
        return None
    name = pointer["endpoint_name"]
    try:
        endpoint = sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if NO_ENDPOINT in str(error):
            return None
        raise
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    instance_type = config["ProductionVariants"][0].get("InstanceType")
    scaling = read_scaling(name, autoscaling=autoscaling) if instance_type else None
    return Endpoint(name, instance_type, scaling)


def read_instance_quota(instance_type: str, *, quotas: Any) -> int | None:
    """How many instances the account may have for endpoints; None, which is no limit, where AWS is silent."""
    name = f"{instance_type} for endpoint usage"
    try:
        found = read_quotas(quotas, "sagemaker", {name})
    except (ClientError, BotoCoreError) as error:
        logger.warning("the quota of instances is not known", extra={"cause": str(error)})
        return None
    return int(found[name].value) if name in found else None


def as_settings(capacity: Capacity, *, has_instances: bool) -> dict[str, int]:
    """The values that a deployment of this kind has."""
    values = asdict(capacity)
    return values if has_instances else {name: values[name] for name in values if "concurrency" in name}
