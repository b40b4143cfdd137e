"""The machine image of EC2 training: its public parameter names an AMI of the region."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent
from functions.plan_training.container_images import EC2_IMAGE_ID

NAME = "machine image of EC2 training"


def check(intent: Intent) -> Iterator[Finding]:
    """https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html"""
    parameter = EC2_IMAGE_ID.removeprefix("resolve:ssm:")
    try:
        image = intent.aws.ssm.get_parameter(Name=parameter)["Parameter"]["Value"]
    except ClientError as error:
        if not is_error(error, "ParameterNotFound"):
            raise
        yield Finding(
            NAME,
            intent.without_ec2,
            f"{intent.aws.region} has no parameter {parameter}: EC2 cannot train there.",
            "Train on SageMaker, or use another --region.",
        )
    else:
        yield Finding(NAME, "ok", image)
