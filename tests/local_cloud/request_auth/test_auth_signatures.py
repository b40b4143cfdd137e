"""Signatures against AWS's own examples, and what is made of a body that was sent in chunks."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.credentials import Credentials

from local_cloud.control import Cloud
from local_cloud.request_auth.refusals import Reason, RefusedError
from local_cloud.request_auth.signature import Signature, Signer, from_header
from local_cloud.request_auth.signed_chunks import check_chunks
from local_cloud.request_auth.signed_request import SignedRequest
from tests.local_cloud.request_auth.raw_requests import Raw

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html, and -trailers.html
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
CHUNKS = [
    (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
]
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILER_CHUNKS = [
    (65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
    (1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
    (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
]
TRAILER = b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
TRAILER_SIGNATURE = b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


def signature(seed: str) -> Signature:
    return Signature("AKIAIOSFODNN7EXAMPLE", "us-east-1", "s3", ("host",), seed, "20130524T000000Z", "")


def body_of(chunks: list[tuple[int, str]]) -> bytes:
    parts = [f"{size:x};chunk-signature={mark}\r\n".encode() + b"a" * size for size, mark in chunks]
    return b"\r\n".join(parts)


def check(seed: str, body: bytes, *, has_trailer: bool = False) -> None:
    claimed = signature(seed)
    check_chunks(body, claimed, Signer(claimed, SECRET), has_trailer=has_trailer)


def test_the_chunks_of_aws_own_example() -> None:
    check(SEED, body_of(CHUNKS) + b"\r\n")


def test_the_trailer_of_aws_own_example() -> None:
    body = body_of(TRAILER_CHUNKS) + TRAILER + TRAILER_SIGNATURE + b"\r\n\r\n"
    check(TRAILER_SEED, body, has_trailer=True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        body_of(CHUNKS).replace(b"a" * 9, b"a" * 8 + b"b", 1),
        body_of(CHUNKS[:2]),
        body_of([CHUNKS[1], CHUNKS[0], CHUNKS[2]]),
        body_of(CHUNKS).replace(b"10000;", b"ffffffffffffffff;", 1),
        body_of(CHUNKS).replace(b"10000;", b"-1;", 1),
        b"10000\r\n" + b"a" * 65536 + b"\r\n0\r\n\r\n",
    ],
    ids=["empty", "changed", "cut off", "swapped", "a huge size", "a negative size", "unsigned"],
)
def test_chunks_that_were_not_signed_are_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        check(SEED, body)
    assert refused.value.reason is Reason.MISMATCH


@pytest.mark.parametrize("trailer", [b"", TRAILER, TRAILER.replace(b"sOO8", b"sOO9") + TRAILER_SIGNATURE])
def test_a_trailer_that_was_not_signed_is_refused(trailer: bytes) -> None:
    with pytest.raises(RefusedError):
        check(TRAILER_SEED, body_of(TRAILER_CHUNKS) + trailer, has_trailer=True)


def test_a_signed_request_of_aws_own_example() -> None:
    """GET Object: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": empty,
        "x-amz-date": "20130524T000000Z",
        "authorization": "AWS4-HMAC-SHA256 "
        "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    }
    values = {name: [value] for name, value in headers.items()}
    request = SignedRequest("GET", "/test.txt", "/test.txt", "", values)
    Signer(from_header(request), SECRET).check(request, empty)
    with pytest.raises(RefusedError):
        Signer(from_header(request), SECRET).check(replace(request, raw_path="/test.tx"), empty)


def port_of(cloud: Cloud) -> int:
    return int(cloud.endpoint_url.rpartition(":")[2])


def keys_of(cloud: Cloud) -> Credentials:
    return Credentials(cloud.root_key.access_key_id, cloud.root_key.secret_access_key)


def test_a_body_that_is_not_the_one_that_was_hashed_is_refused(
    cloud: Cloud, cloud_client: Callable[..., Any]
) -> None:
    s3 = cloud_client("s3")
    s3.create_bucket(Bucket="chunked")
    raw = Raw(port_of(cloud), "s3", "PUT", "/chunked/key", body=b"x" * 1_000_000)
    whole = raw.signed(keys_of(cloud))
    assert whole.send().status == 200
    answer = replace(whole, body=b"y" * 1_000_000).send()
    assert (answer.status, b"<Code>XAmzContentSHA256Mismatch</Code>" in answer.body) == (400, True)
    assert s3.get_object(Bucket="chunked", Key="key")["Body"].read() == b"x" * 1_000_000


def test_a_body_may_come_in_chunks_with_its_checksum_behind(
    cloud: Cloud, cloud_client: Callable[..., Any]
) -> None:
    """As SDKs send what they cannot read twice: only the headers are signed."""
    s3 = cloud_client("s3")
    s3.create_bucket(Bucket="chunked")
    body = b"drop" * 100_000
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    chunked = f"{len(body):x}\r\n".encode() + body + f"\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()
    raw = Raw(port_of(cloud), "s3", "PUT", "/chunked/behind", body=chunked).with_headers(
        Content_Encoding="aws-chunked",
        X_Amz_Decoded_Content_Length=str(len(body)),
        X_Amz_Trailer="x-amz-checksum-crc32",
    )
    checksum = {"checksum": {"request_algorithm": {"in": "trailer"}}}
    assert raw.signed(keys_of(cloud), context=checksum).send().status == 200
    assert s3.get_object(Bucket="chunked", Key="behind")["Body"].read() == body
