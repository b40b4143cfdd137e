"""docs/limits.md says what the code says, and the code what AWS's models say."""

import json
import re
from typing import Any

import botocore.session
import pytest

from contracts.limits import MAX_PAYLOAD_BYTES, UNRESERVED_MINIMUM
from contracts.scoring import BATCH_BYTES, BATCH_PHOTOS, MAX_PHOTOS
from contracts.training_job import HYPERPARAMETERS
from deploy_scripts.aws import Target
from deploy_scripts.errors import CliError
from deploy_scripts.operations.objects import DELETED_AT_ONCE
from deploy_scripts.verify_aws import sizes
from deploy_scripts.verify_aws.template.wildcard_complexity import LIMIT
from drops.keys import MAX_KEY_BYTES
from functions.iam_audit.reports.notification import SUBJECT
from functions.iam_audit.reports.security_hub import BATCH_SIZE
from functions.iam_audit.settings import ROLE_LAST_USED_DAYS
from functions.inference.events.responses import MAX_RESPONSE_BYTES
from functions.read_input.reading import MAX_TOKEN_BYTES, MAX_VERSION_ID_BYTES
from state_machines.language.tasks import LAMBDA_LIMIT_S
from tests.support.documentation import PROJECT
from tests.support.state_bounds import CAUSE_CHARACTERS, ERROR_CHARACTERS, STATE_LIMIT_BYTES
from training.ec2.log_shipper import BATCH_MAX_BYTES, BATCH_MAX_EVENTS

# A limit of the page -> the figure that the code goes by.
OF_THE_CODE = {
    "data of a state": STATE_LIMIT_BYTES,
    "data of a batch": STATE_LIMIT_BYTES,
    "output of a Map": STATE_LIMIT_BYTES,
    "events of an execution": sizes.HISTORY_EVENTS,
    "definition of a state machine": sizes.DEFINITION_BYTES,
    "name of a state": sizes.STATE_NAME_CHARACTERS,
    "name of an execution": MAX_TOKEN_BYTES,
    "error of a task": ERROR_CHARACTERS,
    "cause of a task": CAUSE_CHARACTERS,
    "run of a function": LAMBDA_LIMIT_S,
    "answer of a function": MAX_RESPONSE_BYTES,
    "a function's zip": sizes.ZIP_BYTES,
    "a function's zip, unpacked": sizes.UNPACKED_ZIP_BYTES,
    "a function's variables": sizes.VARIABLES_BYTES,
    "executions left unreserved": UNRESERVED_MINIMUM,
    "request to an endpoint": MAX_PAYLOAD_BYTES,
    "a key of S3": MAX_KEY_BYTES,
    "id of an object's version": MAX_VERSION_ID_BYTES,
    "objects deleted at once": DELETED_AT_ONCE,
    "log events in one call": BATCH_MAX_EVENTS,
    "bytes of log events in one call": BATCH_MAX_BYTES,
    "findings in one call": BATCH_SIZE,
    "last use of a role": ROLE_LAST_USED_DAYS,
    "inline policies of a role": sizes.INLINE_POLICIES_CHARACTERS,
    "trust policy of a role": sizes.TRUST_POLICY_CHARACTERS,
    "event pattern": sizes.EVENT_PATTERN_CHARACTERS,
    "wildcards of an event pattern": LIMIT,
    "a template in S3": sizes.TEMPLATE_BYTES,
    "description of a template": sizes.TEMPLATE_DESCRIPTION_BYTES,
    "parameters of a template": sizes.TEMPLATE_PARTS["Parameters"],
    "resources of a template": sizes.TEMPLATE_PARTS["Resources"],
    "outputs of a template": sizes.TEMPLATE_PARTS["Outputs"],
}
# A limit of the page -> the same of AWS's model, as botocore has it: service, operation, member.
OF_A_MODEL = {
    "name of an execution": ("stepfunctions", "StartExecution", "name"),
    "error of a task": ("stepfunctions", "SendTaskFailure", "error"),
    "cause of a task": ("stepfunctions", "SendTaskFailure", "cause"),
    "request to an endpoint": ("sagemaker-runtime", "InvokeEndpoint", "Body"),
    "name of a training job or an endpoint": ("sagemaker", "CreateTrainingJob", "TrainingJobName"),
    "hyperparameters of a job": ("sagemaker", "CreateTrainingJob", "HyperParameters"),
    "a hyperparameter": ("sagemaker", "CreateTrainingJob", "HyperParameters value"),
    "log events in one call": ("logs", "PutLogEvents", "logEvents"),
    "findings in one call": ("securityhub", "BatchImportFindings", "Findings"),
}
# The limits that no number of the code is.
OTHERS = {
    "reason of a failed job",
    "user data of an instance",
    "an SSM parameter",
    "copy of an object in one call",
    "subject of a notification",
}


def page_figures() -> dict[str, int]:
    """The first table: limit -> AWS's figure."""
    page = (PROJECT / "docs" / "limits.md").read_text("utf-8")
    rows = re.findall(r"^\| \[([^]]+)\]\(https://[^)]+\) \| ([\d,]+)[ ,]", page, re.MULTILINE)
    return {limit: int(figure.replace(",", "")) for limit, figure in rows}


FIGURES = page_figures()


def shape_of(service: str, operation: str, member: str, *, of: str = "input_shape") -> Any:
    model = botocore.session.get_session().get_service_model(service)
    name, _, part = member.partition(" ")
    shape = getattr(model.operation_model(operation), of).members[name]
    return getattr(shape, part) if part else shape


def test_the_page_has_every_limit_of_these_tests_and_no_other() -> None:
    assert FIGURES.keys() == OF_THE_CODE.keys() | OF_A_MODEL.keys() | OTHERS


@pytest.mark.parametrize("limit", OF_THE_CODE)
def test_a_figure_of_the_page_is_the_codes(limit: str) -> None:
    assert FIGURES[limit] == OF_THE_CODE[limit]


@pytest.mark.parametrize("limit", OF_A_MODEL)
def test_a_figure_of_the_page_is_that_of_awss_model(limit: str) -> None:
    assert FIGURES[limit] == shape_of(*OF_A_MODEL[limit]).metadata["max"]


def test_a_reason_that_training_writes_first_is_as_long_as_sagemaker_shows() -> None:
    shape = shape_of("sagemaker", "DescribeTrainingJob", "FailureReason", of="output_shape")
    assert FIGURES["reason of a failed job"] == shape.metadata["max"]


def test_the_longest_name_of_a_training_job_fits() -> None:
    """The longest name of a deployment, a run's id, and the suffix of a second job."""
    with pytest.raises(CliError):
        Target(stack="d" * 21)
    name = f"{Target(stack='d' * 20).stack}-{'0' * 32}-demand-9"
    assert len(name) <= FIGURES["name of a training job or an endpoint"]


def test_all_hyperparameters_together_are_fewer_than_a_job_takes() -> None:
    assert len(HYPERPARAMETERS) + 20 < FIGURES["hyperparameters of a job"]


def test_a_batch_of_photos_fits_with_the_error_that_it_ends_in() -> None:
    assert FIGURES["data of a batch"] > BATCH_BYTES + CAUSE_CHARACTERS + ERROR_CHARACTERS


def test_a_digit_and_a_comma_for_each_batch_of_the_largest_job_fit() -> None:
    assert FIGURES["output of a Map"] > 2 * (MAX_PHOTOS // BATCH_PHOTOS + 1)


def test_the_subjects_of_notifications_are_short() -> None:
    definition = (PROJECT / "state_machines" / "training_pipeline.asl.json").read_text("utf-8")
    subjects = [found["Subject"] for found in _objects(json.loads(definition)) if "Subject" in found]
    assert subjects
    # Its variable part is a status, of at most 20 characters.
    assert all(len(subject) + 20 < FIGURES["subject of a notification"] for subject in [SUBJECT, *subjects])


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(found for each in value.values() for found in _objects(each))]
    return [found for each in value for found in _objects(each)] if isinstance(value, list) else []
