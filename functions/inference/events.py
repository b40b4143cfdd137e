"""The events that the function takes, as typed requests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from functions.common.s3_uris import S3Uri, S3UriError, parse_s3_uri
from functions.inference.errors import BadRequestError, MethodNotAllowedError
from functions.inference.image_urls import ImageUrl, parse_image_url

DEFAULT_TOP_K = 5
MAX_TOP_K = 1000

# EndpointName in botocore's sagemaker-runtime model: this pattern, at most 63 characters.
_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_RUN_KEY = re.compile(r"runs/([0-9a-f]{32})/.+")


@dataclass(frozen=True)
class UrlRequest:
    """Classify the image at a URL with the live model."""

    url: ImageUrl
    top_k: int


@dataclass(frozen=True)
class ReleaseCheck:
    """Classify an image of a run with an endpoint that is perhaps not live yet."""

    image: S3Uri
    run_id: str
    endpoint_name: str
    top_k: int


def is_http_event(event: Any) -> bool:
    """Whether a Function URL or an API Gateway HTTP API (payload format 2.0) sent the event."""
    if not isinstance(event, dict):
        return False
    context = event.get("requestContext")
    return isinstance(context, dict) and "http" in context


def parse_request(event: Any, *, data_bucket: str) -> UrlRequest | ReleaseCheck:
    """The request in an event of Lambda.

    {"url", "top_k"?} by direct invoke, as a JSON body, or as a query string; {"s3_uri", "endpoint_name",
    "top_k"?} by direct invoke only, for an image of `data_bucket` under runs/<run id>/.
    Raises BadRequestError, MethodNotAllowedError.
    """
    if is_http_event(event):
        return _url_request(_http_fields(APIGatewayProxyEventV2(event)))
    if not isinstance(event, dict):
        raise BadRequestError('the event must be a JSON object: {"url": "https://..."}')
    if "s3_uri" in event:
        return _release_check(event, data_bucket)
    return _url_request(event)


def _http_fields(event: APIGatewayProxyEventV2) -> Mapping[str, Any]:
    if event.http_method == "GET":
        return event.query_string_parameters
    if event.http_method != "POST":
        raise MethodNotAllowedError(f"{event.http_method} is not taken; use GET ?url= or POST a JSON body")
    try:
        body = event.json_body
    # ValueError: no base64, no UTF-8 or no JSON. RecursionError: brackets thousands deep.
    except (ValueError, RecursionError) as error:
        raise BadRequestError("the body is not JSON in UTF-8") from error
    if not isinstance(body, dict):
        raise BadRequestError('the body must be a JSON object: {"url": "https://..."}')
    return body


def _url_request(fields: Mapping[str, Any]) -> UrlRequest:
    _check_known(fields, {"url", "top_k"})
    return UrlRequest(url=parse_image_url(_text(fields, "url")), top_k=_top_k(fields))


def _release_check(fields: Mapping[str, Any], data_bucket: str) -> ReleaseCheck:
    _check_known(fields, {"s3_uri", "endpoint_name", "top_k"})
    try:
        uri = parse_s3_uri(_text(fields, "s3_uri"))
    except S3UriError as error:
        raise BadRequestError(str(error)) from error
    key = _RUN_KEY.fullmatch(uri.key)
    if uri.bucket != data_bucket or key is None:
        raise BadRequestError(f"s3_uri must be an object of s3://{data_bucket}/runs/<run id>/")
    endpoint_name = _text(fields, "endpoint_name")
    if not _ENDPOINT_NAME.fullmatch(endpoint_name):
        raise BadRequestError(
            "endpoint_name is no name of an endpoint: letters, digits and hyphens, at most 63"
        )
    return ReleaseCheck(uri, key[1], endpoint_name, _top_k(fields))


def _check_known(fields: Mapping[str, Any], known: set[str]) -> None:
    if unknown_count := len(fields.keys() - known):
        # The names stay unsaid: they may be pieces of a signed URL that was not percent-encoded.
        raise BadRequestError(
            f"{unknown_count} unknown field(s); {', '.join(sorted(known))} are known. "
            "In a query string, percent-encode the url when it holds & or ?"
        )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"{name} is missing or is not a text")
    return value


def _top_k(fields: Mapping[str, Any]) -> int:
    value = fields.get("top_k", DEFAULT_TOP_K)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_TOP_K:
        raise BadRequestError(f"top_k must be a whole number from 1 to {MAX_TOP_K}")
    return value
