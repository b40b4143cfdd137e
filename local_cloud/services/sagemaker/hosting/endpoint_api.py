"""The endpoint actions: Create, Update, UpdateWeightsAndCapacities, Describe, Delete, List."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from local_cloud.service import ActionHandler, AwsError, Call
from local_cloud.services.sagemaker.hosting.endpoint import HostedEndpoint, NewDeployment
from local_cloud.services.sagemaker.hosting.endpoint_configs import EndpointConfigs
from local_cloud.services.sagemaker.hosting.models import Models
from local_cloud.services.sagemaker.hosting.variant_plan import (
    EndpointPlan,
    VariantPlan,
    is_serverless,
    resolve_plan,
)
from local_cloud.services.sagemaker.listing import list_page
from local_cloud.services.sagemaker.names import Caller, arn, arn_prefix, invalid, not_here
from local_cloud.services.sagemaker.tags import Tags
from local_cloud.services.service_quotas.account_quotas import AccountQuotas


class ScalingTargets(Protocol):
    """Application Auto Scaling, as far as SageMaker asks it: which variants are scalable targets."""

    def is_registered(self, endpoint_arn: str, variant: str) -> bool:
        """Whether the variant is a scalable target."""
        ...

    def deregister_endpoint(self, endpoint_arn: str) -> None:
        """The endpoint is deleted: its targets and their policies go with it."""
        ...


class NoScalingTargets:
    """Stands in while Application Auto Scaling has not been attached."""

    def is_registered(self, endpoint_arn: str, variant: str) -> bool:
        """Nothing is registered."""
        return False

    def deregister_endpoint(self, endpoint_arn: str) -> None:
        """Nothing to do."""


class Endpoints:
    """Every endpoint by its ARN."""

    def __init__(
        self,
        *,
        models: Models,
        configs: EndpointConfigs,
        tags: Tags,
        quotas: AccountQuotas,
        new_deployment: NewDeployment,
    ) -> None:
        self.scaling: ScalingTargets = NoScalingTargets()
        self._quotas = quotas
        self._models = models
        self._configs = configs
        self._tags = tags
        self._new_deployment = new_deployment
        self._lock = threading.Lock()
        self._endpoints: dict[str, HostedEndpoint] = {}

    def actions(self) -> dict[str, ActionHandler]:
        """API action name -> its handler."""
        return {
            "CreateEndpoint": self._create,
            "UpdateEndpoint": self._update,
            "UpdateEndpointWeightsAndCapacities": self._update_weights_and_capacities,
            "DescribeEndpoint": lambda call: self.get(call, call.parameters["EndpointName"]).describe(),
            "DeleteEndpoint": self._delete,
            "ListEndpoints": self._list,
        }

    def get(self, caller: Caller, name: str) -> HostedEndpoint:
        """The endpoint. Raises AwsError ValidationException for an unknown name."""
        key = arn(caller, "endpoint", name)
        endpoint = self.find(key)
        if endpoint is None:
            raise invalid(f'Could not find endpoint "{key}".')
        return endpoint

    def find(self, endpoint_arn: str) -> HostedEndpoint | None:
        """The endpoint with that ARN, or None."""
        with self._lock:
            return self._endpoints.get(endpoint_arn)

    def all(self) -> list[HostedEndpoint]:
        """Every endpoint there is."""
        with self._lock:
            return list(self._endpoints.values())

    def get_state(self) -> dict[str, Any]:
        """ARN -> what `HostedEndpoint.restored` needs."""
        return {item.arn: item.get_state() for item in self.all() if item.status != "Deleting"}

    def restore(self, state: dict[str, Any], wait_for_cloud: Callable[[], None]) -> None:
        """Serves again what was served; `wait_for_cloud` returns when the cloud's gateway answers."""
        with self._lock:
            for key, one in state.items():
                self._endpoints[key] = HostedEndpoint.restored(one, self._new_deployment, wait_for_cloud)

    def reset(self) -> None:
        """Ends and forgets everything."""
        self.stop()
        with self._lock:
            self._endpoints.clear()

    def stop(self) -> None:
        """Ends every process at once."""
        endpoints = self.all()
        if endpoints:
            with ThreadPoolExecutor(max_workers=len(endpoints)) as pool:
                list(pool.map(HostedEndpoint.halt, endpoints))

    # -- actions

    def _create(self, call: Call) -> dict[str, Any]:
        name = call.parameters["EndpointName"]
        key = arn(call, "endpoint", name)
        if self.find(key) is not None:
            raise _name_used(key)
        plan = self._plan_for(call)
        self._check_limit(plan, replaced=None)
        endpoint = HostedEndpoint(name, key, plan, self._new_deployment, time.time())
        with self._lock:
            if key in self._endpoints:
                raise _name_used(key)
            self._endpoints[key] = endpoint
        self._tags.set(key, call.parameters.get("Tags", []))
        endpoint.create()
        return {"EndpointArn": key}

    def _update(self, call: Call) -> dict[str, Any]:
        endpoint = self.get(call, call.parameters["EndpointName"])
        plan = self._plan_for(call)
        if call.parameters.get("RetainAllVariantProperties"):
            plan = _with_retained(plan, endpoint.plan, call.parameters)
        self._refuse_other_instance_type(endpoint, plan)
        self._check_limit(plan, replaced=endpoint)
        endpoint.update(plan)
        return {"EndpointArn": endpoint.arn}

    def _update_weights_and_capacities(self, call: Call) -> dict[str, Any]:
        endpoint = self.get(call, call.parameters["EndpointName"])
        plan = endpoint.plan
        for wanted in call.parameters["DesiredWeightsAndCapacities"]:
            name = wanted["VariantName"]
            if name not in [variant.name for variant in plan.variants]:
                raise invalid(f'Could not find variant "{name}" of endpoint "{endpoint.arn}".')
            if "DesiredInstanceCount" in wanted and is_serverless(plan, name):
                raise invalid(f'The variant "{name}" of endpoint "{endpoint.arn}" is serverless.')
            if "ServerlessUpdateConfig" in wanted:
                raise not_here("ServerlessUpdateConfig")
            if wanted.get("DesiredInstanceCount") == 0:
                raise invalid("DesiredInstanceCount must be greater than or equal to 1.")
            plan = plan.with_capacity(
                name, count=wanted.get("DesiredInstanceCount"), weight=wanted.get("DesiredWeight")
            )
        self._check_limit(plan, replaced=endpoint)
        endpoint.rescale(plan)
        return {"EndpointArn": endpoint.arn}

    def _delete(self, call: Call) -> dict[str, Any]:
        endpoint = self.get(call, call.parameters["EndpointName"])

        def gone() -> None:
            with self._lock:
                self._endpoints.pop(endpoint.arn, None)
            self._tags.forget(endpoint.arn)

        endpoint.delete(gone)
        # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html
        self.scaling.deregister_endpoint(endpoint.arn)
        return {}

    def _list(self, call: Call) -> dict[str, Any]:
        prefix = arn_prefix(call, "endpoint")
        return list_page(
            [item.describe() for item in self.all() if item.arn.startswith(prefix)],
            call.parameters,
            kind="Endpoint",
            fields=("LastModifiedTime", "EndpointStatus"),
        )

    # -- checks

    def _plan_for(self, call: Call) -> EndpointPlan:
        if "DeploymentConfig" in call.parameters:
            raise not_here("DeploymentConfig")
        return resolve_plan(self._configs, self._models, call, call.parameters["EndpointConfigName"])

    def _refuse_other_instance_type(self, endpoint: HostedEndpoint, plan: EndpointPlan) -> None:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
        types = {variant.name: variant.instance_type for variant in plan.variants}
        for variant in endpoint.plan.variants:
            changes = types.get(variant.name) != variant.instance_type
            if changes and self.scaling.is_registered(endpoint.arn, variant.name):
                raise invalid(
                    f'The variant "{variant.name}" of endpoint "{endpoint.arn}" is registered with '
                    "Application Auto Scaling. Deregister the scalable target before you change its "
                    "instance type."
                )

    def _check_limit(self, plan: EndpointPlan, *, replaced: HostedEndpoint | None) -> None:
        others = [
            variant
            for endpoint in self.all()
            if endpoint is not replaced
            for variant in endpoint.plan.variants
        ]
        self._check_serverless_limit(plan, others)
        used: dict[str, int] = {}
        for variant in others:
            used[variant.instance_type] = used.get(variant.instance_type, 0) + variant.instance_count
        for variant in plan.variants:
            if variant.serverless:
                continue
            instance_type, wanted = variant.instance_type, variant.instance_count
            current = used.get(instance_type, 0)
            self._quotas.check_instances(instance_type, "endpoint usage", used=current, wanted=wanted)
            used[instance_type] = current + wanted

    def _check_serverless_limit(self, plan: EndpointPlan, others: Sequence[VariantPlan]) -> None:
        wanted, used = (
            sum(each.serverless["MaxConcurrency"] for each in variants if each.serverless)
            for variants in (plan.variants, others)
        )
        if wanted:
            self._quotas.check_serverless_concurrency(used=used, wanted=wanted)


def _name_used(key: str) -> AwsError:
    return invalid(f'Cannot create already existing endpoint "{key}".')


def _with_retained(plan: EndpointPlan, old: EndpointPlan, request: dict[str, Any]) -> EndpointPlan:
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties", [])}
    for variant in old.variants:
        plan = plan.with_capacity(
            variant.name,
            count=None if "DesiredInstanceCount" in excluded else variant.instance_count,
            weight=None if "DesiredWeight" in excluded else variant.weight,
        )
    return plan
