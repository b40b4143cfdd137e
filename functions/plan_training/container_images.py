"""AWS's own images: Deep Learning Containers for PyTorch, and the Deep Learning AMI.

Addresses as the SageMaker SDK 2.257.7 gives them (sagemaker.image_uris); a test holds this table against it.
https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
"""

from typing import Literal

from functions.common.errors import SettingsError

# The newest of each: the serving containers lag behind the training ones.
TAGS = {"training": "2.8.0-{processor}-py312", "inference": "2.6.0-{processor}-py312"}

DEFAULT_ACCOUNT = "763104351884"
DEFAULT_ACCOUNT_REGIONS = frozenset(
    [
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    ]
)
OTHER_ACCOUNTS = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
}

# RunInstances resolves the parameter itself; the name is made by the rule on
# https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html from the AMI of that name. Its Python
# with torch is /opt/pytorch/bin/python.
EC2_IMAGE_ID = (
    "resolve:ssm:/aws/service/deeplearning/ami/x86_64/"
    "oss-nvidia-driver-gpu-pytorch-2.13-amazon-linux-2023/latest/ami-id"
)


def container_uri(purpose: Literal["training", "inference"], *, region: str, gpu: bool) -> str:
    """The address of a PyTorch container. Raises SettingsError for a region that has none."""
    account = DEFAULT_ACCOUNT if region in DEFAULT_ACCOUNT_REGIONS else OTHER_ACCOUNTS.get(region)
    if not account:
        raise SettingsError(
            f"AWS has no PyTorch containers in {region!r}; deploy the stack in another region"
        )
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    tag = TAGS[purpose].format(processor="gpu" if gpu else "cpu")
    return f"{account}.dkr.ecr.{region}.{suffix}/pytorch-{purpose}:{tag}"
