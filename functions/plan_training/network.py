"""Where a training and the endpoint's model run: AWS's own network, or a VPC; and how closed it is.

What each needs of its network, with AWS's pages: docs/network.md.
"""

from dataclasses import dataclass
from typing import Literal

from drops.manifest import FILE_NAME
from functions.plan_training.container_images import installs_packages
from functions.plan_training.instance_types import Backend

NetworkKind = Literal["none", "existing", "new"]


@dataclass(frozen=True)
class Network:
    """`none` has no subnets; the subnets of `new` are the template's, and reach no internet."""

    kind: NetworkKind
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()

    @property
    def is_closed(self) -> bool:
        return self.kind == "new"

    @property
    def vpc_config(self) -> dict[str, list[str]] | None:
        """SageMaker's VpcConfig; None where there is no VPC."""
        if self.kind == "none":
            return None
        return {"Subnets": list(self.subnet_ids), "SecurityGroupIds": list(self.security_group_ids)}

    def why_not(self, backend: Backend, image_uri: str) -> str | None:
        """Why a training cannot run here; None where it can."""
        if not self.is_closed:
            return None
        lacking = "from the internet, which the VPC of Network=new does not reach"
        if backend == "ec2":
            return (
                f"an instance of EC2 gets its packages {lacking}; "
                "train on SageMaker, or deploy with Network=existing and subnets that have a NAT gateway"
            )
        if installs_packages(image_uri):
            return (
                f"the image {image_uri} gets packages {lacking}; "
                "take a CPU type, or deploy with a GpuTrainingImageUri of your own that has them all"
            )
        return None


def is_isolated(backend: Backend, image_uri: str, dataset_uri: str) -> bool:
    """Whether the container of a training needs no network at all: SageMaker brings what it reads.

    The photos of a folder drop are versions of objects, which the container fetches itself: no channel can
    name a version (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html).
    """
    fetches_photos = dataset_uri.endswith(f"/{FILE_NAME}")
    return backend == "sagemaker" and not fetches_photos and not installs_packages(image_uri)
