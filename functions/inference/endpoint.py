"""InvokeEndpoint, with retries that fit in the time left, and its failures told apart."""

import base64
import json
import math
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError, HTTPClientError, ReadTimeoutError
from botocore.exceptions import ConnectionError as AwsConnectionError

from contracts.drift import BINS, DRIFT, STATISTICS
from contracts.endpoint import EXPLAIN
from functions.common.errors import DropserveError
from functions.inference.clients import CONNECT_TIMEOUT_S
from functions.inference.errors import (
    EndpointError,
    EndpointGoneError,
    ImageRefusedError,
    ModelBusyError,
    ModelTimeoutError,
    OutOfTimeError,
)
from functions.inference.fetching.deadlines import Deadline
from functions.inference.images import ModelInput

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

MAX_ATTEMPTS = 3
BACKOFF_S = 0.2
# SageMaker ends a call after 60 s. A few steps, not the exact time left: a client costs 20 ms to make.
READ_TIMEOUTS_S = (60, 20, 10, 5, 2, 1)

_UNEXPECTED = "the model's answer is not the expected JSON"
_CONTAINER_REFUSED = {400, 413, 415, 422}
_CONTAINER_BUSY = {429, 503}


class Unknown(NamedTuple):
    """Whether an image is unlike all that the model was trained on: its score is above the threshold."""

    unknown: bool
    score: float
    threshold: float


class Scores(NamedTuple):
    """A model's answer for one image; the three lists have one entry a class, in the same order.

    `unknown` is None for a model that cannot tell, as one that was trained before models could.
    `explanation` is as the model's server gives it, where it was asked for one; `drift` has the bins of the
    answer by statistic, of a model whose training left a reference.
    """

    classes: list[str]
    scores: list[float]
    probabilities: list[float]
    unknown: Unknown | None = None
    explanation: dict[str, str] | None = None
    drift: dict[str, int] | None = None


class EndpointClient:
    """Asks a SageMaker endpoint; `client_for` gives a client whose read timeout is that many seconds."""

    def __init__(self, client_for: Callable[[int], "SageMakerRuntimeClient"]) -> None:
        self._client_for = client_for

    def invoke(
        self, endpoint_name: str, image: ModelInput, deadline: Deadline, *, explain: bool = False
    ) -> Scores:
        """The scores of one image; `explain` asks for a heat map as well.

        Raises EndpointGoneError, ImageRefusedError, ModelBusyError (after MAX_ATTEMPTS tries), EndpointError,
        OutOfTimeError.
        """
        return _scores(self._ask(endpoint_name, image, deadline, explain=explain))

    def invoke_many(
        self, endpoint_name: str, images: Sequence[ModelInput], deadline: Deadline
    ) -> list[Scores | ImageRefusedError]:
        """The same of several images by one call, in their order; of one that the model cannot use its error.

        Together they must fit into a request in base64. Raises ImageRefusedError for all of them, and else
        what `invoke` raises.
        """
        instances = [{"b64": base64.b64encode(image.body).decode()} for image in images]
        together = ModelInput(json.dumps({"instances": instances}).encode(), "application/json")
        return _scores_of_many(self._ask(endpoint_name, together, deadline), len(images))

    def _ask(
        self, endpoint_name: str, image: ModelInput, deadline: Deadline, *, explain: bool = False
    ) -> bytes:
        attempt = 1
        while True:
            try:
                return self._invoke_once(endpoint_name, image, deadline, explain=explain)
            except ModelBusyError:
                # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
                pause_s = random.uniform(0, BACKOFF_S * 2**attempt)  # noqa: S311  (no secret is made of it)
                if attempt == MAX_ATTEMPTS or pause_s > deadline.left_s("waiting for the model"):
                    raise
            time.sleep(pause_s)
            attempt += 1

    def _invoke_once(
        self, endpoint_name: str, image: ModelInput, deadline: Deadline, *, explain: bool
    ) -> bytes:
        client = self._client_for(_read_timeout_s(deadline))
        try:
            reply = client.invoke_endpoint(
                EndpointName=endpoint_name,
                ContentType=image.content_type,
                Accept="application/json",
                Body=image.body,
                **({"CustomAttributes": EXPLAIN} if explain else {}),
            )
            body: bytes = reply["Body"].read()
        except ReadTimeoutError as error:
            raise ModelTimeoutError("the model did not answer in time") from error
        except (AwsConnectionError, HTTPClientError) as error:
            raise ModelBusyError("the model's endpoint cannot be reached at the moment") from error
        except ClientError as error:
            raise _failure(error, endpoint_name) from error
        return body


def _read_timeout_s(deadline: Deadline) -> int:
    left_s = deadline.left_s("asking the model") - CONNECT_TIMEOUT_S
    for timeout_s in READ_TIMEOUTS_S:
        if timeout_s <= left_s:
            return timeout_s
    raise OutOfTimeError("too little time was left to ask the model")


def _failure(error: ClientError, endpoint_name: str) -> DropserveError:
    code = error.response["Error"]["Code"]
    if code == "ValidationError":
        return EndpointGoneError(f"SageMaker serves no endpoint named {endpoint_name} at the moment")
    if code == "ModelError":
        return _model_failure(error.response)
    # botocore's model: ModelNotReadyException is 429, ServiceUnavailable and the internal failures are 5xx.
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code == "ThrottlingException" or status == 429 or status >= 500:
        return ModelBusyError(f"the model is busy or still starting ({code}); try again")
    return EndpointError(f"the endpoint {endpoint_name} cannot be asked: {code}")


def _model_failure(response: Any) -> DropserveError:
    """What the model's server itself answered: ModelError carries its status and text."""
    status = response.get("OriginalStatusCode")
    if status in _CONTAINER_REFUSED:
        return ImageRefusedError(f"the model could not use the image ({status})")
    if status in _CONTAINER_BUSY:
        return ModelBusyError(f"the model's server is overloaded ({status}); try again")
    return EndpointError(f"the model's server failed ({status}); its log says why")


def _scores(body: bytes) -> Scores:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise EndpointError(_UNEXPECTED) from error
    return _scores_in(answer)


def _scores_of_many(body: bytes, count: int) -> list[Scores | ImageRefusedError]:
    try:
        answer = json.loads(body)
        classes, predictions = answer["classes"], answer["predictions"]
        if len(predictions) != count:
            raise ValueError("not one prediction an image")
        return [
            ImageRefusedError("the model could not use the image")
            if "error" in each
            else _scores_in({"classes": classes, **each})
            for each in predictions
        ]
    except (ValueError, TypeError, KeyError) as error:
        raise EndpointError(_UNEXPECTED) from error


def _scores_in(answer: Any) -> Scores:
    try:
        scores = Scores(
            classes=[str(label) for label in answer["classes"]],
            scores=[float(score) for score in answer["scores"]],
            probabilities=[float(probability) for probability in answer["probabilities"]],
            unknown=_unknown(answer),
            explanation=_explanation(answer),
            drift=_drift(answer),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EndpointError(_UNEXPECTED) from error
    count = len(scores.classes)
    if not count or count != len(scores.scores) or count != len(scores.probabilities):
        raise EndpointError("the model's answer does not give one score and probability a class")
    told = scores.unknown[1:] if scores.unknown else ()
    if not all(math.isfinite(number) for number in (*scores.scores, *scores.probabilities, *told)):
        raise EndpointError("the model's answer holds a number that is not finite")
    return scores


def _explanation(answer: dict[str, Any]) -> dict[str, str] | None:
    if "explanation" not in answer:
        return None
    return {name: str(value) for name, value in answer["explanation"].items()}


def _drift(answer: dict[str, Any]) -> dict[str, int] | None:
    """Raises ValueError for a bin that there is not: its name would be that of a metric."""
    if DRIFT not in answer:
        return None
    places = {name: int(place) for name, place in answer[DRIFT].items()}
    if not places.keys() <= set(STATISTICS) or not all(0 <= place < BINS for place in places.values()):
        raise ValueError("the answer is in a bin that there is not")
    return places


def _unknown(answer: dict[str, Any]) -> Unknown | None:
    if "unknown" not in answer:
        return None
    score, threshold = float(answer["unknown_score"]), float(answer["unknown_threshold"])
    return Unknown(bool(answer["unknown"]), score, threshold)
