"""One endpoint: its status, what it serves with, and every change of it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from local_cloud.services.sagemaker.hosting.deployment import Deployment, DeploymentFailedError
from local_cloud.services.sagemaker.hosting.traffic import Traffic
from local_cloud.services.sagemaker.hosting.variant_plan import EndpointPlan, VariantPlan, plan_from_state
from local_cloud.services.sagemaker.names import invalid, region_of

_INTERNAL_ERROR = "Request to service failed. If failure persists after retry, contact customer support."

NewDeployment = Callable[[EndpointPlan, str, str], Deployment]
"""Makes a deployment of a plan for an endpoint's name and region."""

_logger = logging.getLogger(__name__)


class HostedEndpoint:
    """Changes run in threads of their own; one at a time, as the status says."""

    def __init__(
        self, name: str, arn: str, plan: EndpointPlan, new_deployment: NewDeployment, created: float
    ) -> None:
        self.name = name
        self.arn = arn
        self.traffic = Traffic()
        self._new_deployment = new_deployment
        self._lock = threading.RLock()
        self._status = "Creating"
        self._failure: str | None = None
        self._plan = plan
        self._pending: EndpointPlan | None = None
        self._pending_since = created
        self._created = created
        self._modified = created
        self._deployment: Deployment | None = None
        self._green: Deployment | None = None
        self._halted = False

    @property
    def status(self) -> str:
        """EndpointStatus."""
        with self._lock:
            return self._status

    @property
    def plan(self) -> EndpointPlan:
        """What the endpoint serves, or is about to when it is new."""
        with self._lock:
            return self._plan

    @property
    def deployment(self) -> Deployment | None:
        """What answers requests now, or None."""
        with self._lock:
            return self._deployment

    @classmethod
    def restored(
        cls, state: dict[str, Any], new_deployment: NewDeployment, wait_for_cloud: Callable[[], None]
    ) -> "HostedEndpoint":
        """The endpoint that `get_state` described; one that served, or was about to, is served again.

        `wait_for_cloud` returns when S3 answers again.
        """
        plan = plan_from_state(state["plan"])
        endpoint = cls(state["name"], state["arn"], plan, new_deployment, state["created"])
        if state["status"] == "Failed":
            endpoint._set("Failed", state["failure"])
        else:
            endpoint._set("Creating" if state["status"] == "Creating" else "SystemUpdating")

            def serve_again() -> None:
                wait_for_cloud()
                endpoint._deploy_green(plan)

            endpoint._in_thread(serve_again, failed_status="Failed")
        return endpoint

    def deployments(self) -> list[Deployment]:
        """What answers requests now, and what is about to."""
        with self._lock:
            return [item for item in (self._deployment, self._green) if item is not None]

    # -- changes

    def create(self) -> None:
        """Deploys the plan: Creating, then InService or Failed."""
        self._in_thread(lambda: self._deploy_green(self._plan), failed_status="Failed")

    def update(self, plan: EndpointPlan) -> None:
        """Blue/green: what serves now serves until `plan` does; if that fails it serves on.

        Raises AwsError when another change is under way.
        """
        with self._lock:
            self._refuse_unless_in_service()
            self._pending, self._pending_since = plan, time.time()
            self._set("Updating")
        self._in_thread(lambda: self._deploy_green(plan), failed_status="InService")

    def rescale(self, plan: EndpointPlan, done: Callable[[str | None], None] | None = None) -> None:
        """Moves to other counts and weights of the same variants; requests are answered meanwhile.

        `done` is called at the end with the reason of a failure or None.
        Raises AwsError when another change is under way.
        """
        with self._lock:
            self._refuse_unless_in_service()
            deployment, before = self._deployment, self._plan
            if deployment is None:
                raise invalid(f'Cannot update endpoint "{self.arn}": nothing is deployed.')
            self._plan = plan
            self._set("Updating")

        def change() -> None:
            try:
                deployment.rescale(plan)
            except DeploymentFailedError:
                with self._lock:
                    self._plan = before
                raise

        self._in_thread(change, failed_status="InService", done=done)

    def delete(self, done: Callable[[], None]) -> None:
        """Ends everything, then calls `done`. Raises AwsError while another change is under way."""
        with self._lock:
            if self._status not in ("InService", "Failed", "OutOfService"):
                raise invalid(f'Cannot update in-progress endpoint "{self.arn}".')
            deployment = self._deployment
            self._set("Deleting")

        def take_down() -> None:
            if deployment is not None:
                deployment.stop(drain=False)
            done()

        threading.Thread(target=take_down, name=f"delete-{self.name}", daemon=True).start()

    def halt(self) -> None:
        """Ends the processes at once; the status stays as it is."""
        with self._lock:
            self._halted = True
        for deployment in self.deployments():
            deployment.halt()

    # -- what is seen of it

    def describe(self) -> dict[str, Any]:
        """DescribeEndpoint's answer."""
        with self._lock:
            document: dict[str, Any] = {
                "EndpointName": self.name,
                "EndpointArn": self.arn,
                "EndpointConfigName": self._plan.config_name,
                "EndpointStatus": self._status,
                "CreationTime": self._created,
                "LastModifiedTime": self._modified,
            }
            if self._failure is not None:
                document["FailureReason"] = self._failure
            if self._deployment is not None:
                document["ProductionVariants"] = self._variants(self._deployment)
            if self._pending is not None:
                document["PendingDeploymentSummary"] = {
                    "EndpointConfigName": self._pending.config_name,
                    "StartTime": self._pending_since,
                    "ProductionVariants": [
                        {
                            "VariantName": variant.name,
                            "DesiredWeight": variant.weight,
                            **(
                                {"DesiredServerlessConfig": variant.serverless}
                                if variant.serverless
                                else {
                                    "DesiredInstanceCount": variant.instance_count,
                                    "InstanceType": variant.instance_type,
                                }
                            ),
                        }
                        for variant in self._pending.variants
                    ],
                }
            return document

    def _variants(self, deployment: Deployment) -> list[dict[str, Any]]:
        summaries = []
        for variant in self._plan.variants:
            fleet = deployment.fleet(variant.name)
            image = {
                "SpecifiedImage": variant.image,
                "ResolvedImage": variant.image,
                "ResolutionTime": self._created,
            }
            summaries.append(
                {
                    "VariantName": variant.name,
                    "DeployedImages": [image],
                    "CurrentWeight": variant.weight,
                    "DesiredWeight": variant.weight,
                    **_size(variant, fleet.count if fleet is not None else 0),
                }
            )
        return summaries

    def get_state(self) -> dict[str, Any]:
        """For `restored`."""
        with self._lock:
            return {
                "name": self.name,
                "arn": self.arn,
                "status": self._status,
                "failure": self._failure,
                "created": self._created,
                "plan": self._plan.to_state(),
            }

    # -- how changes run

    def _set(self, status: str, failure: str | None = None) -> None:
        with self._lock:
            self._status = status
            self._failure = failure
            self._modified = time.time()

    def _refuse_unless_in_service(self) -> None:
        if self._status == "Failed":
            raise invalid(f'Cannot update failed endpoint "{self.arn}". It can only be deleted.')
        if self._status != "InService":
            raise invalid(f'Cannot update in-progress endpoint "{self.arn}".')

    def _in_thread(
        self,
        change: Callable[[], None],
        *,
        failed_status: str,
        done: Callable[[str | None], None] | None = None,
    ) -> None:
        def run() -> None:
            reason: str | None = None
            try:
                change()
            except DeploymentFailedError as error:
                reason = str(error)
            except Exception:
                _logger.exception("A change of endpoint %s met an internal error", self.name)
                reason = _INTERNAL_ERROR
            with self._lock:
                if self._halted:
                    return
                self._pending = None
                self._set("InService" if reason is None else failed_status, reason)
            if done is not None:
                done(reason)

        threading.Thread(target=run, name=f"endpoint-{self.name}", daemon=True).start()

    def _deploy_green(self, plan: EndpointPlan) -> None:
        green = self._new_deployment(plan, self.name, region_of(self.arn))
        with self._lock:
            self._green = green
        try:
            green.start()
        finally:
            with self._lock:
                self._green = None
        with self._lock:
            blue, self._deployment, self._plan = self._deployment, green, plan
        if blue is not None:
            blue.stop(drain=True)


def _size(variant: VariantPlan, count: int) -> dict[str, Any]:
    """Of a ProductionVariantSummary: instances, or what a serverless variant has in their place."""
    if variant.serverless:
        return dict.fromkeys(("CurrentServerlessConfig", "DesiredServerlessConfig"), variant.serverless)
    return {"CurrentInstanceCount": count, "DesiredInstanceCount": variant.instance_count}
