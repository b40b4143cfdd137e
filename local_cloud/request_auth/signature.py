"""Signature Version 4: what a request claims, and whether botocore's own signer would have made it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from local_cloud.request_auth.refusals import Reason, RefusedError
from local_cloud.request_auth.signed_request import SignedRequest

ALGORITHM = "AWS4-HMAC-SHA256"
CREDENTIAL = re.compile(r"([^/\s]+)/(\d{8})/([\w-]+)/([\w-]+)/aws4_request", re.ASCII)
TIMESTAMP = "%Y%m%dT%H%M%SZ"
FIELDS = {"Credential", "SignedHeaders", "Signature"}
QUERY_FIELDS = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")
QUERY_SIGNATURE = "X-Amz-Signature"
S3 = "s3"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html: RequestTimeTooSkewed
S3_SKEW = timedelta(minutes=15)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
SKEW = timedelta(minutes=5)
LONGEST_URL_S = 7 * 24 * 3600  # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

MALFORMED = "The Authorization of the request is no complete signature of version 4: "
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your secret access key and signing method."
)


@dataclass(frozen=True)
class Signature:
    """What a request claims of itself; `expires_s` is set when it stands in a URL."""

    access_key_id: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    timestamp: str
    session_token: str
    expires_s: int | None = None

    @property
    def is_presigned(self) -> bool:
        return self.expires_s is not None


def from_header(request: SignedRequest) -> Signature:
    """The signature of an Authorization header. Raises RefusedError when it is not whole."""
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    if algorithm != ALGORITHM:
        raise RefusedError(
            Reason.UNSUPPORTED,
            f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.",
        )
    pairs = [part.strip().partition("=")[::2] for part in rest.split(",")]
    fields = dict(pairs)
    if len(pairs) != len(FIELDS) or set(fields) != FIELDS:
        raise RefusedError(
            Reason.MALFORMED, f"{MALFORMED}it must have {', '.join(sorted(FIELDS))}, each once."
        )
    timestamp = request.headers.get("x-amz-date") or _from_http_date(request.headers.get("date", ""))
    return Signature(
        *_scope(fields["Credential"], timestamp),
        tuple(fields["SignedHeaders"].lower().split(";")),
        fields["Signature"],
        timestamp,
        request.headers.get("x-amz-security-token", ""),
    )


def from_query(request: SignedRequest) -> Signature:
    """The signature of a presigned URL. Raises RefusedError when it is not whole."""
    query = request.query
    if query.get("X-Amz-Algorithm") != ALGORITHM or not all(query.get(name) for name in QUERY_FIELDS):
        raise RefusedError(
            Reason.MALFORMED,
            f"Query-string authentication requires the X-Amz-Algorithm {ALGORITHM} and the parameters "
            f"{', '.join(QUERY_FIELDS)} and {QUERY_SIGNATURE}.",
        )
    expires = query["X-Amz-Expires"]
    if not re.fullmatch(r"\d{1,6}", expires, re.ASCII) or int(expires) > LONGEST_URL_S:
        raise RefusedError(
            Reason.MALFORMED, f"X-Amz-Expires must be a number of seconds, {LONGEST_URL_S} (a week) at most."
        )
    return Signature(
        *_scope(query["X-Amz-Credential"], query["X-Amz-Date"]),
        tuple(query["X-Amz-SignedHeaders"].lower().split(";")),
        query.get(QUERY_SIGNATURE, ""),
        query["X-Amz-Date"],
        query.get("X-Amz-Security-Token", ""),
        int(expires),
    )


def check_time(signature: Signature, now: datetime) -> None:
    """Raises RefusedError when the request was signed too long ago, or its URL has expired."""
    signed_at = datetime.strptime(signature.timestamp, TIMESTAMP).replace(tzinfo=UTC)
    window = S3_SKEW if signature.service == S3 else SKEW
    if signature.expires_s is not None:
        if now > signed_at + timedelta(seconds=signature.expires_s):
            raise RefusedError(
                Reason.EXPIRED_URL,
                f"Request has expired: the URL was signed at {signature.timestamp} for "
                f"{signature.expires_s} s. Sign a new one.",
            )
        if signed_at > now + window:
            raise RefusedError(
                Reason.EXPIRED_URL, "Request is not valid yet: it was signed for a later time."
            )
    elif abs(now - signed_at) > window:
        raise RefusedError(
            Reason.SKEWED,
            f"The difference between the request time and the server's time is too large: it was signed at "
            f"{signature.timestamp}, and it is {now.strftime(TIMESTAMP)}. Set the clock, or sign it anew.",
        )


def check_headers(signature: Signature, request: SignedRequest) -> None:
    """Raises RefusedError when a header that must be signed is not."""
    if "host" not in signature.signed_headers:
        raise RefusedError(Reason.MALFORMED, f"{MALFORMED}'Host' must be one of the SignedHeaders.")
    unsigned = [
        name for name in request.headers if name.startswith("x-amz-") and name not in signature.signed_headers
    ]
    if signature.service == S3 and unsigned:
        raise RefusedError(
            Reason.UNSIGNED_HEADERS,
            f"There were headers present in the request which were not signed: {', '.join(sorted(unsigned))}",
        )


class Signer:
    """Signs what was received with the secret of whom it names."""

    def __init__(self, signature: Signature, secret: str) -> None:
        self._signature = signature
        kind = _S3Again if signature.service == S3 else _Again
        credentials = Credentials(signature.access_key_id, secret)
        self._auth = kind(credentials, signature.service, signature.region)
        self._timed = AWSRequest(method="GET", url="http://unused/")
        self._timed.context["timestamp"] = signature.timestamp

    @property
    def scope(self) -> str:
        """`<date>/<region>/<service>/aws4_request`."""
        return str(self._auth.credential_scope(self._timed))

    def sign(self, text: str) -> str:
        """The signature of a string to sign, in hexadecimal."""
        return str(self._auth.signature(text, self._timed))

    def check(self, request: SignedRequest, payload: str) -> None:
        """Raises RefusedError unless the request was signed with the secret.

        `payload` is the hash of the body in hexadecimal, or a constant that stands for one.
        """
        again = AWSRequest(method=request.method, url=f"http://unused{request.raw_path}")
        again.context.update(
            timestamp=self._signature.timestamp,
            request=request,
            signed_headers=self._signature.signed_headers,
            payload=payload,
        )
        canonical = self._auth.canonical_request(again)
        expected = self.sign(self._auth.string_to_sign(again, canonical))
        if not hmac.compare_digest(expected.encode(), self._signature.value.encode()):
            raise RefusedError(Reason.MISMATCH, MISMATCH)


class _AsReceived(SigV4Auth):
    """botocore's signer, with the request's own parts in the place of what it would send itself."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        received: SignedRequest = request.context["request"]
        headers = HTTPHeaders()
        for name in request.context["signed_headers"]:
            for value in received.header_values.get(name, [""]):
                headers[name] = value
        return headers

    def canonical_query_string(self, request: AWSRequest) -> str:
        received: SignedRequest = request.context["request"]
        pairs = [
            (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
            for name, value in received.query_pairs
            if name != QUERY_SIGNATURE
        ]
        return "&".join(f"{name}={value}" for name, value in sorted(pairs))

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload"])


class _Again(_AsReceived, SigV4Auth):
    pass


class _S3Again(_AsReceived, S3SigV4Auth):
    pass


def _scope(credential: str, timestamp: str) -> tuple[str, str, str]:
    """Access key id, region and service. Raises RefusedError unless credential and time fit together."""
    match = CREDENTIAL.fullmatch(credential)
    if match is None:
        shape = "<key>/<yyyymmdd>/<region>/<service>/aws4_request"
        raise RefusedError(Reason.MALFORMED, f"{MALFORMED}Credential must be {shape}.")
    key, date, region, service = match.groups()
    try:
        datetime.strptime(timestamp, TIMESTAMP)
    except ValueError:
        raise RefusedError(
            Reason.MALFORMED, f"{MALFORMED}X-Amz-Date must be a time such as 20260131T120000Z."
        ) from None
    if not timestamp.startswith(date):
        raise RefusedError(Reason.MALFORMED, f"{MALFORMED}the date in Credential is not that of X-Amz-Date.")
    return key, region, service


def _from_http_date(text: str) -> str:
    try:
        return parsedate_to_datetime(text).astimezone(UTC).strftime(TIMESTAMP)
    except (TypeError, ValueError):
        return ""
