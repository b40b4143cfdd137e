"""The runtime: POST /endpoints/{name}/invocations.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

import json
import re
import threading
import time
from urllib.parse import unquote

from local_cloud.service import AwsError, HttpCall, HttpReply, RouteHandler
from local_cloud.services.sagemaker.hosting.deployment import Deployment
from local_cloud.services.sagemaker.hosting.endpoint import HostedEndpoint
from local_cloud.services.sagemaker.hosting.endpoint_api import Endpoints
from local_cloud.services.sagemaker.hosting.fleet import Fleet
from local_cloud.services.sagemaker.hosting.instance import Answer, NoAnswerError, NotReachedError
from local_cloud.services.sagemaker.hosting.serverless_fleet import TooManyRequestsError
from local_cloud.services.sagemaker.names import arn

# "The payload limits are 25 MB for real-time endpoints":
# https://docs.aws.amazon.com/sagemaker/latest/dg/model-deploy-faq.html
MAX_PAYLOAD_BYTES = 25 * 1024 * 1024
TIMEOUT_S = 60.0

# The service strips all headers but these on their way to the container, and back.
_TO_CONTAINER = (
    "content-type",
    "accept",
    "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-inference-id",
)
_FROM_CONTAINER = ("content-type", "x-amzn-sagemaker-custom-attributes")
# Without what they ask for, a request with one of them would be answered by the wrong model.
_UNAVAILABLE = (
    "x-amzn-sagemaker-target-model",
    "x-amzn-sagemaker-target-container-hostname",
    "x-amzn-sagemaker-inference-component",
    "x-amzn-sagemaker-session-id",
    "x-amzn-sagemaker-enable-explanations",
)
_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"


class Invocation:
    """Hands requests to instances. `max_in_flight` requests at once are taken in all; more are throttled."""

    def __init__(self, endpoints: Endpoints, *, max_in_flight: int, timeout_s: float = TIMEOUT_S) -> None:
        self._endpoints = endpoints
        self._places = threading.BoundedSemaphore(max_in_flight)
        self._timeout_s = timeout_s

    def routes(self) -> dict[str, RouteHandler]:
        """Regular expression of the whole path -> its handler."""
        return {r"/endpoints/([^/]+)/invocations": self.invoke}

    def invoke(self, call: HttpCall, match: re.Match[str]) -> HttpReply:
        """InvokeEndpoint. Raises AwsError; what the container refuses comes back as ModelError."""
        if len(call.body) > MAX_PAYLOAD_BYTES:
            raise AwsError(
                "ValidationError",
                "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have "
                f"length less than or equal to {MAX_PAYLOAD_BYTES}",
            )
        for header in _UNAVAILABLE:
            if header in call.headers:
                raise AwsError("ValidationError", f"{header} is not available in the local cloud.")
        if not self._places.acquire(blocking=False):
            raise AwsError("ThrottlingException", "Rate exceeded")
        try:
            return self._invoke(call, unquote(match[1]))
        finally:
            self._places.release()

    def _invoke(self, call: HttpCall, name: str) -> HttpReply:
        endpoint = self._endpoints.find(arn(call, "endpoint", name))
        if endpoint is None or endpoint.name != name:
            raise _not_found(call, name)
        while True:
            deployment = endpoint.deployment
            if deployment is None or endpoint.status == "Deleting":
                raise _not_found(call, name)
            variant = call.headers.get(_TARGET_VARIANT) or deployment.choose_variant()
            fleet = _fleet(deployment, variant, name)
            try:
                return self._ask_counted(endpoint, variant, fleet, call)
            except TooManyRequestsError as error:
                raise AwsError(
                    "ThrottlingException", f"The maximum concurrency of endpoint {name} is reached."
                ) from error
            except _NoInstanceError as error:
                # An update may have taken the fleet out of service since it was looked up.
                if endpoint.deployment is deployment:
                    raise AwsError(
                        "ServiceUnavailable", "The service is unavailable. Try your call again.", 503
                    ) from error

    def _ask_counted(self, endpoint: HostedEndpoint, variant: str, fleet: Fleet, call: HttpCall) -> HttpReply:
        watch = _Watch()
        try:
            answer = self._ask(fleet, call, watch)
        except (NoAnswerError, TimeoutError) as error:
            endpoint.traffic.add(variant, watch.model_us, watch.overhead_us, 0)
            text = _TIMED_OUT if isinstance(error, TimeoutError) else _NO_ANSWER
            return _model_error(call, endpoint.name, 0, text)
        endpoint.traffic.add(variant, watch.model_us, watch.overhead_us, answer.status)
        if not 200 <= answer.status < 300:
            return _model_error(call, endpoint.name, answer.status, answer.body.decode("utf-8", "replace"))
        headers = {name: answer.headers[name] for name in _FROM_CONTAINER if name in answer.headers}
        headers["x-Amzn-Invoked-Production-Variant"] = variant
        return HttpReply(200, headers, answer.body)

    def _ask(self, fleet: Fleet, call: HttpCall, watch: "_Watch") -> Answer:
        headers = {name: call.headers[name] for name in _TO_CONTAINER if name in call.headers}
        # An instance that has just died is passed over: it never got the request.
        for _ in range(max(fleet.count, 1)):
            instance = fleet.acquire()
            if instance is None:
                break
            watch.begin_model()
            try:
                return instance.invoke(headers, call.body, self._timeout_s)
            except NotReachedError:
                fleet.replace_lost()
            finally:
                watch.end_model()
                fleet.release(instance)
        raise _NoInstanceError


class _Watch:
    """Microseconds of one request: with the model, and besides."""

    def __init__(self) -> None:
        self._began = self._model_began = time.perf_counter()
        self.model_us = 0.0

    def begin_model(self) -> None:
        self._model_began = time.perf_counter()

    def end_model(self) -> None:
        """The last instance that was asked counts."""
        self.model_us = (time.perf_counter() - self._model_began) * 1e6

    @property
    def overhead_us(self) -> float:
        """Until now, the model's time taken off."""
        return max(0.0, (time.perf_counter() - self._began) * 1e6 - self.model_us)


class _NoInstanceError(Exception):
    """No instance of the fleet could be reached."""


_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency "
    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)
_NO_ANSWER = "Amazon SageMaker could not get a response from the primary endpoint."


def _fleet(deployment: Deployment, variant: str, endpoint_name: str) -> Fleet:
    fleet = deployment.fleet(variant)
    if fleet is None:
        raise AwsError("ValidationError", f"Variant {variant} not found for Endpoint {endpoint_name}.")
    return fleet


def _not_found(call: HttpCall, name: str) -> AwsError:
    return AwsError("ValidationError", f"Endpoint {name} of account {call.account_id} not found.")


def _model_error(call: HttpCall, name: str, status: int, text: str) -> HttpReply:
    """`status` is what the container answered, 0 for no answer."""
    kind = "client" if 400 <= status < 500 else "server"
    group = f"/aws/sagemaker/Endpoints/{name}"
    console = (
        f"https://{call.region}.console.aws.amazon.com/cloudwatch/home?region={call.region}"
        f"#logEventViewer:group={group}"
    )
    document = {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if kind == "client" else "INTERNAL_FAILURE_FROM_MODEL",
        "LogStreamArn": f"arn:aws:logs:{call.region}:{call.account_id}:log-group:{group}",
        "Message": (
            f'Received {kind} error ({status}) from primary with message "{text}". '
            f"See {console} in account {call.account_id} for more information."
        ),
        "OriginalMessage": text,
        "OriginalStatusCode": status,
    }
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "ModelError"}
    return HttpReply(424, headers, json.dumps(document).encode())
