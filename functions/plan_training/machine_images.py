"""Which machine image trains on EC2, and how large its root volume is.

RunInstances resolves the public parameter itself; its default version is the newest image.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class MachineImage:
    """`parameter` is AWS's, of the image's id in each region; `volume_gb` has room for all but the photos."""

    parameter: str
    volume_gb: int

    @property
    def image_id(self) -> str:
        """What RunInstances takes for an image's id."""
        return f"resolve:ssm:{self.parameter}"


# Amazon Linux 2023, https://docs.aws.amazon.com/linux/al2023/ug/ec2.html: training/ec2/boot.sh installs a
# newer Python there. The pins take 5.2 GB (measured), and their wheels 3 GB beside them until pip is done.
CPU_IMAGE = MachineImage(
    "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", volume_gb=20
)
# AWS's Deep Learning AMI, by the rule on https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html
# from its name: Amazon Linux 2023 with NVIDIA's driver, and a newer Python in /opt/pytorch/bin. It is tens of
# GB itself, and EC2 refuses a root volume smaller than the image's.
GPU_IMAGE = MachineImage(
    "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.13-amazon-linux-2023/latest/ami-id",
    volume_gb=100,
)


def machine_image(*, gpu: bool) -> MachineImage:
    """The image for the instance types that plan_training knows."""
    return GPU_IMAGE if gpu else CPU_IMAGE
