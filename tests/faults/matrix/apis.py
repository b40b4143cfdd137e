"""What a Task calls, and what its service's errors are called by Retry and Catch."""

from dataclasses import dataclass
from functools import cache

from botocore.model import OperationModel

from local_cloud.service_integrations.errors import optimized_error_name, sdk_error_name
from state_machines.language.arguments import called_operation, service_model

_THROTTLES = ("TooManyRequests", "Throttl", "RequestLimitExceeded", "ThroughputExceeded")
_CAPACITY = ("ResourceLimitExceeded", "TooManyRequests", "LimitExceeded")
_VCPUS = "You have requested more vCPU capacity than your current vCPU limit of {} allows for the instance."
# What EC2's model does not name, with status and sentence: what never has room, and what has some later.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_UNMODELLED_CAPACITY = {"ec2": ("VcpuLimitExceeded", 400, _VCPUS.format(0))}
CAPACITY_THAT_COMES = (
    (
        "InsufficientInstanceCapacity",
        500,
        "We currently do not have sufficient g5.xlarge capacity in the zone.",
    ),
    ("VcpuLimitExceeded", 400, _VCPUS.format(32)),
)
_DELETES = ("delete", "deregister", "terminate")


@dataclass(frozen=True)
class Api:
    """What a Task calls."""

    service: str
    operation: OperationModel
    is_sdk: bool

    @classmethod
    @cache
    def of(cls, resource: str) -> "Api":
        if resource.startswith("${"):
            resource = "arn:aws:states:::lambda:invoke"
        service, operation = called_operation(resource)
        return cls(service, operation, ":aws-sdk:" in resource)

    @property
    def is_function(self) -> bool:
        return self.service == "lambda"

    @property
    def removes(self) -> bool:
        return self.operation.name.lower().startswith(_DELETES)

    def error(self, code: str, status: int = 400, message: str = "") -> tuple[str, str]:
        """Its name for Retry and Catch, and the Cause, of an error code of the service."""
        model = service_model(self.service)
        named = (
            sdk_error_name(model, code) if self.is_sdk else optimized_error_name(self.service, model, code)
        )
        prefix = named.split(".")[0]
        said = message or f"{code} from {self.operation.name}"
        told = "" if self.is_sdk else f"Error Code: {code}, "
        return named, f"{said} (Service: {prefix}, Status Code: {status}, {told}Request ID: 1)"

    def _own_code(self, parts: tuple[str, ...], otherwise: str) -> str:
        """A code that the operation's model has, by a part of its name."""
        codes = [str(shape.name) for shape in self.operation.error_shapes]
        return next((code for part in parts for code in codes if part in code), otherwise)

    def throttled(self) -> tuple[str, str]:
        # https://docs.aws.amazon.com/general/latest/gr/api-retries.html
        unmodelled = {"ec2": "RequestLimitExceeded", "s3": "SlowDown"}.get(
            self.service, "ThrottlingException"
        )
        return self.error(self._own_code(_THROTTLES, unmodelled), 400, "Rate exceeded")

    def refused(self, state: str) -> tuple[str, str]:
        """For good: for want of capacity where something is created, else of a permission, or as invalid."""
        if self.operation.name.startswith(("Create", "Run", "Invoke")):
            if self.service in _UNMODELLED_CAPACITY:
                return self.error(*_UNMODELLED_CAPACITY[self.service])
            code = self._own_code(_CAPACITY, "")
            if code:
                return self.error(code, 400, "The account has no room for it")
        denied = sum(map(ord, state)) % 2 == 0
        if denied:
            return self.error("AccessDeniedException", 400, "User is not authorized to perform the action")
        return self.error("ValidationException", 400, "1 validation error detected")
