"""ARNs: the keys that every table of this service is kept by."""

from typing import Protocol

from local_cloud.service import AwsError


class Caller(Protocol):
    """Where a request comes from; both Call and HttpCall are one."""

    @property
    def account_id(self) -> str: ...

    @property
    def region(self) -> str: ...


def arn(caller: Caller, kind: str, name: str) -> str:
    """The ARN of a resource. SageMaker's names are unique whatever their case: its ARNs are in lower case."""
    return f"{arn_prefix(caller, kind)}{name.lower()}"


def arn_prefix(caller: Caller, kind: str) -> str:
    """What the ARNs of all resources of a kind begin with, in the caller's account and region."""
    return f"arn:aws:sagemaker:{caller.region}:{caller.account_id}:{kind}/"


def account_of(resource_arn: str) -> str:
    """The account id of a resource."""
    return resource_arn.split(":")[4]


def region_of(resource_arn: str) -> str:
    """The region of a resource."""
    return resource_arn.split(":")[3]


def invalid(message: str) -> AwsError:
    """A ValidationException, to be raised."""
    return AwsError("ValidationException", message)


def not_here(what: str) -> AwsError:
    """The refusal of something that AWS has and this cloud has not, to be raised."""
    return AwsError("ValidationException", f"{what} is not available in the local cloud.")
