"""Asks the inference function about a photo, pointed at a candidate endpoint."""

import json
import random
import time
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError

from functions.accept_model.agreement import AcceptanceError, Answer
from functions.common.errors import DropserveError
from functions.common.json_text import parse_json
from functions.common.s3_uris import S3Uri

# A fresh endpoint may refuse for a while, a serverless one for as long as its first container starts: two
# minutes of pauses at most, one on the average, besides the time that each try takes.
MAX_ATTEMPTS = 8
_PAUSE_S = 0.5
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_OK = 200


class NoConcurrencyError(DropserveError):
    """The inference function has no concurrency left for the test, which says nothing of the endpoint."""


class _BusyError(Exception):
    """The same question may be answered in a moment."""

    failure: type[DropserveError] = AcceptanceError


class _ThrottledError(_BusyError):
    failure = NoConcurrencyError


class InferenceFunction:
    """The function behind `arn`; nothing is asked again after `deadline`, a moment of time.monotonic()."""

    def __init__(self, arn: str, deadline: float, *, functions: Any) -> None:
        self._arn = arn
        self._deadline = deadline
        self._functions = functions

    def ask(self, photo: S3Uri, endpoint_name: str, top_k: int) -> Answer:
        """What the endpoint answers for the photo.

        Raises AcceptanceError for an answer that no further try would change, or when the tries are used up;
        NoConcurrencyError when nothing but the function's concurrency was lacking last.
        """
        question = {"s3_uri": str(photo), "endpoint_name": endpoint_name, "top_k": top_k}
        attempt = 1
        while True:
            try:
                return self._ask_once(question)
            except _BusyError as busy:
                # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
                pause_s = random.uniform(0, _PAUSE_S * 2**attempt)  # noqa: S311  (no secret is made of it)
                if attempt == MAX_ATTEMPTS or time.monotonic() + pause_s > self._deadline:
                    raise busy.failure(
                        f"the endpoint gave no answer for {photo.key} in {attempt} tries: {busy}"
                    ) from busy
            time.sleep(pause_s)
            attempt += 1

    def _ask_once(self, question: dict[str, Any]) -> Answer:
        try:
            reply = self._functions.invoke(FunctionName=self._arn, Payload=json.dumps(question).encode())
            payload = reply["Payload"].read()
        except (AwsConnectionError, HTTPClientError) as error:
            raise _BusyError(str(error)) from error
        except ClientError as error:
            if error.response["Error"]["Code"] != "TooManyRequestsException":
                raise
            raise _ThrottledError("its function has no concurrency left (429)") from error
        if "FunctionError" in reply:
            raise _BusyError(f"its function failed: {payload[:300].decode(errors='replace')}")
        return _answer(payload)


def _answer(payload: bytes) -> Answer:
    try:
        answer = parse_json(payload)
        status, body = answer["statusCode"], parse_json(answer["body"])
        if status == _OK:
            predictions = body["predictions"]
            # Each must have both, and there must be one.
            _ = predictions[0], [(each["label"], float(each["probability"])) for each in predictions]
            if "unknown_score" not in body:
                return Answer(predictions)
            return Answer(predictions, bool(body["unknown"]), float(body["unknown_score"]))
        detail = str(body["detail"])
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise AcceptanceError(
            f"the inference function's answer is not of its form: {payload[:300]!r}"
        ) from error
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR:
        raise _BusyError(f"{status}: {detail}")
    raise AcceptanceError(f"the inference function refused a test photo ({status}): {detail}")
