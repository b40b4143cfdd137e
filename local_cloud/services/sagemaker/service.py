"""SageMaker as one service: the table of its actions, its route, its state."""

import functools
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.containers import Containers
from local_cloud.processes import Processes
from local_cloud.service import ActionHandler, Call, RouteHandler
from local_cloud.services.aws_clients import ClientFactory, client_for_role
from local_cloud.services.request_validation import check_request
from local_cloud.services.sagemaker.host import Host
from local_cloud.services.sagemaker.hosting.deployment import Deployment
from local_cloud.services.sagemaker.hosting.endpoint_api import Endpoints
from local_cloud.services.sagemaker.hosting.endpoint_configs import EndpointConfigs
from local_cloud.services.sagemaker.hosting.endpoint_monitor import EndpointKeeper
from local_cloud.services.sagemaker.hosting.fleet import FleetTiming
from local_cloud.services.sagemaker.hosting.invocation import TIMEOUT_S, Invocation
from local_cloud.services.sagemaker.hosting.models import Models
from local_cloud.services.sagemaker.hosting.variant_plan import EndpointPlan
from local_cloud.services.sagemaker.model_packages import ModelPackages
from local_cloud.services.sagemaker.role_check import service_role
from local_cloud.services.sagemaker.tags import Tags
from local_cloud.services.sagemaker.training.jobs import TrainingJobs
from local_cloud.services.sagemaker.training.run import TrainingTiming
from local_cloud.services.service_quotas.account_quotas import AccountQuotas

_ACCOUNT_FOR_CHECKS = "000000000000"


@dataclass(frozen=True)
class Timing:
    """How fast the service works, in seconds, and how many requests it takes at once.

    The server has 64 threads: some must stay free while all these requests wait for their models.
    """

    training: TrainingTiming = field(default_factory=TrainingTiming)
    fleet: FleetTiming = field(default_factory=FleetTiming)
    look_after_endpoints_s: float = 1.0
    metrics_s: float = 60.0
    cloud_start_s: float = 60.0
    invocation_timeout_s: float = TIMEOUT_S
    max_invocations_in_flight: int = 48


class SageMaker:
    """`work_dir` takes the folders of running jobs and endpoints, and is emptied first."""

    name = "sagemaker"
    target_prefix = "SageMaker"

    def __init__(  # noqa: PLR0913 - what a server gives it, each by name
        self,
        containers: Containers,
        processes: Processes,
        *,
        work_dir: Path,
        clients: ClientFactory = client_for_role,
        timing: Timing | None = None,
        quotas: AccountQuotas | None = None,
    ) -> None:
        """`quotas` None: the usual ones, which nobody raises."""
        self._timing = timing or Timing()
        quotas = quotas or AccountQuotas()
        # A server that was killed has left folders there.
        shutil.rmtree(work_dir, ignore_errors=True)
        self._host = Host(containers, processes, clients, work_dir)
        self._tags = Tags()
        self._training = TrainingJobs(
            host=self._host, tags=self._tags, quotas=quotas, timing=self._timing.training
        )
        self._models = Models(host=self._host, tags=self._tags)
        self._packages = ModelPackages(tags=self._tags)
        self._configs = EndpointConfigs(models=self._models, tags=self._tags)
        self.endpoints = Endpoints(
            models=self._models,
            configs=self._configs,
            tags=self._tags,
            quotas=quotas,
            new_deployment=self._new_deployment,
        )
        self._invocation = Invocation(
            self.endpoints,
            max_in_flight=self._timing.max_invocations_in_flight,
            timeout_s=self._timing.invocation_timeout_s,
        )
        self._keeper = EndpointKeeper(
            self.endpoints,
            clients,
            look_s=self._timing.look_after_endpoints_s,
            metrics_s=self._timing.metrics_s,
        )
        self._keeper.start()

    def actions(self) -> Mapping[str, ActionHandler]:
        """API action name -> its handler; each checks its request against the API's model first."""
        parts = (
            self._training,
            self._models,
            self._packages,
            self._configs,
            self.endpoints,
            self._tags,
        )
        return {
            action: functools.partial(_checked, handler)
            for part in parts
            for action, handler in part.actions().items()
        }

    def routes(self) -> Mapping[str, RouteHandler]:
        """The runtime's one route."""
        return self._invocation.routes()

    def get_state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {
            "training_jobs": self._training.get_state(),
            "models": self._models.table.get_state(),
            "model_packages": self._packages.get_state(),
            "endpoint_configs": self._configs.table.get_state(),
            "endpoints": self.endpoints.get_state(),
            "tags": self._tags.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up the state of the server that ran before; its endpoints are served again."""
        self._tags.restore(state["tags"])
        self._models.table.restore(state["models"])
        # Of a server before there was a registry, there is none.
        self._packages.restore(state.get("model_packages", {"groups": {}, "packages": {}}))
        self._configs.table.restore(state["endpoint_configs"])
        self._training.restore(state["training_jobs"])
        self.endpoints.restore(state["endpoints"], self._wait_for_cloud)

    def reset(self) -> None:
        """Ends what runs and forgets everything."""
        self._training.reset()
        self.endpoints.reset()
        self._models.table.reset()
        self._packages.reset()
        self._configs.table.reset()
        self._tags.reset()

    def stop(self) -> None:
        """Ends the processes and threads; the state stays as it is."""
        self._keeper.end()
        self._training.stop()
        self.endpoints.stop()

    def _new_deployment(self, plan: EndpointPlan, endpoint_name: str, region: str) -> Deployment:
        return Deployment(plan, endpoint_name, region, self._host, self._timing.fleet)

    def _wait_for_cloud(self) -> None:
        """Returns when the cloud's own S3 answers: at a restart its gateway opens after `restore`."""
        deadline = time.monotonic() + self._timing.cloud_start_s
        while time.monotonic() < deadline:
            try:
                self._host.clients("s3", service_role(_ACCOUNT_FOR_CHECKS), "us-east-1").list_buckets()
            except (BotoCoreError, ClientError):
                time.sleep(self._timing.fleet.poll_s)
            else:
                return


def _checked(handler: ActionHandler, call: Call) -> dict[str, Any]:
    check_request("sagemaker", call.action, call.parameters)
    return handler(call)
