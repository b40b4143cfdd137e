"""Requests byte by byte, as hostile ones are; and signatures made for whom and when a test likes."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TIMEOUT_S = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def cross_origin_headers(self) -> list[str]:
        return [name for name, _ in self.headers if name.lower().startswith("access-control-")]


@dataclass(frozen=True)
class Raw:
    """A request to `port` of this machine; `target` is what stands in its first line."""

    port: int
    service: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    version: str = "HTTP/1.1"
    hosts: tuple[str, ...] | None = field(default=None)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def with_headers(self, **headers: str) -> "Raw":
        more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return replace(self, headers=(*self.headers, *more))

    def signed(
        self,
        keys: Credentials,
        *,
        host: str | None = None,
        ago: timedelta = timedelta(0),
        left_out: tuple[str, ...] = (),
        context: Mapping[str, Any] | None = None,
    ) -> "Raw":
        """With the Authorization header that botocore makes for `keys`; headers `left_out` go unsigned."""
        host = host or self.host
        request = AWSRequest(
            method=self.method, url=f"http://{host}{self.target}", data=self.body, headers=dict(self.headers)
        )
        request.context.update(context or {})
        kind = S3SigV4Auth if self.service == "s3" else SigV4Auth
        signer = kind(keys, self.service, "us-east-1")
        to_sign = signer.headers_to_sign

        def some(request: AWSRequest) -> object:
            headers = to_sign(request)
            for name in left_out:
                del headers[name]
            return headers

        now = datetime.now(UTC) - ago
        with (
            mock.patch("botocore.auth.get_current_datetime", lambda *_: now),
            mock.patch.object(signer, "headers_to_sign", some),
        ):
            signer.add_auth(request)
        return replace(self, headers=tuple(request.headers.items()), hosts=self.hosts or (host,))

    def send(self) -> Answer:
        hosts = (self.host,) if self.hosts is None else self.hosts
        lines = [f"{self.method} {self.target} {self.version}", *(f"Host: {host}" for host in hosts)]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body or self.method in ("POST", "PUT"):
            lines.append(f"Content-Length: {len(self.body)}")
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + self.body)
            response = http.client.HTTPResponse(connection, method=self.method)
            response.begin()
            return Answer(response.status, response.getheaders(), response.read())


def get(url: str, **headers: str) -> Raw:
    """A GET of a URL, e.g. of a presigned one."""
    parts = urlsplit(url)
    assert parts.port
    return Raw(parts.port, "s3", "GET", url.split(parts.netloc, 1)[1]).with_headers(**headers)
