"""Which variant a request is about."""

import re
from dataclasses import dataclass
from typing import Any

from local_cloud.service import AwsError, Call
from local_cloud.services.sagemaker.names import arn

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"

_RESOURCE_ID = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")


@dataclass(frozen=True)
class VariantResource:
    """A variant of an endpoint; `resource_id` is `endpoint/<name>/variant/<name>`."""

    resource_id: str
    endpoint_arn: str
    variant: str

    @property
    def key(self) -> str:
        """What tables are kept by."""
        return f"{self.endpoint_arn}/variant/{self.variant}"


def resource_of(call: Call) -> VariantResource:
    """The variant that the request names. Raises AwsError ValidationException for any other resource."""
    request = call.parameters
    match = _RESOURCE_ID.fullmatch(request["ResourceId"])
    if request["ServiceNamespace"] != NAMESPACE or request["ScalableDimension"] != DIMENSION or match is None:
        raise invalid("Unsupported service namespace, resource type or scalable dimension")
    return VariantResource(request["ResourceId"], arn(call, "endpoint", match[1]), match[2])


def invalid(message: str) -> AwsError:
    """A ValidationException, to be raised."""
    return AwsError("ValidationException", message)


def not_here(what: str) -> AwsError:
    """The refusal of something that AWS has and this cloud has not, to be raised."""
    return invalid(f"{what} is not available in the local cloud.")


def not_found(what: str, request: dict[str, Any]) -> AwsError:
    """An ObjectNotFoundException, to be raised; `what` begins its sentence."""
    return AwsError(
        "ObjectNotFoundException",
        f"{what} for service namespace: {request['ServiceNamespace']}, resource ID: {request['ResourceId']}, "
        f"scalable dimension: {request['ScalableDimension']}",
    )


def is_asked_for(item: dict[str, Any], request: dict[str, Any]) -> bool:
    """Whether a Describe action asks for `item`: by namespace, resource and dimension."""
    return item["ServiceNamespace"] == request["ServiceNamespace"] and all(
        request.get(field) in (None, item[field]) for field in ("ResourceId", "ScalableDimension")
    )
