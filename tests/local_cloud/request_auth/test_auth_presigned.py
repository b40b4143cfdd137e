"""Presigned URLs and forms: who is handed one gets what it was signed for, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.local_cloud.request_auth.auth_victim import EVIL, Victim, refused
from tests.local_cloud.request_auth.raw_requests import Raw, get

V4 = Config(signature_version="s3v4")


def own_url(victim: Victim, config: Config | None, method: str = "get_object", key: str = "own") -> str:
    s3 = victim.client("s3", config=config)
    return str(s3.generate_presigned_url(method, Params={"Bucket": victim.bucket, "Key": key}))


# What whoever is handed a presigned URL may try with it.
ABUSES: dict[str, Callable[[Raw, Victim], Raw]] = {
    "another key": lambda raw, victim: replace(raw, target=raw.target.replace("/own?", "/planted?")),
    "longer key behind a fragment": lambda raw, victim: replace(
        raw, target=raw.target.replace("/own?", "/own#a?")
    ),
    "fragment in the query": lambda raw, victim: replace(raw, target=f"{raw.target}#&uploads"),
    "another method": lambda raw, victim: replace(raw, method="DELETE"),
    "sub-resource": lambda raw, victim: replace(raw, target=f"{raw.target}&acl"),
    "another service by its target": lambda raw, victim: replace(
        raw, body=victim.requests["states"].body
    ).with_headers(Content_Type="application/x-amz-json-1.0", X_Amz_Target="AWSStepFunctions.StartExecution"),
    "an action of a query API": lambda raw, victim: replace(
        raw, target=f"{raw.target}&{victim.requests['ec2'].body.decode()}"
    ),
    "an unsigned header": lambda raw, victim: raw.with_headers(X_Amz_Acl="public-read"),
    "from a page": lambda raw, victim: raw.with_headers(Origin=f"https://{EVIL}"),
    "by another host": lambda raw, victim: replace(raw, hosts=(f"{EVIL}:{raw.port}",)),
    "with a header as well": lambda raw, victim: raw.with_headers(
        Authorization=dict(raw.signed(Credentials("test", "test")).headers)["Authorization"]
    ),
    "no signature": lambda raw, victim: replace(raw, target=raw.target.replace("Signature=", "Sig=")),
}


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("version", ["v4", "v2"])
@pytest.mark.parametrize("abuse", ABUSES)
def test_a_presigned_url_buys_what_it_was_signed_for(victim: Victim, version: str, abuse: str) -> None:
    whole = get(own_url(victim, V4 if version == "v4" else None))
    assert whole.send().body == b"mine"
    answer = ABUSES[abuse](whole, victim).send()
    assert refused(answer)
    assert b"mine" not in answer.body


def test_no_answer_may_be_read_by_a_page(victim: Victim) -> None:
    rule = {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}
    s3 = victim.client("s3")
    s3.put_bucket_cors(Bucket=victim.bucket, CORSConfiguration={"CORSRules": [rule]})
    url = own_url(victim, V4)
    assert refused(get(url).with_headers(Origin=f"https://{EVIL}").send())
    assert not get(url).send().cross_origin_headers
    for service in ("ec2", "lambda", "states"):
        raw = replace(victim.requests[service], target="/nothing", body=b"").signed(victim.keys)
        assert not raw.send().cross_origin_headers
    s3.delete_bucket_cors(Bucket=victim.bucket)


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_a_person_may_open_a_presigned_url_in_a_browser(victim: Victim, site: str) -> None:
    assert get(own_url(victim, V4)).with_headers(Sec_Fetch_Site=site).send().body == b"mine"


@pytest.mark.parametrize("version", ["header", "v4", "v2"])
@pytest.mark.parametrize("host", ["localhost", "hostile.localhost", "hostile.s3.localhost"])
def test_this_machine_has_other_names(victim: Victim, host: str, version: str) -> None:
    port = victim.requests["s3"].port
    target = "/own" if host.startswith("hostile") else "/hostile/own"
    raw = Raw(port, "s3", "GET", target, hosts=(f"{host}:{port}",))
    if version == "header":
        answer = raw.signed(victim.keys, host=f"{host}:{port}").send()
    else:
        signer: Any = S3SigV4QueryAuth(victim.keys, "s3", "us-east-1") if version == "v4" else None
        request = AWSRequest(method="GET", url=f"http://{host}:{port}{target}", auth_path="/hostile/own")
        (signer or HmacV1QueryAuth(victim.keys)).add_auth(request)
        answer = replace(get(request.url), hosts=(f"{host}:{port}",)).send()
    assert (answer.status, answer.body) == (200, b"mine")


def multipart(fields: dict[str, str], file: bytes) -> bytes:
    lines = [
        f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    lines.append(b'--limit\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + file)
    return b"".join([*lines, b"\r\n--limit--\r\n"])


FORM_ABUSES: dict[str, Callable[[Raw, dict[str, str]], Raw]] = {
    "of a page": lambda raw, fields: raw.with_headers(Origin=f"https://{EVIL}"),
    "without a policy": lambda raw, fields: replace(raw, body=multipart({"key": "planted"}, b"evil")),
    "policy changed": lambda raw, fields: replace(
        raw, body=multipart({**fields, "policy": fields["policy"][:-4] + "AAAA"}, b"evil")
    ),
    "another key": lambda raw, fields: replace(raw, body=multipart({**fields, "key": "planted"}, b"evil")),
    "to another service": lambda raw, fields: raw.with_headers(
        X_Amz_Target="AWSStepFunctions.StartExecution"
    ),
    "to a function": lambda raw, fields: replace(raw, target="/2015-03-31/functions/any/invocations"),
    "to a function's address": lambda raw, fields: replace(raw, target="/_aws/lambda-url/any/"),
}


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("version", ["v4", "v2"])
@pytest.mark.parametrize("abuse", FORM_ABUSES)
def test_a_form_buys_what_it_was_signed_for(victim: Victim, version: str, abuse: str) -> None:
    s3 = victim.client("s3", config=V4 if version == "v4" else None)
    fields = s3.generate_presigned_post(victim.bucket, "own")["fields"]
    whole = Raw(
        victim.requests["s3"].port, "s3", "POST", "/hostile", body=multipart(fields, b"mine")
    ).with_headers(Content_Type="multipart/form-data; boundary=limit")
    assert whole.send().status == 204
    assert refused(FORM_ABUSES[abuse](whole, fields).send())
