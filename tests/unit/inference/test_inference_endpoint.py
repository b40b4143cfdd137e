"""InvokeEndpoint: the answer's shape, AWS's errors, and retries inside the time that is left."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from functions.common.errors import DropserveError
from functions.inference import endpoint as endpoint_module
from functions.inference.endpoint import MAX_ATTEMPTS, EndpointClient
from functions.inference.errors import (
    EndpointError,
    EndpointGoneError,
    ImageRefusedError,
    ModelBusyError,
    OutOfTimeError,
)
from functions.inference.fetching.deadlines import Deadline
from functions.inference.images import ModelInput
from tests.unit.inference.aws_replies import ANSWER, RELEASE

IMAGE = ModelInput(b"an image", "image/jpeg")


class StubbedRuntime:
    """A real sagemaker-runtime client with scripted answers; keeps the read timeouts asked for."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "sagemaker-runtime", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.stubber = Stubber(self.client)
        self.read_timeouts_s: list[int] = []

    def client_for(self, read_timeout_s: int) -> Any:
        self.read_timeouts_s.append(read_timeout_s)
        return self.client

    def answers(self, body: bytes, **asked: str) -> None:
        expected = {
            "EndpointName": RELEASE,
            "ContentType": "image/jpeg",
            "Accept": "application/json",
            "Body": b"an image",
            **asked,
        }
        stream = StreamingBody(io.BytesIO(body), len(body))
        self.stubber.add_response(
            "invoke_endpoint", {"Body": stream, "ContentType": "application/json"}, expected
        )

    def fails(self, code: str, status: int, **fields: Any) -> None:
        parameters = {"EndpointName": ANY, "ContentType": ANY, "Accept": ANY, "Body": ANY}
        self.stubber.add_client_error(
            "invoke_endpoint", code, "said AWS", status, expected_params=parameters, modeled_fields=fields
        )


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[StubbedRuntime]:
    monkeypatch.setattr(endpoint_module, "BACKOFF_S", 0.001)
    stubbed = StubbedRuntime()
    with stubbed.stubber:
        yield stubbed
        stubbed.stubber.assert_no_pending_responses()


def invoke(runtime: StubbedRuntime, left_s: float = 30) -> Any:
    return EndpointClient(runtime.client_for).invoke(RELEASE, IMAGE, Deadline.after(left_s))


def test_the_scores_come_back_in_the_order_of_the_classes(runtime: StubbedRuntime) -> None:
    runtime.answers(json.dumps(ANSWER).encode())

    scores = invoke(runtime)

    assert scores.classes == ANSWER["classes"]
    assert scores.scores == ANSWER["scores"]
    assert scores.probabilities == ANSWER["probabilities"]
    assert scores.unknown is None


def test_a_heat_map_is_asked_for_by_a_custom_attribute(runtime: StubbedRuntime) -> None:
    told = {"label": "dog", "png": "iVBORw0KGgo="}
    runtime.answers(json.dumps({**ANSWER, "explanation": told}).encode(), CustomAttributes="explain=true")

    scores = EndpointClient(runtime.client_for).invoke(RELEASE, IMAGE, Deadline.after(30), explain=True)

    assert scores.explanation == told


def test_a_model_may_call_an_image_unknown(runtime: StubbedRuntime) -> None:
    told = {"unknown": True, "unknown_score": 2.5, "unknown_threshold": 1.8}
    runtime.answers(json.dumps({**ANSWER, **told}).encode())

    assert invoke(runtime).unknown == (True, 2.5, 1.8)


def test_a_model_says_in_which_bins_its_answer_counts(runtime: StubbedRuntime) -> None:
    runtime.answers(json.dumps({**ANSWER, "drift": {"confidence": 4, "unknown_score": 0}}).encode())

    assert invoke(runtime).drift == {"confidence": 4, "unknown_score": 0}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        json.dumps({**ANSWER, "classes": []}).encode(),
        json.dumps({**ANSWER, "scores": [1.0]}).encode(),
        json.dumps({**ANSWER, "probabilities": None}).encode(),
        json.dumps({**ANSWER, "scores": ["a", "b", "c", "d"]}).encode(),
        json.dumps({**ANSWER, "scores": [1.0, float("nan"), 2.0, 3.0]}).encode(),
        json.dumps({**ANSWER, "probabilities": [1.0, float("inf"), 2.0, 3.0]}).encode(),
        json.dumps({"classes": [], "scores": [], "probabilities": []}).encode(),
        json.dumps({**ANSWER, "unknown": True}).encode(),
        json.dumps(
            {**ANSWER, "unknown": True, "unknown_score": float("nan"), "unknown_threshold": 1}
        ).encode(),
        json.dumps({**ANSWER, "drift": {"confidence": 5}}).encode(),
        json.dumps({**ANSWER, "drift": {"another": 0}}).encode(),
        json.dumps({**ANSWER, "drift": [0]}).encode(),
    ],
)
def test_an_answer_of_another_shape_is_the_endpoints_failure(runtime: StubbedRuntime, body: bytes) -> None:
    runtime.answers(body)

    with pytest.raises(EndpointError):
        invoke(runtime)


@pytest.mark.parametrize(
    ("code", "status", "fields", "expected"),
    [
        ("ValidationError", 400, {}, EndpointGoneError),
        ("AccessDeniedException", 403, {}, EndpointError),
        ("ExpiredTokenException", 403, {}, EndpointError),
        ("ModelError", 424, {"OriginalStatusCode": 400, "OriginalMessage": "bad"}, ImageRefusedError),
        ("ModelError", 424, {"OriginalStatusCode": 413}, ImageRefusedError),
        ("ModelError", 424, {"OriginalStatusCode": 415}, ImageRefusedError),
        ("ModelError", 424, {"OriginalStatusCode": 500}, EndpointError),
        ("ModelError", 424, {"OriginalStatusCode": 404}, EndpointError),
        ("ModelError", 424, {}, EndpointError),
    ],
)
def test_a_permanent_failure_is_told_apart_and_not_retried(
    runtime: StubbedRuntime, code: str, status: int, fields: dict[str, Any], expected: type[DropserveError]
) -> None:
    runtime.fails(code, status, **fields)

    with pytest.raises(expected):
        invoke(runtime)


PASSING = [
    ("ThrottlingException", 400, {}),
    ("ServiceUnavailable", 503, {}),
    ("InternalFailure", 500, {}),
    ("InternalDependencyException", 530, {}),
    ("ModelNotReadyException", 429, {}),
    ("ModelError", 424, {"OriginalStatusCode": 503}),
    ("ModelError", 424, {"OriginalStatusCode": 429}),
]


@pytest.mark.parametrize(("code", "status", "fields"), PASSING)
def test_a_transient_failure_is_retried(
    runtime: StubbedRuntime, code: str, status: int, fields: dict[str, Any]
) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        runtime.fails(code, status, **fields)
    runtime.answers(json.dumps(ANSWER).encode())

    assert invoke(runtime).classes == ANSWER["classes"]


@pytest.mark.parametrize(("code", "status", "fields"), PASSING)
def test_retries_that_all_fail_end_as_busy(
    runtime: StubbedRuntime, code: str, status: int, fields: dict[str, Any]
) -> None:
    for _ in range(MAX_ATTEMPTS):
        runtime.fails(code, status, **fields)

    with pytest.raises(ModelBusyError):
        invoke(runtime)


def test_no_retry_waits_longer_than_the_time_left(
    runtime: StubbedRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_module, "BACKOFF_S", 1e9)
    runtime.fails("ThrottlingException", 400)

    with pytest.raises(ModelBusyError):
        invoke(runtime)


@pytest.mark.parametrize(("left_s", "read_timeout_s"), [(100, 60), (50, 20), (12, 10), (4, 2), (2.5, 1)])
def test_the_read_timeout_fits_in_the_time_left(
    runtime: StubbedRuntime, left_s: float, read_timeout_s: int
) -> None:
    runtime.answers(json.dumps(ANSWER).encode())

    invoke(runtime, left_s)

    assert runtime.read_timeouts_s == [read_timeout_s]


@pytest.mark.parametrize("left_s", [-1, 0, 1.5])
def test_with_too_little_time_left_the_endpoint_is_not_asked(runtime: StubbedRuntime, left_s: float) -> None:
    with pytest.raises(OutOfTimeError):
        invoke(runtime, left_s)


class BrokenConnection:
    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    def invoke_endpoint(self, **_: Any) -> Any:
        self.calls += 1
        raise self.error


BreakConnection = Callable[[Exception], tuple[BrokenConnection, EndpointClient]]


@pytest.fixture
def break_connection() -> BreakConnection:
    def make(error: Exception) -> tuple[BrokenConnection, EndpointClient]:
        broken = BrokenConnection(error)
        return broken, EndpointClient(lambda _: broken)  # type: ignore[arg-type, return-value]

    return make


def test_a_model_that_times_out_is_not_retried(
    break_connection: BreakConnection,
) -> None:
    broken, endpoint = break_connection(ReadTimeoutError(endpoint_url="https://runtime.sagemaker"))

    with pytest.raises(OutOfTimeError):
        endpoint.invoke(RELEASE, IMAGE, Deadline.after(30))
    assert broken.calls == 1


def test_a_lost_connection_is_retried(
    break_connection: BreakConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endpoint_module, "BACKOFF_S", 0.001)
    broken, endpoint = break_connection(EndpointConnectionError(endpoint_url="https://runtime.sagemaker"))

    with pytest.raises(ModelBusyError):
        endpoint.invoke(RELEASE, IMAGE, Deadline.after(30))
    assert broken.calls == MAX_ATTEMPTS
