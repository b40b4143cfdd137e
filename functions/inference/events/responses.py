"""HTTP answers: the one place that says which error becomes which status and code."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

from functions.common.errors import DropserveError
from functions.inference import errors

# What a function may answer: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_RESPONSE_BYTES = 6 * 1024**2
# Status, headers and braces around the body.
FRAME_BYTES = 1024
# Thousands of classes with long names are too much for an answer; the predictions name the likeliest.
OF_EVERY_CLASS = ("classes", "scores")

JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"  # RFC 9457


class ProblemType(NamedTuple):
    """A kind of failure; `code` never changes, callers may rely on it."""

    status: HTTPStatus
    code: str
    title: str
    retry_after_s: int | None = None


PROBLEMS: dict[type[DropserveError], ProblemType] = {
    errors.BadRequestError: ProblemType(HTTPStatus.BAD_REQUEST, "bad_request", "Malformed request"),
    errors.ForbiddenAddressError: ProblemType(HTTPStatus.FORBIDDEN, "forbidden_address", "Forbidden address"),
    errors.ImageNotFoundError: ProblemType(HTTPStatus.NOT_FOUND, "image_not_found", "Image not found"),
    errors.MethodNotAllowedError: ProblemType(
        HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed"
    ),
    errors.ImageTooLargeError: ProblemType(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "image_too_large", "Image too large"
    ),
    errors.NotAnImageError: ProblemType(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not_an_image", "Not a supported image"
    ),
    errors.TooManyPixelsError: ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY, "too_many_pixels", "Too many pixels"
    ),
    errors.ImageTooCostlyError: ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY, "image_too_costly", "Image too costly to decode"
    ),
    errors.DamagedImageError: ProblemType(HTTPStatus.BAD_REQUEST, "damaged_image", "Damaged image"),
    errors.ImageRefusedError: ProblemType(
        HTTPStatus.BAD_REQUEST, "image_refused", "Image refused by the model"
    ),
    errors.ImageHostError: ProblemType(HTTPStatus.BAD_GATEWAY, "image_host_failed", "Image host failed"),
    errors.EndpointError: ProblemType(HTTPStatus.BAD_GATEWAY, "endpoint_failed", "Model endpoint failed"),
    errors.NoLiveModelError: ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE, "no_live_model", "No model is live", 30
    ),
    errors.PausedError: ProblemType(HTTPStatus.SERVICE_UNAVAILABLE, "paused", "The model is paused", 300),
    errors.ModelBusyError: ProblemType(HTTPStatus.SERVICE_UNAVAILABLE, "model_busy", "Model is busy", 2),
    errors.EndpointGoneError: ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE, "endpoint_gone", "Endpoint is gone", 10
    ),
    errors.PointerUnreadableError: ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE, "live_release_unknown", "Live release is not known", 5
    ),
    errors.OutOfTimeError: ProblemType(HTTPStatus.GATEWAY_TIMEOUT, "out_of_time", "Out of time"),
}
INTERNAL = ProblemType(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Internal error")


def answer(result: dict[str, Any] | Exception, request_id: str) -> dict[str, Any]:
    """The answer about one image: its result, or problem details with the status of the failure."""
    if not isinstance(result, Exception):
        body = {**result, "request_id": request_id}
        response = _response(HTTPStatus.OK, JSON_TYPE, body, {})
        return response if _fits(response) else _or_too_large(_without_every_class(body), request_id)
    problem = problem_of(result)
    headers = {}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = "GET, POST"
    return _response(problem.status, PROBLEM_TYPE, _problem_details(result, request_id), headers)


def batch_answer(results: Iterable[dict[str, Any] | Exception], request_id: str) -> dict[str, Any]:
    """The answer about several images: status 200, and in the body a result or problem details for each."""
    items = [
        _problem_details(result, request_id)
        if isinstance(result, Exception)
        else {"status": HTTPStatus.OK.value, **result}
        for result in results
    ]
    response = _response(HTTPStatus.OK, JSON_TYPE, {"results": items, "request_id": request_id}, {})
    if _fits(response):
        return response
    slim = [_without_every_class(item) for item in items]
    return _or_too_large({"results": slim, "request_id": request_id}, request_id)


def problem_of(error: Exception) -> ProblemType:
    """The kind of failure that an error is; INTERNAL for one that nobody foresaw."""
    return PROBLEMS.get(type(error), INTERNAL) if isinstance(error, DropserveError) else INTERNAL


def _fits(response: dict[str, Any]) -> bool:
    """Whether Lambda takes the answer: its body becomes a JSON string once more, which escapes quotes."""
    body: str = response["body"]
    return len(body) + body.count('"') + body.count("\\") + FRAME_BYTES <= MAX_RESPONSE_BYTES


def _without_every_class(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in OF_EVERY_CLASS}


def _or_too_large(body: dict[str, Any], request_id: str) -> dict[str, Any]:
    response = _response(HTTPStatus.OK, JSON_TYPE, body, {})
    if _fits(response):
        return response
    return answer(
        errors.BadRequestError("the answer would be over 6 MB: ask for a smaller top_k, or for fewer urls"),
        request_id,
    )


def _problem_details(error: Exception, request_id: str) -> dict[str, Any]:
    """The failure as RFC 9457 has it: never a stack trace."""
    problem = problem_of(error)
    details: dict[str, Any] = {
        "type": f"urn:dropserve:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status.value,
        # The text of an unforeseen error may hold anything; the log has where it arose.
        "detail": str(error) if problem is not INTERNAL else f"the function failed; its log has {request_id}",
        "code": problem.code,
        "request_id": request_id,
    }
    if problem.retry_after_s is not None:
        details["retry_after_s"] = problem.retry_after_s
    return details


def _response(
    status: HTTPStatus, content_type: str, body: dict[str, Any], headers: dict[str, str]
) -> dict[str, Any]:
    return {
        "statusCode": status.value,
        "headers": {"Content-Type": content_type, "Cache-Control": "no-store", **headers},
        "body": json.dumps(body),
    }
