"""A body that is sent and signed in chunks.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import hashlib
import hmac
import re

from local_cloud.request_auth.refusals import Reason, RefusedError
from local_cloud.request_auth.signature import MISMATCH, Signature, Signer

SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_AND_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHUNK = re.compile(rb"([0-9a-fA-F]{1,16});chunk-signature=([0-9a-f]{64})\r\n")
TRAILER_SIGNATURE = b"x-amz-trailer-signature:"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def check_chunks(body: bytes, signature: Signature, signer: Signer, *, has_trailer: bool) -> None:
    """Raises RefusedError unless each chunk, and the trailer, is signed with what was signed before it."""
    head = f"{signature.timestamp}\n{signer.scope}"
    previous, position, size = signature.value, 0, -1
    view = memoryview(body)
    while size != 0:
        match = CHUNK.match(body, position)
        if match is None:
            raise RefusedError(
                Reason.MISMATCH, f"{MISMATCH} The body has no whole signed chunk at {position}."
            )
        size = int(match[1], 16)
        digest = hashlib.sha256(view[match.end() : match.end() + size]).hexdigest()
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{head}\n{previous}\n{EMPTY_SHA256}\n{digest}"
        previous = _same(signer.sign(text), match[2])
        # The last chunk is empty, and a trailer follows it at once.
        position = match.end() + size + (2 if size else 0)
    if has_trailer:
        headers, found, sent = body[position:].partition(TRAILER_SIGNATURE)
        canonical = headers.replace(b"\r\n", b"\n")
        digest = hashlib.sha256(canonical).hexdigest()
        if not found:
            raise RefusedError(Reason.MISMATCH, f"{MISMATCH} The trailer of the body is not signed.")
        _same(signer.sign(f"AWS4-HMAC-SHA256-TRAILER\n{head}\n{previous}\n{digest}"), sent.strip())


def _same(expected: str, sent: bytes) -> str:
    if not hmac.compare_digest(expected.encode(), sent):
        raise RefusedError(Reason.MISMATCH, f"{MISMATCH} A chunk of the body is not what was signed.")
    return expected
