"""The machine images of EC2 training: their public parameters name an AMI of the region."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding, Status
from deploy_scripts.preflight.intent import Intent
from functions.plan_training.machine_images import CPU_IMAGE, GPU_IMAGE, MachineImage

NAME = "machine image of EC2 training"


def check(intent: Intent) -> Iterator[Finding]:
    """A missing image for GPUs is a warning: a plan prefers CPUs, and SageMaker may have GPUs."""
    yield _of(intent, NAME, CPU_IMAGE, intent.without_ec2)
    yield _of(intent, f"{NAME} on GPUs", GPU_IMAGE, "warn")


def _of(intent: Intent, name: str, image: MachineImage, without_it: Status) -> Finding:
    try:
        image_id = intent.aws.ssm.get_parameter(Name=image.parameter)["Parameter"]["Value"]
    except ClientError as error:
        if not is_error(error, "ParameterNotFound"):
            raise
        on_gpus = " on GPUs" if image == GPU_IMAGE else ""
        return Finding(
            name,
            without_it,
            f"{intent.aws.region} has no parameter {image.parameter}: EC2 cannot train{on_gpus} there.",
            "Train on SageMaker, or use another --region.",
        )
    return Finding(name, "ok", image_id)
