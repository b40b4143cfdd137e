"""An endpoint's plan made real: models fetched, one fleet a variant, logs on their way."""

import logging
import random
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.services.aws_clients import process_environment
from local_cloud.services.sagemaker import archives
from local_cloud.services.sagemaker.host import Host
from local_cloud.services.sagemaker.hosting.fleet import Fleet, FleetTiming, NotHealthyError
from local_cloud.services.sagemaker.hosting.instance import Instance
from local_cloud.services.sagemaker.hosting.serverless_fleet import ServerlessFleet
from local_cloud.services.sagemaker.hosting.variant_plan import EndpointPlan, VariantPlan
from local_cloud.services.sagemaker.log_shipping import LogStream, LogTail
from local_cloud.services.sagemaker.s3_files import S3Files

_logger = logging.getLogger(__name__)


class DeploymentFailedError(Exception):
    """The endpoint cannot serve this plan: the text is its FailureReason."""


class Deployment:
    """Has a folder of its own, which is removed at the end."""

    def __init__(
        self, plan: EndpointPlan, endpoint_name: str, region: str, host: Host, timing: FleetTiming
    ) -> None:
        self._plan = plan
        self._log_group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
        self._region = region
        self._folder = host.work_dir / f"endpoint-{secrets.token_hex(8)}"
        self._host = host
        self._timing = timing
        self._lock = threading.Lock()
        self._logs: list[tuple[LogTail, LogStream]] = []
        self._fleets: dict[str, Fleet] = {}
        self._stopped = False

    @property
    def plan(self) -> EndpointPlan:
        """What is deployed, with the counts and weights as they are desired now."""
        return self._plan

    def start(self) -> None:
        """Returns when every variant has its instances. Raises DeploymentFailedError, all stopped again."""
        try:
            for variant in self._plan.variants:
                fleet = self._new_fleet(variant)
                with self._lock:
                    self._fleets[variant.name] = fleet
                    if self._stopped:
                        raise DeploymentFailedError("The endpoint was deleted.")
                fleet.resize(variant.instance_count)
        except (DeploymentFailedError, NotHealthyError) as error:
            self.stop(drain=False)
            raise DeploymentFailedError(str(error)) from error

    def rescale(self, plan: EndpointPlan) -> None:
        """Moves to the counts and weights of `plan`, which has the same variants.

        Raises DeploymentFailedError when a new instance fails; what served before serves on.
        """
        before, self._plan = self._plan, plan
        try:
            for variant in plan.variants:
                self._fleets[variant.name].resize(variant.instance_count)
        except NotHealthyError as error:
            self._plan = before
            for variant in before.variants:
                self._fleets[variant.name].resize(variant.instance_count)
            raise DeploymentFailedError(str(error)) from error

    def fleet(self, variant: str) -> Fleet | None:
        """The fleet of a variant, or None."""
        return self._fleets.get(variant)

    def choose_variant(self) -> str:
        """A variant by chance, in proportion to the weights."""
        weights = [variant.weight for variant in self._plan.variants]
        if not any(weights):
            weights = [1.0] * len(weights)
        names = [variant.name for variant in self._plan.variants]
        return random.choices(names, weights)[0]  # noqa: S311  # spreads load, guards nothing

    def look_after_instances(self) -> None:
        """Has each fleet check its instances and replace those that died."""
        for fleet in list(self._fleets.values()):
            fleet.check_health()
            fleet.replace_lost()

    def ship_logs(self, *, at_end: bool = False) -> None:
        """Sends what the containers have printed since the last time."""
        with self._lock:
            logs = list(self._logs)
        for tail, stream in logs:
            stream.put(tail.new_lines(at_end=at_end), time.time())

    def stop(self, *, drain: bool) -> None:
        """Ends every instance, with `drain` after its requests, and removes the folder."""
        with self._lock:
            self._stopped = True
            fleets = list(self._fleets.values())
        for fleet in fleets:
            fleet.stop(drain=drain)
        self.ship_logs(at_end=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def halt(self) -> None:
        """Ends every instance at once and tells nobody: the cloud itself goes down."""
        with self._lock:
            self._stopped = True
            self._logs.clear()
            fleets = list(self._fleets.values())
        for fleet in fleets:
            fleet.stop(drain=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _new_fleet(self, variant: VariantPlan) -> Fleet:
        container = self._host.containers.find(variant.image)
        if container is None or container.serve is None:
            raise DeploymentFailedError(
                "Please make sure all images included in the model for the production variant "
                f"{variant.name} exist, and that the execution role used to create the model has permissions "
                "to access them."
            )
        command = container.serve
        folder = self._folder / variant.name
        model = folder / "model"
        self._fetch_model(variant, folder, model)
        environment = process_environment(
            variant.role_arn,
            self._region,
            {**variant.environment, "SM_MODEL_DIR": str(model)},
            isolated=variant.isolated,
        )

        def new_instance() -> Instance:
            instance = Instance(command, environment, folder)
            client = self._host.clients("logs", variant.role_arn, self._region)
            stream = LogStream(client, self._log_group, f"{variant.name}/{instance.id}")
            with self._lock:
                self._logs.append((LogTail(instance.log_file), stream))
            return instance

        kind: Callable[..., Fleet] = Fleet
        if variant.serverless:
            kind = partial(ServerlessFleet, max_concurrency=variant.serverless["MaxConcurrency"])
        return kind(
            variant.name,
            new_instance,
            processes=self._host.processes,
            startup_timeout_s=variant.startup_timeout_s,
            timing=self._timing,
        )

    def _fetch_model(self, variant: VariantPlan, folder: Path, model: Path) -> None:
        model.mkdir(parents=True, exist_ok=True)
        uri = variant.model_data_url
        if uri is None:
            return
        archive = folder / "model.tar.gz"
        files = S3Files(self._host.clients("s3", variant.role_arn, self._region))
        try:
            files.download(uri, archive)
            archives.unpack(archive, model)
        except (ClientError, BotoCoreError) as error:
            raise DeploymentFailedError(f"Failed to download model data from URL {uri}: {error}") from error
        except archives.BadArchiveError as error:
            _logger.warning("The archive %s was refused: %s", uri, error)
            raise DeploymentFailedError(
                f'Failed to extract model data archive for container "container_1" from URL "{uri}". '
                "Please ensure that the object located at the URL is a valid tar.gz archive."
            ) from error
        finally:
            archive.unlink(missing_ok=True)
