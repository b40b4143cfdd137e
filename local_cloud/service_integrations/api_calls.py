"""One API call of a task, by botocore, through the gateway of this cloud, as the state machine's role."""

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.session
from botocore import handlers, xform_name
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.model import OperationModel

from local_cloud.botocore_sessions import new_session
from local_cloud.iam.identity import credentials_for
from local_cloud.service_integrations import naming
from local_cloud.service_integrations.errors import (
    OPTIMIZED_ERROR_NAMES,
    TaskError,
    optimized_error_name,
    sdk_error_name,
)
from local_cloud.service_integrations.resources import Resource

# Where an aws-sdk integration's service is not botocore's name without its dashes.
SDK_SERVICES = {
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "eventbridge": "events",
    "elasticloadbalancingv2": "elbv2",
    "sfn": "stepfunctions",
}
OPTIMIZED_SERVICES = {"states": "stepfunctions"}
# A HEAD request's answer has no body: the SDK for Java names its error by the operation.
HEAD_ERRORS = {("HeadObject", "404"): "NoSuchKey", ("HeadBucket", "404"): "NoSuchBucket"}
# E.g. botocore encodes UserData, which a state machine has to give in base64 already.
CONVENIENCES = (
    handlers.base64_encode_user_data,
    handlers.decode_console_output,
    handlers.json_decode_policies,
    handlers.json_decode_template_body,
)
# A function may run for 15 minutes; one attempt only, since the state has its own Retry.
CONFIG = Config(connect_timeout=10, read_timeout=910, retries={"total_max_attempts": 1})


class ApiCalls:
    """Makes calls as a role; clients are kept, since making one costs a tenth of a second."""

    def __init__(self) -> None:
        self._session = _plain_session()
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, str], BaseClient] = {}

    def call(self, resource: Resource, parameters: Any, role_arn: str, region: str) -> dict[str, Any]:
        """The result as the task gets it. Raises TaskError under the name that Step Functions gives."""
        client = self._client(_botocore_service(resource, self._session), role_arn, region)
        operation = _operation(client, resource)
        optimized = resource.kind == "optimized"
        request: Any = {}
        if operation.input_shape is not None:
            request = naming.to_request(parameters or {}, operation.input_shape, json_text=optimized)
        response = self._send(client, operation, resource, request)
        rules = (
            (naming.optimized_name, naming.epoch_milliseconds)
            if optimized
            else (naming.sdk_name, naming.iso_time)
        )
        result: dict[str, Any] = naming.to_result(response, operation.output_shape, *rules) or {}
        return {**result, **sdk_metadata(response)} if optimized else result

    def raw(
        self, service: str, operation: str, request: dict[str, Any], role_arn: str, region: str
    ) -> dict[str, Any]:
        """A call by botocore's own names. Raises ClientError or BotoCoreError."""
        client = self._client(service, role_arn, region)
        response: dict[str, Any] = _call(client, operation, request)
        return response

    def _send(
        self, client: BaseClient, operation: OperationModel, resource: Resource, request: Any
    ) -> dict[str, Any]:
        try:
            response: dict[str, Any] = _call(client, operation.name, request)
        except ParamValidationError as error:
            raise TaskError(
                "States.Runtime", f"The Parameters could not be used to start the Task: [{error}]"
            ) from error
        except ClientError as error:
            raise service_failure(error, resource, client) from error
        except BotoCoreError as error:
            prefix = OPTIMIZED_ERROR_NAMES.get(resource.service, (resource.service.capitalize(), ""))[0]
            raise TaskError(f"{prefix}.SdkClientException", str(error)) from error
        return response

    def _client(self, service: str, role_arn: str, region: str) -> BaseClient:
        key = (service, role_arn, region)
        with self._lock:
            if key not in self._clients:
                credentials = credentials_for(role_arn, "states")
                self._clients[key] = self._session.create_client(
                    service,
                    region_name=region,
                    endpoint_url=credentials["AWS_ENDPOINT_URL"],
                    aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
                    aws_session_token=credentials["AWS_SESSION_TOKEN"],
                    config=CONFIG,
                )
            return self._clients[key]


def _plain_session() -> botocore.session.Session:
    """A session without botocore's own conveniences: Step Functions sends and gives values as they are."""
    session = new_session()
    for event, handler, *_ in handlers.BUILTIN_HANDLERS:
        if handler in CONVENIENCES:
            session.unregister(event, handler)
    return session


def _call(client: BaseClient, operation: str, request: Any) -> dict[str, Any]:
    method: Callable[..., dict[str, Any]] = getattr(client, xform_name(operation))
    return method(**request)


def sdk_metadata(response: dict[str, Any]) -> dict[str, Any]:
    """What optimized integrations tell of the HTTP answer."""
    metadata = response["ResponseMetadata"]
    headers = metadata.get("HTTPHeaders", {})
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": metadata["HTTPStatusCode"],
        },
        "SdkResponseMetadata": {"RequestId": metadata.get("RequestId", "")},
    }


def service_failure(error: ClientError, resource: Resource, client: BaseClient) -> TaskError:
    """The failure that a service's error makes of a task."""
    details, metadata = error.response["Error"], error.response["ResponseMetadata"]
    model = client.meta.service_model
    code = HEAD_ERRORS.get((error.operation_name, details["Code"]), details["Code"])
    if resource.kind == "sdk":
        name = sdk_error_name(model, code)
    else:
        name = optimized_error_name(resource.service, model, code)
    service = name.split(".", maxsplit=1)[0]
    # The AWS SDK for Java v2 does not tell the code:
    # https://github.com/aws/aws-sdk-java-v2/blob/master/core/aws-core/src/main/java/software/amazon/awssdk/awscore/exception/AwsServiceException.java
    told = "" if resource.kind == "sdk" else f"Error Code: {code}, "
    cause = (
        f"{details.get('Message', '')} (Service: {service}, Status Code: {metadata['HTTPStatusCode']}, "
        f"{told}Request ID: {metadata.get('RequestId', '')})"
    )
    return TaskError(name, cause)


def _botocore_service(resource: Resource, session: botocore.session.Session) -> str:
    if resource.kind != "sdk":
        return OPTIMIZED_SERVICES.get(resource.service, resource.service)
    if resource.service in SDK_SERVICES:
        return SDK_SERVICES[resource.service]
    for name in _available_services(session):
        if name.replace("-", "") == resource.service:
            return name
    raise TaskError("States.Runtime", f"The resource provided {resource.arn} is not recognized.")


@cache
def _available_services(session: botocore.session.Session) -> tuple[str, ...]:
    return tuple(session.get_available_services())


def _operation(client: BaseClient, resource: Resource) -> OperationModel:
    model = client.meta.service_model
    wanted = resource.action.lower()
    name = next((name for name in model.operation_names if name.lower() == wanted), None)
    if name is None:
        raise TaskError("States.Runtime", f"The resource provided {resource.arn} is not recognized.")
    return model.operation_model(name)
