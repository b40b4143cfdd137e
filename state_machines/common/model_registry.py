"""The Model Registry: a released model becomes a version of the deployment's model package group, if any.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
"""

from typing import Any

from state_machines.common.outcome import LIVE_STATUS, outcome
from state_machines.language.flow import Stage, best_effort
from state_machines.language.sdk import Choice, jsonata
from state_machines.language.tasks import call

# Characters of what SageMaker says, in the run's reason.
_CAUSE_CHARACTERS = 300
# What a metadata value takes, some letters of other scripts aside:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
_METADATA_CHARACTERS = 256
_NO_METADATA = r"/[^a-zA-Z0-9_.:\/=+@ -]/"


def register_model() -> Stage:
    """What refuses it is told with the run's end, and changes nothing of the release.

    A rollback makes a model live again that its own run has registered.
    """
    wanted = Choice("Model registry?")
    register = call(
        "Register model",
        "aws-sdk:sagemaker:createModelPackage",
        {
            "ModelPackageGroupName": jsonata("$settings.model_package_group"),
            "ModelPackageDescription": jsonata(
                "'Run ' & $run.id & ', accuracy on the test photos ' & $string($verdict.accuracy)"
            ),
            "ModelApprovalStatus": "Approved",
            "InferenceSpecification": {
                "Containers": [
                    {
                        "Image": jsonata("$plan.serving_image_uri"),
                        "ModelDataUrl": jsonata("$model_data_uri"),
                    }
                ],
                "SupportedContentTypes": ["image/jpeg", "image/png"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            "ModelMetrics": {
                "ModelQuality": {
                    "Statistics": {
                        "ContentType": "application/json",
                        "S3Uri": jsonata("$verdict.metrics_uri"),
                    }
                }
            },
            "CustomerMetadataProperties": {
                "run_id": jsonata("$run.id"),
                "release": jsonata("$release_name"),
                "drop": jsonata(_drop()),
            },
            # A try whose answer was lost makes no second version.
            "ClientToken": jsonata("$run.id"),
        },
        on_error=None,
    )
    registered = best_effort(register, _not_registered())
    wanted.when("$settings.model_package_group != '' and $not($exists($input.action))", register)
    return Stage(wanted, (wanted.next, *registered.exits))


def _drop() -> str:
    address = f"$substring('s3://' & $run.bucket & '/' & $run.key, 0, {_METADATA_CHARACTERS})"
    return f"$replace({address}, {_NO_METADATA}, '_')"


def _not_registered() -> dict[str, Any]:
    cause = f"$substring($states.errorOutput.Cause & '', 0, {_CAUSE_CHARACTERS})"
    reason = f"$outcome.reason & '; the model was not registered: ' & {cause}"
    return outcome(LIVE_STATUS, reason, release="$release_name")
