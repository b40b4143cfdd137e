"""The events that the function takes, as typed requests; schemas/inference.openapi.json describes them."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from contracts.bucket import ACCEPTANCE_FOLDER, RUN_ID, RUNS, UPLOADS, run_key
from contracts.limits import DEFAULT_TOP_K
from drops.photo_formats import photo_format
from drops.text import printable
from functions.common.s3_uris import S3Uri, S3UriError, parse_s3_uri
from functions.inference.errors import (
    BadRequestError,
    ForbiddenAddressError,
    MethodNotAllowedError,
)
from functions.inference.events.base64_images import decode_image
from functions.inference.events.http_events import HttpRequest, read_event, sender_of
from functions.inference.fetching.image_urls import ImageUrl, parse_image_url

MAX_TOP_K = 1000
# As many are fetched at once, each of at most MAX_IMAGE_BYTES: they fit in the function's memory.
MAX_URLS = 10

_SOURCES = {"url", "urls", "s3_uri", "image"}
_OPTIONS = {"top_k", "min_probability", "explain"}
# Patterns are compiled when they are needed: most requests need none.
# EndpointName in botocore's sagemaker-runtime model: this pattern, at most 63 characters.
_ENDPOINT_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
_UPLOAD_KEY = rf"{UPLOADS}.+"
_RUN_KEY = rf"{RUNS}({RUN_ID})/{ACCEPTANCE_FOLDER}/.+"
_DECIMAL = r"[0-9]{1,4}(\.[0-9]{1,20})?"

# An image is a URL, an object in S3, or the bytes themselves. A URL that cannot be read is its error.
ImageSource = ImageUrl | S3Uri | bytes | BadRequestError


class Candidate(NamedTuple):
    """A release that is perhaps not live yet."""

    run_id: str
    endpoint_name: str


class Request(NamedTuple):
    """Classify each of `images` with the live model, or with a candidate.

    `is_batch`: the caller sent a list and gets one. Predictions: at most `top_k`, from `min_probability` on.
    `explain`: with a heat map.
    """

    images: tuple[ImageSource, ...]
    is_batch: bool = False
    top_k: int = DEFAULT_TOP_K
    min_probability: float = 0.0
    candidate: Candidate | None = None
    explain: bool = False


def parse_request(event: Any, *, data_bucket: str) -> Request:
    """The request in an event of Lambda.

    {"url"}, {"urls"}, {"s3_uri"} or {"image"} with "top_k"?, "min_probability"? and "explain"?, by direct
    invoke or as a JSON body; "url" and "s3_uri" as a query string, too; an image's bytes as the body. An
    "image" is base64, an "s3_uri" of `data_bucket`, under uploads/. By direct invoke only: "endpoint_name"
    beside an "s3_uri" under runs/<run id>/acceptance/.
    Raises BadRequestError, ForbiddenAddressError, MethodNotAllowedError.
    """
    if sender := sender_of(event):
        return _http_request(read_event(event, sender), data_bucket)
    if not isinstance(event, dict):
        raise BadRequestError('the event must be a JSON object: {"url": "https://..."}')
    if "endpoint_name" in event:
        return _release_check(event, data_bucket)
    return _request(event, data_bucket)


def _http_request(http: HttpRequest, data_bucket: str) -> Request:
    if http.method == "GET":
        if "image" in http.query:
            raise BadRequestError("an image does not fit into a query string; send it by POST")
        return _request(http.query, data_bucket)
    if http.method != "POST":
        raise MethodNotAllowedError(
            f"{printable(http.method, 20)} is not taken; use GET ?url= or POST a JSON body or an image"
        )
    if http.body is None:
        raise BadRequestError("the body is missing")
    if photo_format(http.body) or http.content_type.startswith("image/"):
        _check_known(http.query, _OPTIONS)
        return Request((_posted_image(http.body),), **_options(http.query))
    try:
        fields = json.loads(http.body.decode())
    # ValueError: no UTF-8 or no JSON. RecursionError: brackets thousands deep.
    except (ValueError, RecursionError) as error:
        raise BadRequestError(
            "the body is not JSON in UTF-8; an image needs the Content-Type image/..."
        ) from error
    if not isinstance(fields, dict):
        raise BadRequestError('the body must be a JSON object: {"url": "https://..."}')
    return _request(fields, data_bucket)


def _posted_image(body: bytes) -> bytes:
    """The body, or what it is the base64 of: many a client encodes once more than it needs."""
    if not photo_format(body):
        try:
            decoded = decode_image(body.decode("ascii"))
        except (BadRequestError, UnicodeError):
            return body
        if photo_format(decoded):
            return decoded
    return body


def _request(fields: Mapping[str, Any], data_bucket: str) -> Request:
    _check_known(fields, _SOURCES | _OPTIONS)
    if len(fields.keys() & _SOURCES) > 1:
        raise BadRequestError("give one of url, urls, s3_uri and image, not several")
    options = _options(fields)
    if "urls" in fields:
        return Request(_urls(fields["urls"]), is_batch=True, **options)
    if "image" in fields:
        return Request((decode_image(fields["image"]),), **options)
    if "s3_uri" in fields:
        return Request((_s3_image(fields, data_bucket, _UPLOAD_KEY, UPLOADS),), **options)
    return Request((parse_image_url(_text(fields, "url")),), **options)


def _urls(value: Any) -> tuple[ImageSource, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_URLS:
        raise BadRequestError(f"urls must be a list of 1 to {MAX_URLS} addresses")
    return tuple(_url_or_error(url) for url in value)


def _url_or_error(url: Any) -> ImageSource:
    try:
        return parse_image_url(_text({"url": url}, "url"))
    except BadRequestError as error:
        return error


def _release_check(fields: Mapping[str, Any], data_bucket: str) -> Request:
    _check_known(fields, {"s3_uri", "endpoint_name"} | _OPTIONS)
    image = _s3_image(fields, data_bucket, _RUN_KEY, run_key("<run id>", f"{ACCEPTANCE_FOLDER}/"))
    endpoint_name = _text(fields, "endpoint_name")
    if not re.fullmatch(_ENDPOINT_NAME, endpoint_name):
        raise BadRequestError(
            "endpoint_name is no name of an endpoint: letters, digits and hyphens, at most 63"
        )
    run_id = image.key.split("/")[1]
    return Request((image,), candidate=Candidate(run_id, endpoint_name), **_options(fields))


def _s3_image(fields: Mapping[str, Any], bucket: str, keys: str, where: str) -> S3Uri:
    try:
        uri = parse_s3_uri(_text(fields, "s3_uri"))
    except S3UriError:
        raise BadRequestError(
            "s3_uri is not of the form s3://bucket/key; an https address goes into url"
        ) from None
    # S3 takes ".." as a part of a key like any other, but what stands before it may not.
    if uri.bucket != bucket or not re.fullmatch(keys, uri.key) or {".", ".."} & set(uri.key.split("/")):
        raise ForbiddenAddressError(f"s3_uri must be an object of s3://{bucket}/{where}")
    return uri


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


def _options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`top_k`, `min_probability` and `explain`, those of them that the caller gave."""
    given: dict[str, Any] = {}
    if "top_k" in fields:
        given["top_k"] = _number(fields["top_k"])
        if not isinstance(given["top_k"], int) or not 1 <= given["top_k"] <= MAX_TOP_K:
            raise BadRequestError(f"top_k must be a whole number from 1 to {MAX_TOP_K}")
    if "min_probability" in fields:
        given["min_probability"] = _number(fields["min_probability"])
        if given["min_probability"] is None or not 0 <= given["min_probability"] <= 1:
            raise BadRequestError("min_probability must be a number from 0 to 1")
    if "explain" in fields:
        given["explain"] = _flag(fields["explain"])
        if given["explain"] is None:
            raise BadRequestError("explain must be true or false")
    return given


def _number(value: Any) -> int | float | None:
    """A JSON number as it is, a query string's text as a number; None for anything else."""
    if isinstance(value, str) and re.fullmatch(_DECIMAL, value):
        return float(value) if "." in value else int(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _flag(value: Any) -> bool | None:
    """A JSON boolean as it is, a query string's text as one; None for anything else."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value)
    return value if isinstance(value, bool) else None
