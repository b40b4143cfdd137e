"""Where: a region that the account has turned on, and that has SageMaker."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "region"
# https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters-global-infrastructure.html
_OFFERED = "/aws/service/global-infrastructure/services/sagemaker/regions/"


def check(intent: Intent) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html"""
    aws = intent.aws
    try:
        answer = aws.ec2.describe_regions(RegionNames=[aws.region], AllRegions=True)
    except ClientError as error:
        if not is_error(error, "InvalidParameterValue"):
            raise
        yield Finding(NAME, "fail", f"AWS has no region {aws.region}.", "Name another: --region NAME.")
        return
    if any(region.get("OptInStatus") == "not-opted-in" for region in answer["Regions"]):
        yield Finding(
            NAME,
            "fail",
            f"This account has not opted in to {aws.region}.",
            "Turn it on (it takes some minutes), or use another --region.",
            command=f"aws account enable-region --region-name {aws.region}",
        )
    elif not aws.is_local and not _has_sagemaker(intent):
        yield Finding(
            NAME,
            "fail",
            f"AWS does not list SageMaker in {aws.region}.",
            "Use another --region.",
            link="https://docs.aws.amazon.com/general/latest/gr/sagemaker.html",
        )
    else:
        yield Finding(NAME, "ok", f"{aws.region} is turned on")


def _has_sagemaker(intent: Intent) -> bool:
    try:
        intent.aws.ssm.get_parameter(Name=_OFFERED + intent.aws.region)
    except ClientError as error:
        if not is_error(error, "ParameterNotFound"):
            raise
        return False
    return True
