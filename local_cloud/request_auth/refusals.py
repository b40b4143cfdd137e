"""Why a signature is refused, and how each of AWS's protocols says so."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from xml.sax.saxutils import escape

from local_cloud.service import HttpReply

ADVICE = "This cloud has keys of its own: take the variables that its `env` command prints."
JSON_TYPE = "application/x-amz-json-1.1"
EC2 = "ec2"
# REST APIs have the date of their version in the path.
VERSION_PATH = re.compile(r"/20\d\d-\d\d-\d\d/")


@dataclass(frozen=True)
class _Codes:
    """AWS's code and HTTP status for S3, for JSON APIs, for query APIs, and for EC2."""

    s3: tuple[str, int]
    json: tuple[str, int]
    query: tuple[str, int]
    ec2: tuple[str, int] = ("AuthFailure", 401)


class Reason(Enum):
    """Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
    https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html and
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"""

    UNSIGNED = _Codes(
        ("AccessDenied", 403),
        ("MissingAuthenticationTokenException", 403),
        ("MissingAuthenticationToken", 403),
        ("MissingAuthenticationToken", 403),
    )
    UNKNOWN_KEY = _Codes(
        ("InvalidAccessKeyId", 403), ("UnrecognizedClientException", 403), ("InvalidClientTokenId", 403)
    )
    BAD_TOKEN = _Codes(
        ("InvalidToken", 400), ("UnrecognizedClientException", 403), ("InvalidClientTokenId", 403)
    )
    EXPIRED_TOKEN = _Codes(
        ("ExpiredToken", 400), ("ExpiredTokenException", 403), ("ExpiredToken", 403), ("RequestExpired", 400)
    )
    MISMATCH = _Codes(
        ("SignatureDoesNotMatch", 403), ("InvalidSignatureException", 403), ("SignatureDoesNotMatch", 403)
    )
    SKEWED = _Codes(
        ("RequestTimeTooSkewed", 403),
        ("InvalidSignatureException", 403),
        ("SignatureDoesNotMatch", 403),
        ("RequestExpired", 400),
    )
    EXPIRED_URL = _Codes(("AccessDenied", 403), ("InvalidSignatureException", 403), ("RequestExpired", 400))
    MALFORMED = _Codes(
        ("AuthorizationHeaderMalformed", 400),
        ("IncompleteSignatureException", 400),
        ("IncompleteSignature", 400),
        ("IncompleteSignature", 400),
    )
    UNSUPPORTED = _Codes(
        ("InvalidRequest", 400),
        ("IncompleteSignatureException", 400),
        ("IncompleteSignature", 400),
        ("IncompleteSignature", 400),
    )
    UNSIGNED_HEADERS = _Codes(
        ("AccessDenied", 403), ("InvalidSignatureException", 403), ("SignatureDoesNotMatch", 403)
    )
    BODY_MISMATCH = _Codes(
        ("XAmzContentSHA256Mismatch", 400),
        ("InvalidSignatureException", 403),
        ("SignatureDoesNotMatch", 403),
    )
    TOO_LARGE = _Codes(
        ("EntityTooLarge", 400),
        ("RequestEntityTooLargeException", 413),
        ("RequestEntityTooLarge", 413),
        ("RequestEntityTooLarge", 413),
    )


class RefusedError(Exception):
    """The request is not one of a caller that this cloud knows."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason.name}: {message}")
        self.reason = reason
        self.message = message


def refusal_reply(
    refused: RefusedError, service: str, path: str, headers: Mapping[str, str], *, has_action: bool
) -> HttpReply:
    """The answer in the protocol of the request; `service` is the one that it was signed for, or empty."""
    codes, request_id = refused.reason.value, str(uuid.uuid4())
    if service != "s3":
        kind = headers.get("content-type", "")
        if headers.get("x-amz-target") or "json" in kind or VERSION_PATH.match(path):
            code, status = codes.json
            # JSON 1.0 and 1.1 have one status for what the caller did wrong, REST APIs have HTTP's own.
            is_rest = not headers.get("x-amz-target")
            return _json_reply(refused, code, status if is_rest or status != 403 else 400)
        if service or has_action or kind.startswith("application/x-www-form-urlencoded"):
            code, status = codes.ec2 if service == EC2 else codes.query
            return _xml_reply(status, _query_xml(service, code, refused.message, request_id))
    code, status = codes.s3
    text = (
        f"<Error><Code>{code}</Code><Message>{escape(refused.message)}</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    )
    return _xml_reply(status, text)


def _query_xml(service: str, code: str, message: str, request_id: str) -> str:
    error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if service == EC2:
        return (
            f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
    return (
        f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _xml_reply(status: int, text: str) -> HttpReply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return HttpReply(status, {"content-type": "application/xml"}, body)


def _json_reply(refused: RefusedError, code: str, status: int) -> HttpReply:
    body = {"__type": code, "message": refused.message, "Message": refused.message}
    headers = {"content-type": JSON_TYPE, "x-amzn-errortype": code}
    return HttpReply(status, headers, json.dumps(body).encode())
