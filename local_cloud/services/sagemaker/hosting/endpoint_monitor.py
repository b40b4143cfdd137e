"""The thread that looks after running endpoints: lost instances, container logs, metrics."""

import logging
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.services.aws_clients import ClientFactory
from local_cloud.services.sagemaker.hosting.endpoint import HostedEndpoint
from local_cloud.services.sagemaker.hosting.endpoint_api import Endpoints
from local_cloud.services.sagemaker.names import account_of, region_of
from local_cloud.services.sagemaker.role_check import service_role

_NAMESPACE = "AWS/SageMaker"

_logger = logging.getLogger(__name__)


class EndpointKeeper(threading.Thread):
    """Looks at every endpoint each `look_s` seconds; sends metrics each `metrics_s`."""

    def __init__(
        self, endpoints: Endpoints, clients: ClientFactory, *, look_s: float, metrics_s: float
    ) -> None:
        super().__init__(name="endpoint-keeper", daemon=True)
        self._endpoints = endpoints
        self._clients = clients
        self._look_s = look_s
        self._metrics_s = metrics_s
        self._ended = threading.Event()

    def end(self) -> None:
        """The last look is the one under way."""
        self._ended.set()

    def run(self) -> None:
        """Goes on until `end`; what fails for one endpoint does not touch the others."""
        next_metrics = time.monotonic() + self._metrics_s
        while not self._ended.wait(self._look_s):
            send_metrics = time.monotonic() >= next_metrics
            if send_metrics:
                next_metrics = time.monotonic() + self._metrics_s
            for endpoint in self._endpoints.all():
                try:
                    self._look_after(endpoint, send_metrics=send_metrics)
                except Exception:
                    _logger.exception("The keeper could not look after endpoint %s", endpoint.name)

    def _look_after(self, endpoint: HostedEndpoint, *, send_metrics: bool) -> None:
        for deployment in endpoint.deployments():
            deployment.ship_logs()
        current = endpoint.deployment
        if current is None:
            return
        if endpoint.status != "Deleting":
            current.look_after_instances()
        if send_metrics:
            self._send_metrics(endpoint)

    def _send_metrics(self, endpoint: HostedEndpoint) -> None:
        deployment = endpoint.deployment
        counts = {
            variant.name: fleet.count
            for variant in endpoint.plan.variants
            if deployment is not None and (fleet := deployment.fleet(variant.name)) is not None
        }
        data = endpoint.traffic.take_metric_data(endpoint.name, counts, time.time())
        if not data:
            return
        try:
            role = service_role(account_of(endpoint.arn))
            client = self._clients("cloudwatch", role, region_of(endpoint.arn))
            client.put_metric_data(Namespace=_NAMESPACE, MetricData=data)
        except (BotoCoreError, ClientError) as error:
            _logger.warning("The metrics of endpoint %s could not be sent: %s", endpoint.name, error)
