"""Names of members and errors in Step Functions, and when a state is retried."""

import botocore.session
import pytest

from local_cloud.service_integrations.errors import TaskError, optimized_error_name, sdk_error_name
from local_cloud.service_integrations.naming import optimized_name, sdk_name, to_request
from local_cloud.service_integrations.resources import parse_resource
from local_cloud.service_integrations.retries import Retries, error_matches
from local_cloud.service_integrations.task_limits import read_limits


def _model(service: str) -> botocore.model.ServiceModel:
    return botocore.session.Session().get_service_model(service)


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("stateMachineArn", "StateMachineArn"),
        ("ETag", "ETag"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("DBInstanceIdentifier", "DbInstanceIdentifier"),
        ("VolumeSizeInGB", "VolumeSizeInGB"),
        ("S3Uri", "S3Uri"),
        ("BOOL", "Bool"),
        ("NULL", "Nul"),
        ("N", "N"),
        ("ACL", "Acl"),
    ],
)
def test_members_of_sdk_integrations(member: str, name: str) -> None:
    assert sdk_name(member) == name


def test_members_of_optimized_integrations() -> None:
    assert optimized_name("executionArn") == "ExecutionArn"
    assert optimized_name("BOOL") == "BOOL"


@pytest.mark.parametrize(
    ("service", "code", "name"),
    [
        ("dynamodb", "ConditionalCheckFailedException", "DynamoDb.ConditionalCheckFailedException"),
        ("ssm", "ParameterNotFound", "Ssm.ParameterNotFoundException"),
        ("sagemaker", "ResourceInUse", "SageMaker.ResourceInUseException"),
        ("sagemaker", "ValidationException", "SageMaker.SageMakerException"),
        ("ec2", "InvalidInstanceID.NotFound", "Ec2.Ec2Exception"),
        (
            "application-autoscaling",
            "ObjectNotFoundException",
            "ApplicationAutoScaling.ObjectNotFoundException",
        ),
        ("rds", "DBClusterNotFoundFault", "Rds.DbClusterNotFoundException"),
        ("logs", "ResourceNotFoundException", "CloudWatchLogs.ResourceNotFoundException"),
    ],
)
def test_errors_of_sdk_integrations(service: str, code: str, name: str) -> None:
    assert sdk_error_name(_model(service), code) == name


@pytest.mark.parametrize(
    ("service", "botocore_service", "code", "name"),
    [
        ("lambda", "lambda", "TooManyRequestsException", "Lambda.TooManyRequestsException"),
        ("lambda", "lambda", "ServiceException", "Lambda.ServiceException"),
        ("lambda", "lambda", "AccessDeniedException", "Lambda.AWSLambdaException"),
        ("sagemaker", "sagemaker", "ResourceLimitExceeded", "SageMaker.ResourceLimitExceededException"),
        ("sagemaker", "sagemaker", "ValidationException", "SageMaker.AmazonSageMakerException"),
        (
            "states",
            "stepfunctions",
            "ExecutionAlreadyExists",
            "StepFunctions.ExecutionAlreadyExistsException",
        ),
    ],
)
def test_errors_of_optimized_integrations(service: str, botocore_service: str, code: str, name: str) -> None:
    assert optimized_error_name(service, _model(botocore_service), code) == name


def test_a_member_that_the_api_does_not_have() -> None:
    shape = _model("lambda").operation_model("Invoke").input_shape
    with pytest.raises(TaskError, match="Nonsense"):
        to_request({"Nonsense": 1}, shape, json_text=False)


@pytest.mark.parametrize(
    ("listed", "error", "matches"),
    [
        (["States.ALL"], "TooSmall", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.Runtime"], "States.Runtime", True),
        (["States.TaskFailed"], "Lambda.Unknown", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.TaskFailed"], "States.HeartbeatTimeout", False),
        (["States.Timeout"], "States.HeartbeatTimeout", True),
        (["States.HeartbeatTimeout"], "States.Timeout", False),
    ],
)
def test_which_errors_a_list_covers(listed: list[str], error: str, matches: bool) -> None:
    assert error_matches(listed, error) is matches


def test_delays_back_off_up_to_their_bound() -> None:
    retries = Retries([{"ErrorEquals": ["E"], "IntervalSeconds": 2, "MaxAttempts": 4, "MaxDelaySeconds": 10}])
    assert [retries.next_delay_s("E") for _ in range(5)] == [2, 4, 8, 10, None]
    assert retries.count == 4


def test_full_jitter_spreads_a_delay() -> None:
    retrier = {"ErrorEquals": ["E"], "IntervalSeconds": 8, "MaxAttempts": 50, "BackoffRate": 1.0}
    retries = Retries([{**retrier, "JitterStrategy": "FULL"}])
    delays = [retries.next_delay_s("E") for _ in range(50)]
    assert all(delay is not None and 0 <= delay <= 8 for delay in delays)
    assert len(set(delays)) > 10


def test_the_first_retrier_that_matches_decides() -> None:
    retries = Retries([{"ErrorEquals": ["E"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}])
    assert retries.next_delay_s("E") is None
    assert retries.next_delay_s("F") == 1


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "arn:aws:states:::aws-sdk:sagemaker:createTrainingJob.sync",
        "arn:aws:states:::dynamodb:scan",
        "http://example.com",
    ],
)
def test_resources_that_step_functions_refuses(arn: str) -> None:
    with pytest.raises(TaskError, match=r"States\.Runtime"):
        parse_resource(arn)


def test_limits_must_fit_together() -> None:
    assert read_limits({"TimeoutSecondsPath": "$.t", "HeartbeatSeconds": 3}, lambda _: 10).heartbeat_s == 3
    with pytest.raises(TaskError, match="smaller"):
        read_limits({"TimeoutSeconds": 3, "HeartbeatSeconds": 3}, lambda _: None)
    with pytest.raises(TaskError, match="positive"):
        read_limits({"TimeoutSecondsPath": "$.t"}, lambda _: "10")
