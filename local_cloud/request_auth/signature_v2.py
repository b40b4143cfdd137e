"""Signature Version 2 of S3: boto3 signs URLs and forms with it in us-east-1 unless it is told otherwise.

Headers of that version are refused, as newer regions of AWS do. It signs neither the host nor all of the
query, so whatever it leaves unsigned must not be there.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

import hmac
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from botocore.auth import HmacV1Auth
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from local_cloud.request_auth.refusals import Reason, RefusedError
from local_cloud.request_auth.signature import MISMATCH
from local_cloud.request_auth.signed_request import SignedRequest

QUERY_KEY = "AWSAccessKeyId"
QUERY_SIGNATURE = "Signature"
TOKEN = "x-amz-security-token"  # noqa: S105 - the name of a parameter
STANDARD_HEADERS = ("content-type", "content-md5")


class _Signer(HmacV1Auth):
    def __init__(self, credentials: Credentials, expires: str) -> None:
        super().__init__(credentials)
        self._expires = expires

    def _get_date(self) -> str:
        return self._expires


def check_url(request: SignedRequest, access_key_id: str, secret: str, now: datetime) -> None:
    """Raises RefusedError unless the URL was signed with the secret and is still good."""
    expires = request.query.get("Expires", "")
    if not expires.isascii() or not expires.isdigit():
        raise RefusedError(
            Reason.MALFORMED, "Query-string authentication requires the parameter Expires, in seconds."
        )
    if int(expires[:12]) < now.timestamp():
        raise RefusedError(Reason.EXPIRED_URL, "Request has expired. Sign a new URL.")
    _refuse_unsigned_query(request)
    signer = _Signer(Credentials(access_key_id, secret), expires)
    split = urlsplit(f"http://unused?{request.raw_query}")
    # Its type is narrower in the stubs than what botocore works on.
    headers = cast(Any, _headers(request))
    expected = signer.get_signature(request.method, split, headers, auth_path=_auth_path(request))
    _compare(expected, request.query[QUERY_SIGNATURE])


def check_policy(policy: str, signature: str, secret: str) -> None:
    """Raises RefusedError unless a form's policy, in base64 as sent, was signed with the secret."""
    _compare(HmacV1Auth(Credentials("unused", secret)).sign_string(policy), signature)


def _refuse_unsigned_query(request: SignedRequest) -> None:
    known = {QUERY_KEY, QUERY_SIGNATURE, "Expires", *STANDARD_HEADERS, *HmacV1Auth.QSAOfInterest}
    unsigned = [
        name for name, _ in request.query_pairs if name not in known and not name.lower().startswith("x-amz-")
    ]
    if unsigned:
        raise RefusedError(Reason.MISMATCH, f"{MISMATCH} Signature Version 2 does not cover the whole query.")


def _headers(request: SignedRequest) -> HTTPHeaders:
    """What is signed as a header, whether it was sent as one or in the query."""
    headers = HTTPHeaders()
    for name, value in request.query_pairs:
        is_header = name.lower() in STANDARD_HEADERS or name.lower().startswith("x-amz-")
        if is_header and name.lower() not in request.headers:
            headers[name.lower()] = value
    for name, value in request.headers.items():
        if name in STANDARD_HEADERS or name.startswith("x-amz-"):
            headers[name] = value
    return headers


def _auth_path(request: SignedRequest) -> str:
    """The path with the bucket, also when that is in the host: `<bucket>.localhost` or `.s3.localhost`."""
    host = request.headers["host"].rpartition(":")[0].lower()
    bucket = host.removesuffix("localhost").removesuffix("s3.").rstrip(".")
    is_in_host = host.endswith("localhost") and bucket
    return f"/{bucket}{request.raw_path}" if is_in_host else request.raw_path


def _compare(expected: str, sent: str) -> None:
    if not hmac.compare_digest(expected.encode(), sent.encode()):
        raise RefusedError(Reason.MISMATCH, MISMATCH)
