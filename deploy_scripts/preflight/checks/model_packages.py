"""The model package group of ModelPackageGroupName: each release is registered in it, and nobody makes it."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deploy_scripts.errors import is_error
from deploy_scripts.preflight.finding import Finding
from deploy_scripts.preflight.intent import Intent

NAME = "model package group"


def check(intent: Intent) -> Iterator[Finding]:
    """Nothing where no group is named."""
    name = intent.parameters["ModelPackageGroupName"]
    if not name:
        return
    try:
        group = intent.aws.sagemaker.describe_model_package_group(ModelPackageGroupName=name)
    except ClientError as error:
        # SageMaker's word for what is not there.
        if not is_error(error, "ValidationException"):
            raise
        yield Finding(
            NAME,
            "fail",
            f"The group {name} is not there: no release would be registered.",
            "Make it, or correct ModelPackageGroupName.",
            command=f"aws sagemaker create-model-package-group --model-package-group-name {name}",
        )
        return
    status = group["ModelPackageGroupStatus"]
    if status == "Completed":
        yield Finding(NAME, "ok", name)
    else:
        yield Finding(NAME, "fail", f"The status of {name} is {status}.", "Name a group that is completed.")
