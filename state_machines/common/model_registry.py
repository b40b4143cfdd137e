"""The Model Registry: a released model becomes a version of the deployment's model package group, if any.

A version waits for its approval while its release is watched; one that is taken back is rejected.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
"""

from typing import Any

from state_machines.language.flow import Stage, best_effort
from state_machines.language.sdk import Choice, jsonata
from state_machines.language.tasks import THIS_RUN, call, text, update_item

# Characters of what SageMaker says, in the run's reason.
_CAUSE_CHARACTERS = 300
# Of ApprovalDescription, which has one line:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
_DESCRIPTION_CHARACTERS = 1024
# What a metadata value takes, some letters of other scripts aside:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
_METADATA_CHARACTERS = 256
_NO_METADATA = r"/[^a-zA-Z0-9_.:\/=+@ -]/"
_HAS_GROUP = "$settings.model_package_group != ''"
_BY_HAND = "$exists($input.action)"
# $model_version: the version of the released model, and what went wrong with it, for the run's reason.
NO_VERSION = {"arn": jsonata("''"), "note": jsonata("''")}
# The attribute of the ledger, by which a rollback finds the versions.
VERSION_ATTRIBUTE = "model_package_arn"


def version_in(item: str) -> str:
    """An expression: the version that an item of the ledger names, or an empty text."""
    found = f"{item}.{VERSION_ATTRIBUTE}.S"
    return f"($exists({found}) ? {found} : '')"


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
            # What deploys on an approval of its own gets what has been watched.
            "ModelApprovalStatus": "PendingManualApproval",
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
        assign={"model_version": {"arn": jsonata("$states.result.ModelPackageArn"), "note": jsonata("''")}},
        on_error=None,
    )
    record = update_item(
        "Record model version", THIS_RUN, {VERSION_ATTRIBUTE: text("$model_version.arn")}, on_error=None
    )
    wanted.when(f"{_HAS_GROUP} and $not({_BY_HAND})", register)
    registered = best_effort(register, _noted("''", "the model was not registered"))
    # Without a version there is nothing to record.
    register.next(record)
    recorded = best_effort(record, _noted("$model_version.arn", "the ledger does not know its model version"))
    return Stage(wanted, (wanted.next, registered.exits[1], *recorded.exits))


def approve_version() -> Stage:
    """The version of the model that is live, and was watched where it could be."""
    why = "$outcome.status & ': ' & $outcome.reason"
    return _decide("Approve", "model version", "$model_version.arn != ''", "$model_version.arn", why)


def reject_version() -> Stage:
    """The version of a release that did not stay. A rollback that failed says nothing of a model."""
    ours = f"$model_version.arn != '' and $not({_BY_HAND})"
    return _decide("Reject", "model version", ours, "$model_version.arn", "$outcome.reason")


def reject_replaced_version() -> Stage:
    """The version of the model that a person took back."""
    away = f"$replaced_version != '' and {_BY_HAND}"
    return _decide("Reject", "replaced model version", away, "$replaced_version", "$outcome.reason")


def _decide(verb: str, which: str, wanted: str, arn: str, why: str) -> Stage:
    """The version's approval status, and why it is that. What refuses it is told with the run's end."""
    status = {"Approve": "Approved", "Reject": "Rejected"}[verb]
    decide = call(
        f"{verb} {which}",
        "aws-sdk:sagemaker:updateModelPackage",
        {
            "ModelPackageArn": jsonata(arn),
            "ModelApprovalStatus": status,
            "ApprovalDescription": jsonata(
                rf"$substring($replace({why}, /[\r\n]+/, ' '), 0, {_DESCRIPTION_CHARACTERS})"
            ),
        },
        on_error=None,
    )
    decided = best_effort(decide, _noted("$model_version.arn", f"its {which} was not {status.lower()}"))
    asked = Choice(f"{verb} {which}?")
    asked.when(f"{_HAS_GROUP} and {wanted}", decide)
    return Stage(asked, (asked.next, *decided.exits))


_CAUSE = f"$substring($states.errorOutput.Cause & '', 0, {_CAUSE_CHARACTERS})"


def _drop() -> str:
    address = f"$substring('s3://' & $run.bucket & '/' & $run.key, 0, {_METADATA_CHARACTERS})"
    return f"$replace({address}, {_NO_METADATA}, '_')"


def _noted(arn: str, what: str) -> dict[str, Any]:
    return {
        "model_version": {
            "arn": jsonata(arn),
            "note": jsonata(f"$model_version.note & '; {what}: ' & {_CAUSE}"),
        }
    }
