"""AWS's own image with torch for GPUs: a Deep Learning Container with sagemaker-training.

Of https://github.com/aws/deep-learning-containers: tags and end of support from
docs/src/data/pytorch/2.13-cuda-sagemaker.yml, accounts from docs/reference/region_availability.md.
AWS patches an image under the same tag.
"""

from datetime import date

from deploy_scripts.container_images.addresses import registry_of
from deploy_scripts.errors import CliError

GPU_TRAINING_IMAGE = "pytorch:2.13.0-cu133-amzn2023-sagemaker"
# `make verify-aws` fails half a year before.
END_OF_SUPPORT = date(2027, 7, 20)

DEFAULT_ACCOUNT = "763104351884"
DEFAULT_ACCOUNT_REGIONS = frozenset(
    [
        *("ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
        *("sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"),
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
}


def aws_image(name: str, *, region: str) -> str:
    """The address of one of AWS's images. Raises CliError for a region that has none."""
    account = DEFAULT_ACCOUNT if region in DEFAULT_ACCOUNT_REGIONS else OTHER_ACCOUNTS.get(region)
    if not account:
        raise CliError(
            f"AWS is not known to have its image with torch in {region}.",
            "Name an image for training on GPUs: --parameter GpuTrainingImageUri=...",
        )
    return f"{registry_of(account, region)}/{name}"
