"""What the account may have now: a set of figures, and what was raised since."""

import threading
from typing import Any

from local_cloud.service import AwsError
from local_cloud.services.service_quotas.catalogue import (
    LAMBDA,
    SAGEMAKER,
    SERVERLESS_CONCURRENCY,
    USUAL,
    Quota,
    find_quota,
    instance_quota_name,
)


class AccountQuotas:
    """Asked by the services that keep to it. Every method may be called from any thread."""

    def __init__(self, quota_set: str | None = None) -> None:
        """`quota_set` None: what was saved, or the usual ones."""
        self._wanted = quota_set
        self._set = quota_set or USUAL
        self._lock = threading.Lock()
        self._raised: dict[str, float] = {}

    @property
    def quota_set(self) -> str:
        """The set that the figures began with."""
        with self._lock:
            return self._set

    def applied(self, quota: Quota) -> float:
        """The value that holds now."""
        with self._lock:
            return self._raised.get(quota.code, quota.applied[self._set])

    def raise_to(self, quota: Quota, value: float) -> None:
        """Another value holds from now on."""
        with self._lock:
            self._raised[quota.code] = value

    @property
    def lambda_concurrency(self) -> int:
        """Executions that all functions of the account may have at once."""
        return int(self.applied(find_quota(LAMBDA, "Concurrent executions")))

    def check_instances(self, instance_type: str, usage: str, *, used: int, wanted: int) -> None:
        """Raises AwsError ResourceLimitExceeded when `wanted` more instances than are `used` are too many.

        `usage` is SageMaker's word, such as `endpoint usage`.
        """
        self._check(instance_quota_name(instance_type, usage), "Instances", used=used, wanted=wanted)

    def check_serverless_concurrency(self, *, used: int, wanted: int) -> None:
        """The same of the concurrency of all serverless endpoints."""
        self._check(SERVERLESS_CONCURRENCY, "Units", used=used, wanted=wanted)

    def _check(self, name: str, unit: str, *, used: int, wanted: int) -> None:
        limit = int(self.applied(find_quota(SAGEMAKER, name)))
        if used + wanted > limit:
            # The sentence, of instances: https://github.com/aws-samples/sagemaker-custom-project-templates/issues/51
            raise AwsError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{name}' is {limit} {unit}, with current utilization "
                f"of {used} {unit} and a request delta of {wanted} {unit}. Please use AWS Service "
                "Quotas to request an increase for this quota.",
            )

    def get_state(self) -> dict[str, Any]:
        """What `restore` needs."""
        with self._lock:
            return {"set": self._set, "raised": dict(self._raised)}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up what was saved, unless another set is wanted than it began with."""
        with self._lock:
            if self._wanted in (None, state["set"]):
                self._set, self._raised = state["set"], dict(state["raised"])

    def reset(self) -> None:
        """Forgets what was raised."""
        with self._lock:
            self._raised.clear()
