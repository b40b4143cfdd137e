"""The HTTP events of AWS as one form of request, and answers in the form that each of them wants.

Plain dictionaries, and not the data classes of Powertools: those take 30 ms of a cold start.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

import base64
import binascii
from collections.abc import Mapping
from enum import Enum
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from functions.inference.errors import BadRequestError


class Sender(Enum):
    """Who sends an event, and so how it is read and answered."""

    PAYLOAD_2 = "a Function URL, or an API Gateway HTTP API with payload format 2.0"
    PAYLOAD_1 = "an API Gateway REST API, or an HTTP API with payload format 1.0"
    LOAD_BALANCER = "an Application Load Balancer"


class HttpRequest(NamedTuple):
    """`query`: its last value a name. `content_type`: in lower case, without parameters."""

    method: str
    query: dict[str, Any]
    content_type: str
    body: bytes | None


def sender_of(event: Any) -> Sender | None:
    """Who sent the event; None for a direct invocation."""
    context = event.get("requestContext") if isinstance(event, dict) else None
    if not isinstance(context, dict):
        return None
    if isinstance(context.get("http"), dict):
        return Sender.PAYLOAD_2
    if not isinstance(event.get("httpMethod"), str):
        return None
    return Sender.LOAD_BALANCER if "elb" in context else Sender.PAYLOAD_1


def read_event(event: Mapping[str, Any], sender: Sender) -> HttpRequest:
    """The event of this sender. Raises BadRequestError."""
    if sender is Sender.PAYLOAD_2:
        method = event["requestContext"]["http"].get("method")
    else:
        method = event["httpMethod"]
    query = _fields(event, "queryStringParameters", "multiValueQueryStringParameters")
    if sender is Sender.LOAD_BALANCER:
        # It hands them on as the client wrote them.
        query = {
            unquote_plus(name): unquote_plus(value) if isinstance(value, str) else value
            for name, value in query.items()
        }
    headers = {name.lower(): value for name, value in _fields(event, "headers", "multiValueHeaders").items()}
    content_type = str(headers.get("content-type", "")).partition(";")[0].strip().lower()
    return HttpRequest(str(method), query, content_type, _body(event, content_type))


def in_form_of(event: Any, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer as the sender takes it; unchanged for payload format 2.0 and for a direct invocation."""
    sender = sender_of(event)
    if sender is None or sender is Sender.PAYLOAD_2:
        return answer
    answer = {**answer, "isBase64Encoded": False}
    if sender is Sender.LOAD_BALANCER:
        status = HTTPStatus(answer["statusCode"])
        answer["statusDescription"] = f"{status.value} {status.phrase}"
        # With multi-value headers on, it takes no others.
        if "multiValueHeaders" in event:
            answer["multiValueHeaders"] = {name: [value] for name, value in answer.pop("headers").items()}
    return answer


def _fields(event: Mapping[str, Any], single: str, several: str) -> dict[str, Any]:
    """Names and values, of which the last one counts; a load balancer sends one of the two forms."""
    fields: dict[str, Any] = {}
    for name, values in _mapping(event, several).items():
        fields[name] = values[-1] if isinstance(values, list) and values else values
    return {**fields, **_mapping(event, single)}


def _mapping(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = event.get(name) or {}
    if not isinstance(value, dict):
        raise BadRequestError(f"{name} of the event is no JSON object")
    return value


def _body(event: Mapping[str, Any], content_type: str) -> bytes | None:
    body = event.get("body")
    if body is None or body == "":
        return None
    if not isinstance(body, str):
        raise BadRequestError("the body of the event is no text")
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRequestError("the body is not valid base64") from error
    if content_type.startswith("image/") and "\ufffd" in body:
        raise BadRequestError(
            "the image's bytes were changed on their way; let API Gateway pass on binary bodies "
            "(binaryMediaTypes: image/*), or send the image as base64 in JSON"
        )
    return body.encode(errors="surrogatepass")
