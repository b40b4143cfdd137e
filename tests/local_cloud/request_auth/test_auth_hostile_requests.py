"""Hostile requests against S3, EC2, Lambda and Step Functions: none gets through, and nothing happens."""

import hashlib
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.credentials import Credentials
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived

from local_cloud.control import Cloud
from local_cloud.server.root_key import new_root_key
from tests.local_cloud.request_auth.auth_victim import EVIL, Victim, refused
from tests.local_cloud.request_auth.raw_requests import Raw
from tests.support.waiting import wait_until


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
    # One object, a function's file, an instance's file, two instances, two executions. Older instances may be
    # forgotten meanwhile.
    wait_until(lambda: len(set(victim.traces()) - set(before)) == 7)


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
    told = json.loads(answer.body)
    assert told.keys() <= {"ready", "changes", "saved_changes", "quota_set", "sudden_end", "saved_at"}
    assert told["sudden_end"] is None


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
