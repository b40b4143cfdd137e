"""The front door: one ASGI application before the emulator.

It serves the added services itself, tells the activity log who called what, and answers
`/_local_cloud/status`, by which a server is recognised as this one.
"""

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from local_cloud import service_permissions
from local_cloud.activity import Activity, SeenRequest
from local_cloud.defaults import ACCOUNT_ID, REGION
from local_cloud.identity import session_of_key
from local_cloud.server_file import STATUS_PATH
from local_cloud.service import AwsError, Call, HttpCall, HttpReply, Service

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

# The emulator's own door to forget everything.
RESET_PATH = "/_ministack/reset"
JSON_TYPE = "application/x-amz-json-1.1"
# Signature version 4, in the header or in a signed URL's query.
CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d{8}/([\w-]+)/([\w-]+)/aws4_request")
# The log needs the parameters of a call, not the data that it carries.
KEPT_BODY_BYTES = 256 * 1024


class Front:
    """Routes each request to an added service or to the emulator."""

    def __init__(
        self,
        emulator: AsgiApp,
        services: Sequence[Service],
        *,
        activity: Activity,
        status: Mapping[str, Any],
    ) -> None:
        self._emulator = emulator
        self._services = services
        self._activity = activity
        self._status = status
        self.restored = asyncio.Event()
        """Set when the services have their state back; their requests wait for it."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._emulator(scope, receive, send)
            return
        if scope["path"] == STATUS_PATH:
            status = {**self._status, "ready": self.restored.is_set()}
            await _send(
                send, HttpReply(200, {"content-type": "application/json"}, json.dumps(status).encode())
            )
            return
        if scope["path"] == RESET_PATH and scope["method"] == "POST":
            for service in self._services:
                await asyncio.to_thread(service.reset)
        caller = _Caller(scope)
        for service in self._services:
            if service.name == caller.service or caller.target_prefix == service.target_prefix:
                await self._serve(service, caller, receive, send)
                return
        await self._pass_on(scope, caller, receive, send)

    async def _serve(self, service: Service, caller: "_Caller", receive: Receive, send: Send) -> None:
        body = await _read(receive)
        await self.restored.wait()
        reply = await asyncio.to_thread(_answer, service, caller, body)
        await _send(send, reply)
        if caller.session:
            permissions = _permissions(service, caller, body)
            self._activity.record(
                replace(caller.seen(body[:KEPT_BODY_BYTES]), status=reply.status, permissions=permissions)
            )

    async def _pass_on(self, scope: dict[str, Any], caller: "_Caller", receive: Receive, send: Send) -> None:
        if caller.session is None:
            await self._emulator(scope, receive, send)
            return
        kept = bytearray()
        status = 0

        async def receive_and_keep() -> Message:
            message = await receive()
            kept.extend(message.get("body", b"")[: KEPT_BODY_BYTES - len(kept)])
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._emulator(scope, receive_and_keep, send_and_note)
        self._activity.record(replace(caller.seen(bytes(kept)), status=status))


class _Caller:
    """Who sent a request, and to which service."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        signed_in_query = "Credential=" + self.query.get("X-Amz-Credential", [""])[0]
        match = CREDENTIAL.search(self.headers.get("authorization", "")) or CREDENTIAL.search(signed_in_query)
        key, self.region, self.service = match.groups() if match else ("", REGION, "")
        self.session = session_of_key(key)
        self.account_id = ACCOUNT_ID
        if self.session:
            self.account_id = self.session.account_id
        elif re.fullmatch(r"\d{12}", key):
            self.account_id = key
        self.target_prefix, _, self.action = self.headers.get("x-amz-target", "").rpartition(".")

    @property
    def arn(self) -> str | None:
        return self.session.arn if self.session else None

    def seen(self, body: bytes) -> SeenRequest:
        if self.session is None:
            raise ValueError("only the calls of roles are logged")
        return SeenRequest(
            self.method,
            self.path,
            self.query,
            self.headers,
            body,
            self.account_id,
            self.region,
            self.session,
        )


def _answer(service: Service, caller: _Caller, body: bytes) -> HttpReply:
    try:
        if caller.target_prefix == service.target_prefix:
            return _answer_action(service, caller, body)
        return _answer_route(service, caller, body)
    except AwsError as error:
        return _error_reply(error)
    except Exception:
        logger.exception("%s cannot answer %s %s", service.name, caller.action, caller.path)
        return _error_reply(AwsError("InternalFailure", "The request failed: the server's log says why", 500))


def _answer_action(service: Service, caller: _Caller, body: bytes) -> HttpReply:
    handler = service.actions().get(caller.action)
    if handler is None:
        raise AwsError("UnknownOperationException", f"{service.name} has no operation {caller.action!r} here")
    try:
        parameters = json.loads(body or b"{}")
    except ValueError as error:
        raise AwsError("SerializationException", f"the body is not JSON: {error}") from error
    result = handler(Call(caller.action, parameters, caller.account_id, caller.region, caller.arn))
    return HttpReply(200, {"content-type": JSON_TYPE}, json.dumps(result, default=_json_time).encode())


def _answer_route(service: Service, caller: _Caller, body: bytes) -> HttpReply:
    for pattern, handler in service.routes().items():
        match = re.fullmatch(pattern, caller.path)
        if match:
            call = HttpCall(
                caller.method,
                caller.path,
                caller.headers,
                body,
                caller.account_id,
                caller.region,
                caller.arn,
            )
            return handler(call, match)
    raise AwsError("UnknownOperationException", f"{service.name} has nothing at {caller.path}", 404)


def _permissions(service: Service, caller: _Caller, body: bytes) -> tuple[Any, ...]:
    if not caller.action:
        return service_permissions.added_route(caller.path, caller.region, caller.account_id)
    try:
        parameters = json.loads(body or b"{}")
    except ValueError:
        parameters = {}
    return service_permissions.added_service(
        service.name, caller.action, parameters, caller.region, caller.account_id
    )


def _error_reply(error: AwsError) -> HttpReply:
    # `__type` is the JSON protocol's, the header and `Message` are those of REST APIs.
    body = {"__type": error.code, "message": error.message, "Message": error.message}
    headers = {"content-type": JSON_TYPE, "x-amzn-errortype": error.code}
    return HttpReply(error.status, headers, json.dumps(body).encode())


def _json_time(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is no JSON value")


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(send: Send, reply: HttpReply) -> None:
    headers = {
        **reply.headers,
        "content-length": str(len(reply.body)),
        "x-amzn-requestid": str(uuid.uuid4()),
    }
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": reply.body})
