"""What SageMaker asks of Application Auto Scaling."""

from typing import Protocol


class ScalingTargets(Protocol):
    """Knows which variants are scalable targets."""

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
