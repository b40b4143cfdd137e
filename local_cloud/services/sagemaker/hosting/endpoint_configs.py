"""CreateEndpointConfig, DescribeEndpointConfig, DeleteEndpointConfig, ListEndpointConfigs."""

import copy
import time
from typing import Any

from local_cloud.service import ActionHandler, Call
from local_cloud.services.sagemaker.hosting.models import Models
from local_cloud.services.sagemaker.listing import list_page
from local_cloud.services.sagemaker.names import Caller, arn, invalid, not_here
from local_cloud.services.sagemaker.resource_table import ResourceTable
from local_cloud.services.sagemaker.tags import Tags

_UNAVAILABLE = (
    "AsyncInferenceConfig",
    "ExplainerConfig",
    "ShadowProductionVariants",
    "VpcConfig",
    "EnableNetworkIsolation",
)
_UNAVAILABLE_IN_VARIANT = ("ManagedInstanceScaling", "InstancePools", "CoreDumpConfig")


class EndpointConfigs:
    """An endpoint configuration says which models an endpoint serves, on how many instances."""

    def __init__(self, *, models: Models, tags: Tags) -> None:
        self._models = models
        self.table = ResourceTable(kind="endpoint-config", noun="endpoint configuration", tags=tags)

    def actions(self) -> dict[str, ActionHandler]:
        """API action name -> its handler."""
        return {
            "CreateEndpointConfig": self._create,
            "DescribeEndpointConfig": lambda call: self.get(call, call.parameters["EndpointConfigName"]),
            "DeleteEndpointConfig": self._delete,
            "ListEndpointConfigs": self._list,
        }

    def get(self, caller: Caller, name: str) -> dict[str, Any]:
        """DescribeEndpointConfig's document, a copy. Raises AwsError when there is no such configuration."""
        return self.table.get(caller, name)

    def _create(self, call: Call) -> dict[str, Any]:
        config = copy.deepcopy(call.parameters)
        name, tags = config["EndpointConfigName"], config.pop("Tags", [])
        self.table.refuse_used_name(call, name)
        for field in _UNAVAILABLE:
            if config.get(field):
                raise not_here(field)
        if config.get("DataCaptureConfig", {}).get("EnableCapture"):
            raise not_here("DataCaptureConfig.EnableCapture")
        self._check_variants(config["ProductionVariants"], call)
        config.update(EndpointConfigArn=arn(call, "endpoint-config", name), CreationTime=time.time())
        config.setdefault("EnableNetworkIsolation", False)
        return {"EndpointConfigArn": self.table.add(call, name, config, tags)}

    def _check_variants(self, variants: list[dict[str, Any]], call: Call) -> None:
        names = [variant["VariantName"] for variant in variants]
        if len(set(names)) != len(names):
            raise invalid("The names of production variants must be unique.")
        for variant in variants:
            for field in _UNAVAILABLE_IN_VARIANT:
                if field in variant:
                    raise not_here(f"ProductionVariants.{field}")
            name = variant["VariantName"]
            instances: tuple[str, ...] = ("InstanceType", "InitialInstanceCount")
            if "ServerlessConfig" in variant:
                _check_serverless(variants, variant, instances)
                instances = ()
            for field in ("ModelName", *instances):
                if field not in variant:
                    raise invalid(f"You must specify {field} for production variant {name}.")
            model = self._models.get(call, variant["ModelName"])
            if "ServerlessConfig" in variant:
                _check_serverless_model(model)
            variant.setdefault("InitialVariantWeight", 1.0)

    def _delete(self, call: Call) -> dict[str, Any]:
        self.table.remove(call, call.parameters["EndpointConfigName"])
        return {}

    def _list(self, call: Call) -> dict[str, Any]:
        return list_page(
            self.table.all_of(call),
            call.parameters,
            kind="EndpointConfig",
        )


def _check_serverless(
    variants: list[dict[str, Any]], variant: dict[str, Any], instances: tuple[str, ...]
) -> None:
    name, serverless = variant["VariantName"], variant["ServerlessConfig"]
    if "ProvisionedConcurrency" in serverless:
        raise not_here("ServerlessConfig.ProvisionedConcurrency")
    # A serverless endpoint has neither a second variant nor a network of its own:
    # https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    if len(variants) > 1:
        raise invalid("Serverless endpoints do not support multiple production variants.")
    for field in instances:
        if field in variant:
            raise invalid(f"You cannot specify {field} and ServerlessConfig for production variant {name}.")
    if serverless["MemorySizeInMB"] % 1024:
        raise invalid("MemorySizeInMB must be one of 1024, 2048, 3072, 4096, 5120, 6144.")


def _check_serverless_model(model: dict[str, Any]) -> None:
    for field in ("VpcConfig", "EnableNetworkIsolation"):
        if model.get(field):
            raise invalid(f"Serverless endpoints do not support {field}, which {model['ModelName']} has.")
