"""The gateway: one ASGI application before the emulator.

It turns away web pages and whoever has no key of this cloud, serves the added services itself, tells the
activity log who called what, and answers `/_local_cloud/status`, by which a server is recognised as this one.
"""

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from local_cloud import json_text
from local_cloud.defaults import ACCOUNT_ID
from local_cloud.iam import service_permissions
from local_cloud.iam.activity import Activity, SeenRequest
from local_cloud.iam.identity import session_of_key
from local_cloud.request_auth import request_guard
from local_cloud.request_auth.authentication import Authenticated, Authentication, ClientGoneError
from local_cloud.request_auth.refusals import RefusedError, refusal_reply
from local_cloud.request_auth.signed_request import SignedRequest
from local_cloud.server.server_file import CHALLENGE, STATUS_PATH, ServerIdentity
from local_cloud.service import AwsError, Call, HttpCall, HttpReply, Service

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

# The emulator's own address to forget everything.
RESET_PATH = "/_ministack/reset"
JSON_TYPE = "application/x-amz-json-1.1"
# Where CloudFormation hears of custom resources and wait conditions: the token at the end, made at random for
# one answer, is what a presigned URL is on AWS.
ANSWER_PATH = re.compile(r"/_ministack/cfn-(?:response|signal)/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CROSS_ORIGIN_HEADERS = b"access-control-"
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
        authentication: Authentication,
        identity: ServerIdentity,
    ) -> None:
        self._emulator = emulator
        self._services = services
        self._activity = activity
        self._authentication = authentication
        self._identity = identity
        self.restored = asyncio.Event()
        """Set when the services have their state back; their requests wait for it."""

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._emulator(scope, receive, send)
        elif scope["type"] != "http":
            # No service here speaks WebSocket, and a page may open one to anywhere.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, receive, _without_cross_origin(send))

    async def _answer(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        refusal = request_guard.refusal(scope, self._identity.note.port)
        if refusal:
            headers = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
            await _send(send, HttpReply(refusal.status, headers, refusal.sentence.encode() + b"\n"))
            return
        if scope["path"] == STATUS_PATH:
            await _send(send, self._status(scope))
            return
        if scope["method"] == "PUT" and ANSWER_PATH.fullmatch(scope["path"]):
            await self._emulator(scope, receive, send)
            return
        request = SignedRequest.from_scope(scope)
        try:
            caller = _Caller(scope, await self._authentication.authenticate(request, receive))
        except ClientGoneError:
            return
        except RefusedError as refused:
            await _send(send, _refused(refused, request))
            return
        await self._route(scope, caller, _replay(caller.body, receive), send)

    def _status(self, scope: dict[str, Any]) -> HttpReply:
        challenge = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("challenge", [""])[0]
        status: dict[str, Any] = {**self._identity.facts, "ready": self.restored.is_set()}
        if CHALLENGE.fullmatch(challenge):
            status["proof"] = self._identity.proof(challenge)
        return HttpReply(200, {"content-type": "application/json"}, json.dumps(status).encode())

    async def _route(self, scope: dict[str, Any], caller: "_Caller", receive: Receive, send: Send) -> None:
        if scope["path"] == RESET_PATH and scope["method"] == "POST":
            for service in self._services:
                await asyncio.to_thread(service.reset)
        for service in self._services:
            if service.name == caller.service or caller.target_prefix == service.target_prefix:
                await self._serve(service, caller, send)
                return
        await self._pass_on(scope, caller, receive, send)

    async def _serve(self, service: Service, caller: "_Caller", send: Send) -> None:
        body = caller.body
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
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._emulator(scope, receive, send_and_note)
        self._activity.record(replace(caller.seen(caller.body[:KEPT_BODY_BYTES]), status=status))


class _Caller:
    """Who sent a request, and to which service."""

    def __init__(self, scope: dict[str, Any], authenticated: Authenticated) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.body = authenticated.body
        self.region, self.service = authenticated.region, authenticated.service
        self.session = session_of_key(authenticated.access_key_id)
        self.account_id = self.session.account_id if self.session else ACCOUNT_ID
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
        parameters = json_text.parse(body or b"{}")
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
        parameters = json_text.parse(body or b"{}")
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


def _refused(refused: RefusedError, request: SignedRequest) -> HttpReply:
    signed_for = re.search(r"/([\w-]+)/aws4_request", request.headers.get("authorization", ""), re.ASCII)
    service = signed_for[1] if signed_for else "s3" if "X-Amz-Credential" in request.query else ""
    has_action = "Action" in request.query
    return refusal_reply(refused, service, request.path, request.headers, has_action=has_action)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body that has been read, once more; then what comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _without_cross_origin(send: Send) -> Send:
    """No page may read an answer, whatever a bucket's CORS configuration or the emulator says."""

    async def send_cleaned(message: Message) -> None:
        headers = message.get("headers")
        if headers is not None:
            kept = [pair for pair in headers if not pair[0].lower().startswith(CROSS_ORIGIN_HEADERS)]
            message = {**message, "headers": kept}
        await send(message)

    return send_cleaned


async def _send(send: Send, reply: HttpReply) -> None:
    headers = {
        **reply.headers,
        "content-length": str(len(reply.body)),
        "x-amzn-requestid": str(uuid.uuid4()),
    }
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": reply.body})
