"""Hostile requests against S3, EC2, Lambda and Step Functions: none gets through, and nothing happens."""

import base64
import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from cloud_bench import Bench, until
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived
from raw_requests import Answer, Raw, get

from local_cloud.control import Cloud
from local_cloud.root_key import new_root_key

EVIL = "evil.example"
V4 = Config(signature_version="s3v4")
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


@dataclass(frozen=True)
class Victim:
    """One request a service that leaves a trace when it is carried out, and how to see the trace."""

    requests: dict[str, Raw]
    keys: Credentials
    session: Credentials
    role_arn: str
    bucket: str
    client: Callable[..., Any]
    machine: str
    folder: Path

    def traces(self) -> list[str]:
        found = [path.name for path in self.folder.iterdir()]
        listing = self.client("s3").list_objects_v2(Bucket=self.bucket)
        found += [each["Key"] for each in listing.get("Contents", []) if each["Key"] != "own"]
        executions = self.client("stepfunctions").list_executions(stateMachineArn=self.machine)["executions"]
        found += [execution["name"] for execution in executions]
        for reservation in self.client("ec2").describe_instances()["Reservations"]:
            found += [i["InstanceId"] for i in reservation["Instances"] if i["ImageId"] == "ami-hostile"]
        return found


@pytest.fixture(scope="module")
def victim(
    cloud: Cloud, cloud_client: Callable[..., Any], bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> Victim:
    folder = tmp_path_factory.mktemp("traces")
    port = int(cloud.endpoint_url.rpartition(":")[2])
    cloud_client("s3").create_bucket(Bucket="hostile")
    cloud_client("s3").put_object(Bucket="hostile", Key="own", Body=b"mine")
    code = f"import pathlib\ndef handler(event, context): pathlib.Path({str(folder / 'ran')!r}).touch()"
    function, machine, role = bench.function(code), bench.machine(PASS), bench.role()
    user_data = base64.b64encode(f"#!/bin/sh\ntouch {folder / 'booted'}\n".encode()).decode()
    form = {"Action": "RunInstances", "Version": "2016-11-15", "ImageId": "ami-hostile"}
    form |= {"MinCount": "1", "MaxCount": "1", "UserData": user_data}
    requests = {
        "s3": Raw(port, "s3", "PUT", "/hostile/planted", body=b"evil"),
        "ec2": Raw(port, "ec2", "POST", "/", body=urlencode(form).encode()).with_headers(
            Content_Type="application/x-www-form-urlencoded"
        ),
        "lambda": Raw(port, "lambda", "POST", f"/2015-03-31/functions/{function}/invocations", body=b"{}"),
        "states": Raw(
            port, "states", "POST", "/", body=json.dumps({"stateMachineArn": machine}).encode()
        ).with_headers(
            Content_Type="application/x-amz-json-1.0", X_Amz_Target="AWSStepFunctions.StartExecution"
        ),
    }
    assumed = cloud_client("sts").assume_role(RoleArn=role, RoleSessionName="hostile")["Credentials"]
    return Victim(
        requests,
        Credentials(cloud.root_key.access_key_id, cloud.root_key.secret_access_key),
        Credentials(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"]),
        role,
        "hostile",
        cloud_client,
        machine,
        folder,
    )


@pytest.fixture
def nothing_happens(victim: Victim) -> Iterator[None]:
    before = victim.traces()
    yield
    assert victim.traces() == before


def refused(answer: Answer) -> bool:
    return 400 <= answer.status < 500 and not answer.cross_origin_headers


# A role's keys as they could once be computed by anybody who knew its name.
def guessed_keys(victim: Victim) -> Credentials:
    digest = hashlib.sha256(f"{victim.role_arn} states".encode()).hexdigest()
    return Credentials(f"ASIA{digest[:16].upper()}", digest[16:56], digest[24:])


def other_cloud_keys() -> Credentials:
    key = new_root_key()
    return Credentials(key.access_key_id, key.secret_access_key)


def from_host(template: str) -> Callable[[Raw, Victim], Raw]:
    """Signed, for the very host that is named: only the name itself is wrong."""
    return lambda raw, victim: raw.signed(
        victim.keys, host=template.format(port=raw.port, other=raw.port + 1)
    )


def with_headers(**headers: str) -> Callable[[Raw, Victim], Raw]:
    """Signed by the person's own key: only what the browser adds is wrong."""
    return lambda raw, victim: raw.signed(victim.keys).with_headers(**headers)


HOSTILE: dict[str, Callable[[Raw, Victim], Raw]] = {
    "unsigned": lambda raw, victim: raw,
    "form of a page": lambda raw, victim: raw.with_headers(
        Origin=f"https://{EVIL}", Content_Type="application/x-www-form-urlencoded"
    ),
    "text of a page": lambda raw, victim: raw.with_headers(
        Origin=f"https://{EVIL}", Content_Type="text/plain"
    ),
    "image of a page": lambda raw, victim: replace(raw, method="GET", body=b"").with_headers(
        Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors"
    ),
    "origin": with_headers(Origin=f"https://{EVIL}"),
    "origin null": with_headers(Origin="null"),
    "origin empty": with_headers(Origin=""),
    "origin of another port": with_headers(Origin="http://127.0.0.1:8080"),
    "cross-site": with_headers(Sec_Fetch_Site="cross-site"),
    "same-site": with_headers(Sec_Fetch_Site="same-site"),
    "preflight": lambda raw, victim: replace(raw, method="OPTIONS", body=b"").with_headers(
        Origin=f"https://{EVIL}",
        Access_Control_Request_Method=raw.method,
        Access_Control_Request_Headers="authorization,x-amz-target",
    ),
    "preflight without origin": lambda raw, victim: replace(raw, method="OPTIONS", body=b"").signed(
        victim.keys
    ),
    "rebinding": from_host(f"{EVIL}:{{port}}"),
    "rebinding at the usual port": from_host(EVIL),
    "name that begins as loopback": from_host(f"127.0.0.1.{EVIL}:{{port}}"),
    "name that ends as loopback": from_host("evillocalhost:{port}"),
    "loopback with a dot": from_host("localhost.:{port}"),
    "any address": from_host("0.0.0.0:{port}"),
    "short address": from_host("127.1:{port}"),
    "number": from_host("2130706433:{port}"),
    "mapped address": from_host("[::ffff:127.0.0.1]:{port}"),
    "user info": from_host(f"127.0.0.1:{{port}}@{EVIL}:{{port}}"),
    "another port": from_host("127.0.0.1:{other}"),
    "no host": lambda raw, victim: replace(raw.signed(victim.keys), version="HTTP/1.0", hosts=()),
    "two hosts": lambda raw, victim: replace(raw.signed(victim.keys), hosts=(raw.host, f"{EVIL}:{raw.port}")),
    "absolute target": lambda raw, victim: replace(
        raw.signed(victim.keys), target=f"http://{EVIL}{raw.target}"
    ),
    "key test": lambda raw, victim: raw.signed(Credentials("test", "test")),
    "key that is an account": lambda raw, victim: raw.signed(Credentials("000000000000", "test")),
    "key of another cloud": lambda raw, victim: raw.signed(other_cloud_keys()),
    "key guessed from a role's name": lambda raw, victim: raw.signed(guessed_keys(victim)),
    "wrong secret": lambda raw, victim: raw.signed(Credentials(victim.keys.access_key, "test")),
    "empty secret": lambda raw, victim: raw.signed(Credentials(victim.keys.access_key, "")),
    "session without its token": lambda raw, victim: raw.signed(
        Credentials(victim.session.access_key, victim.session.secret_key)
    ),
    "session with another token": lambda raw, victim: raw.signed(
        Credentials(victim.session.access_key, victim.session.secret_key, "x" * 40)
    ),
    "root with a token": lambda raw, victim: raw.signed(
        Credentials(victim.keys.access_key, victim.keys.secret_key, victim.session.token)
    ),
    "signed long ago": lambda raw, victim: raw.signed(victim.keys, ago=timedelta(minutes=16)),
    "signed in the future": lambda raw, victim: raw.signed(victim.keys, ago=timedelta(minutes=-16)),
    "host not signed": lambda raw, victim: raw.signed(victim.keys, left_out=("host",)),
    "body changed": lambda raw, victim: replace(raw.signed(victim.keys), body=raw.body + b" "),
    "query added": lambda raw, victim: replace(raw.signed(victim.keys), target=f"{raw.target}?tagging"),
    "method changed": lambda raw, victim: replace(
        replace(raw, method="GET").signed(victim.keys), method=raw.method
    ),
    "signed for another service": lambda raw, victim: replace(
        replace(raw, service="iam").signed(victim.keys),
        headers=tuple(
            (name, value.replace("/iam/", f"/{raw.service}/"))
            for name, value in replace(raw, service="iam").signed(victim.keys).headers
        ),
    ),
    "body said to be unsigned": lambda raw, victim: replace(
        raw.with_headers(X_Amz_Content_SHA256="UNSIGNED-PAYLOAD").signed(Credentials("test", "test"))
    ),
    "signature of version 2": lambda raw, victim: raw.with_headers(
        Authorization=f"AWS {victim.keys.access_key}:AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    ),
    "bearer": lambda raw, victim: raw.with_headers(Authorization=f"Bearer {victim.keys.access_key}"),
    "basic": lambda raw, victim: raw.with_headers(Authorization="Basic dGVzdDp0ZXN0"),
    "two authorizations": lambda raw, victim: raw.signed(Credentials("test", "test")).with_headers(
        Authorization=dict(raw.signed(victim.keys).headers)["Authorization"]
    ),
    "no signature in the authorization": lambda raw, victim: raw.with_headers(
        X_Amz_Date="20260101T000000Z",
        Authorization="AWS4-HMAC-SHA256 "
        f"Credential={victim.keys.access_key}/20260101/us-east-1/s3/aws4_request",
    ),
    "web socket": lambda raw, victim: replace(raw.signed(victim.keys), method="GET", body=b"").with_headers(
        Connection="Upgrade",
        Upgrade="websocket",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==",
    ),
}


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("service", ["s3", "ec2", "lambda", "states"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_request_is_refused(victim: Victim, service: str, hostile: str) -> None:
    assert refused(HOSTILE[hostile](victim.requests[service], victim).send())


def test_the_same_requests_work_when_they_are_signed(victim: Victim) -> None:
    before = victim.traces()
    for raw in victim.requests.values():
        assert raw.signed(victim.keys).send().status in (200, 202)
        assert raw.signed(victim.session).send().status in (200, 202)
    # One object, a function's file, an instance's file, two instances, two executions.
    until(lambda: len(victim.traces()) == len(before) + 7)


UNSIGNED_DOORS = [
    ("POST", "/_ministack/reset"),
    ("POST", "/_ministack/config"),
    ("GET", "/_ministack/health"),
    ("GET", "/_localstack/health"),
    ("GET", "/_ministack/ses/messages"),
    ("GET", "/_ministack/lambda-code/000000000000/us-east-1/any"),
    ("PUT", "/_ministack/cfn-response/guess"),
    ("POST", "/_ministack/rds/iam-auth"),
    ("GET", "/_aws/lambda-url/any/"),
    ("GET", "/health"),
    ("GET", "/latest/meta-data/iam/security-credentials/"),
    ("GET", "/hostile/own"),
    ("GET", "/"),
]


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize(("method", "path"), UNSIGNED_DOORS)
def test_the_emulators_own_pages_are_signed_for_too(victim: Victim, method: str, path: str) -> None:
    answer = Raw(victim.requests["s3"].port, "s3", method, path).send()
    assert refused(answer)
    assert b"mine" not in answer.body


def test_the_status_tells_nothing_of_the_server(cloud: Cloud, victim: Victim) -> None:
    answer = Raw(victim.requests["s3"].port, "", "GET", "/_local_cloud/status").send()
    assert json.loads(answer.body) == {"ready": True}


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


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("authority", [f"{EVIL}:{{port}}", "127.0.0.1:{port}"])
def test_http_2_has_no_door_of_its_own(victim: Victim, authority: str) -> None:
    raw = victim.requests["states"]
    connection = H2Connection(H2Configuration(client_side=True))
    connection.initiate_connection()
    pseudo = {
        ":method": "POST",
        ":path": "/",
        ":scheme": "http",
        ":authority": authority.format(port=raw.port),
    }
    connection.send_headers(1, [*pseudo.items(), *((name.lower(), value) for name, value in raw.headers)])
    connection.send_data(1, raw.body, end_stream=True)
    assert answered_status(connection, raw.port) in ("421", "400")


def answered_status(connection: H2Connection, port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        while True:
            wire.sendall(connection.data_to_send())
            for event in connection.receive_data(wire.recv(65536)):
                if isinstance(event, ResponseReceived):
                    return dict(event.headers)[b":status"].decode()
