"""Lets in what is signed with a key of this cloud, and nothing else.

A key is the root's own, one of a role session, or one that IAM or STS of this cloud has issued.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_cloud.defaults import REGION
from local_cloud.iam.identity import session_of_key
from local_cloud.request_auth import signature as v4
from local_cloud.request_auth import signature_v2 as v2
from local_cloud.request_auth.refusals import ADVICE, Reason, RefusedError
from local_cloud.request_auth.signed_chunks import (
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_AND_TRAILER,
    UNSIGNED_CHUNKS,
    check_chunks,
)
from local_cloud.request_auth.signed_request import SignedRequest
from local_cloud.server.root_key import RootKey

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]

SHA256 = re.compile(r"[0-9a-f]{64}")
CONTENT_SHA256 = "x-amz-content-sha256"
# A body is held in memory before its signature can be judged; S3 objects are judged first. The largest
# known elsewhere is a function's zip, 50 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_UNJUDGED_BYTES = 128 * 1024 * 1024
LARGEST_PUT_BYTES = 5 * 1024**3  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
# Above it, hashing is left to a thread: the server answers others in the meantime.
HASHED_AT_ONCE_BYTES = 256 * 1024
FORM = "multipart/form-data"
BUCKET_PATH = re.compile(r"/(?:[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/?)?")
UNSIGNED = "Access Denied: the request is not signed. " + ADVICE
UNKNOWN_KEY = "The AWS access key id you provided does not exist in our records. " + ADVICE
ONE_MECHANISM = "Only one auth mechanism allowed: an Authorization header or a signature in the query string."
OTHER_SERVICE = "A signed URL or form of S3 is good for S3 only."


class ClientGoneError(Exception):
    """The client went away before its request had arrived."""


@dataclass(frozen=True)
class KnownKey:
    """What belongs to an access key; `session_token` is None for a key that lasts."""

    secret: str
    session_token: str | None = None
    is_expired: bool = False


class IssuedKeys(Protocol):
    """What the gateway asks of the emulator."""

    def known_key(self, access_key_id: str) -> KnownKey | None:
        """A key that IAM or STS has issued."""
        ...

    def service_of(self, request: SignedRequest) -> str:
        """The service that would answer the request."""
        ...

    def form_fields(self, content_type: str, body: bytes) -> dict[str, str]:
        """The fields of a posted form but its file, names in lower case."""
        ...


@dataclass(frozen=True)
class Authenticated:
    """Who signed a request and for what, and its body."""

    access_key_id: str
    region: str
    service: str
    body: bytes


class Authentication:
    """Judges the signatures of requests."""

    def __init__(self, root_key: RootKey, issued: IssuedKeys) -> None:
        self._root_key = root_key
        self._issued = issued

    async def authenticate(self, request: SignedRequest, receive: Receive) -> Authenticated:
        """Raises RefusedError, or ClientGoneError."""
        mechanisms = [
            "authorization" in request.headers,
            v4.QUERY_SIGNATURE in request.query or "X-Amz-Algorithm" in request.query,
            v2.QUERY_KEY in request.query and v2.QUERY_SIGNATURE in request.query,
        ]
        if sum(mechanisms) > 1 or len(request.header_values.get("authorization", [])) > 1:
            raise RefusedError(Reason.UNSUPPORTED, ONE_MECHANISM)
        if mechanisms[0]:
            return await self._signed(v4.from_header(request), request, receive)
        if mechanisms[1]:
            return await self._signed(v4.from_query(request), request, receive)
        if mechanisms[2]:
            return await self._signed_with_v2(request, receive)
        if request.method == "POST" and request.headers.get("content-type", "").startswith(FORM):
            return await self._form(request, receive)
        raise RefusedError(Reason.UNSIGNED, UNSIGNED)

    async def _signed(
        self, signature: v4.Signature, request: SignedRequest, receive: Receive
    ) -> Authenticated:
        key = self._key(signature.access_key_id, signature.session_token)
        v4.check_time(signature, datetime.now(UTC))
        v4.check_headers(signature, request)
        if signature.is_presigned:
            self._only_for_s3(request, signature.service)
        signer, payload = v4.Signer(signature, key.secret), _declared_payload(signature, request)
        if payload:
            signer.check(request, payload)
            body = await _read(receive, LARGEST_PUT_BYTES)
        else:
            body = await _read(receive, LARGEST_UNJUDGED_BYTES)
            signer.check(request, await _sha256(body))
        await _check_body(body, payload, signature, signer)
        return Authenticated(signature.access_key_id, signature.region, signature.service, body)

    async def _signed_with_v2(self, request: SignedRequest, receive: Receive) -> Authenticated:
        access_key_id = request.query[v2.QUERY_KEY]
        key = self._key(access_key_id, request.query.get(v2.TOKEN, ""))
        self._only_for_s3(request, v4.S3)
        v2.check_url(request, access_key_id, key.secret, datetime.now(UTC))
        return Authenticated(access_key_id, REGION, v4.S3, await _read(receive, LARGEST_PUT_BYTES))

    async def _form(self, request: SignedRequest, receive: Receive) -> Authenticated:
        """A form that was made for an upload; its policy's conditions and expiry are S3's to judge."""
        self._only_for_s3(request, v4.S3)
        if request.raw_query or not BUCKET_PATH.fullmatch(request.path):
            raise RefusedError(Reason.UNSIGNED, UNSIGNED)
        body = await _read(receive, LARGEST_UNJUDGED_BYTES)
        fields = self._issued.form_fields(request.headers["content-type"], body)
        token, policy = fields.get("x-amz-security-token", ""), fields.get("policy", "")
        if not policy:
            raise RefusedError(Reason.UNSIGNED, UNSIGNED)
        if "x-amz-signature" not in fields:
            access_key_id, region = fields.get("awsaccesskeyid", ""), REGION
            v2.check_policy(policy, fields.get("signature", ""), self._key(access_key_id, token).secret)
            return Authenticated(access_key_id, region, v4.S3, body)
        match = v4.CREDENTIAL.fullmatch(fields.get("x-amz-credential", ""))
        if match is None or match[4] != v4.S3:
            raise RefusedError(Reason.MALFORMED, "The form's x-amz-credential is not whole.")
        access_key_id, date, region, service = match.groups()
        secret = self._key(access_key_id, token).secret
        timed = AWSRequest()
        timed.context["timestamp"] = date
        expected = SigV4Auth(Credentials(access_key_id, secret), service, region).signature(policy, timed)
        if not hmac.compare_digest(str(expected).encode(), fields["x-amz-signature"].encode()):
            raise RefusedError(Reason.MISMATCH, v4.MISMATCH)
        return Authenticated(access_key_id, region, v4.S3, body)

    def _key(self, access_key_id: str, token: str) -> KnownKey:
        key = self._known_key(access_key_id)
        if key is None:
            raise RefusedError(Reason.UNKNOWN_KEY, UNKNOWN_KEY)
        if key.is_expired:
            raise RefusedError(Reason.EXPIRED_TOKEN, "The provided token has expired. Assume the role again.")
        if not hmac.compare_digest((key.session_token or "").encode(), token.encode()):
            raise RefusedError(
                Reason.BAD_TOKEN, "The security token included in the request is not that of its access key."
            )
        return key

    def _known_key(self, access_key_id: str) -> KnownKey | None:
        if access_key_id == self._root_key.access_key_id:
            return KnownKey(self._root_key.secret_access_key)
        session = session_of_key(access_key_id)
        if session:
            return KnownKey(session.secret_access_key, session.session_token)
        return self._issued.known_key(access_key_id)

    def _only_for_s3(self, request: SignedRequest, service: str) -> None:
        """Who holds a signed URL chooses its unsigned headers and body: no other service may read them."""
        unsigned = [name for name in request.headers if name in ("x-amz-target", "smithy-protocol")]
        if service != v4.S3 or unsigned or self._issued.service_of(request) != v4.S3:
            raise RefusedError(Reason.MISMATCH, OTHER_SERVICE)


def _declared_payload(signature: v4.Signature, request: SignedRequest) -> str:
    """What the request says its body is; empty when the body must tell."""
    declared = request.headers.get(CONTENT_SHA256) or request.query.get("X-Amz-Content-Sha256", "")
    if signature.service != v4.S3:
        if declared and not SHA256.fullmatch(declared):
            raise RefusedError(
                Reason.BODY_MISMATCH, f"{CONTENT_SHA256} must be a SHA-256 hash: only S3 takes others."
            )
        return ""
    if signature.is_presigned:
        return declared or v4.UNSIGNED_PAYLOAD
    constants = (v4.UNSIGNED_PAYLOAD, UNSIGNED_CHUNKS, SIGNED_CHUNKS, SIGNED_CHUNKS_AND_TRAILER)
    if declared not in constants and not SHA256.fullmatch(declared):
        raise RefusedError(
            Reason.UNSUPPORTED,
            f"{CONTENT_SHA256} must be {', '.join(constants)}, or a valid sha256 value.",
        )
    return declared


async def _check_body(body: bytes, payload: str, signature: v4.Signature, signer: v4.Signer) -> None:
    if SHA256.fullmatch(payload) and await _sha256(body) != payload:
        raise RefusedError(
            Reason.BODY_MISMATCH,
            f"The provided '{CONTENT_SHA256}' header does not match what was computed from the body.",
        )
    if payload in (SIGNED_CHUNKS, SIGNED_CHUNKS_AND_TRAILER):
        has_trailer = payload == SIGNED_CHUNKS_AND_TRAILER
        await asyncio.to_thread(check_chunks, body, signature, signer, has_trailer=has_trailer)


async def _sha256(body: bytes) -> str:
    if len(body) <= HASHED_AT_ONCE_BYTES:
        return hashlib.sha256(body).hexdigest()
    return await asyncio.to_thread(lambda: hashlib.sha256(body).hexdigest())


async def _read(receive: Receive, limit_bytes: int) -> bytes:
    """The whole body. Raises RefusedError when it is larger, ClientGoneError when it does not come."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit_bytes:
            raise RefusedError(
                Reason.TOO_LARGE, f"The body of the request has more than {limit_bytes} bytes."
            )
        if not message.get("more_body", False):
            return b"".join(chunks)
