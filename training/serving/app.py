"""SageMaker's contract over HTTP: /ping, /invocations and /metrics."""

import asyncio
import hmac
import time
from http import HTTPStatus

from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts.endpoint import CUSTOM_ATTRIBUTES_HEADER, EXPLAIN
from contracts.limits import MAX_PAYLOAD_BYTES
from training.serving.metrics import Metrics
from training.serving.pool import Pool
from training.serving.settings import Settings

_ACCESS_HEADER = "x-serve-access-key"


class InferenceApp:
    """Answers from the pool, once `ready` is set."""

    def __init__(self, pool: Pool, metrics: Metrics, settings: Settings) -> None:
        self.ready = False
        self._pool = pool
        self._metrics = metrics
        self._settings = settings
        routes = [
            Route("/ping", self._ping),
            Route("/metrics", self._tell_metrics),
            Route("/invocations", self._invoke, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes, exception_handlers={HTTPException: _tell_error})

    async def _ping(self, request: Request) -> Response:
        self._check(request)
        if self._pool.stuck:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "a computation does not end")
        return Response(media_type="application/json")

    async def _tell_metrics(self, request: Request) -> Response:
        self._check(request, loaded=False)
        return Response(generate_latest(self._metrics.registry), media_type="text/plain; version=0.0.4")

    async def _invoke(self, request: Request) -> Response:
        since, status = time.monotonic(), int(HTTPStatus.INTERNAL_SERVER_ERROR)
        try:
            self._check(request)
            with self._pool.admitted(_announced_bytes(request)):
                response = await self._answer(request)
            status = response.status_code
        except HTTPException as error:
            status = error.status_code
            raise
        finally:
            self._metrics.requests.labels(status).inc()
            self._metrics.latency.observe(time.monotonic() - since)
        return response

    def _check(self, request: Request, *, loaded: bool = True) -> None:
        brought, key = request.headers.get(_ACCESS_HEADER, ""), self._settings.access_key
        if key and not hmac.compare_digest(brought.encode(), key.encode()):
            raise HTTPException(HTTPStatus.FORBIDDEN, "the request brings no access key of this server")
        if loaded and not self.ready:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "the model is still loading")

    async def _answer(self, request: Request) -> Response:
        limit_s = self._settings.limit_s
        try:
            async with asyncio.timeout(limit_s):
                body = await _read(request)
        except TimeoutError as error:
            refusal = self._pool.refusal("too_late", f"the request did not come within {limit_s:g} s")
            refusal.headers = {"Connection": "close"}
            raise refusal from error
        except ClientDisconnect as error:
            raise self._pool.refusal("client_gone", "the client has gone") from error
        headers = request.headers
        kind, accept = headers.get("content-type", ""), headers.get("accept", "*/*")
        explain = headers.get(CUSTOM_ATTRIBUTES_HEADER, "").strip().lower() == EXPLAIN
        leaving = asyncio.ensure_future(request.receive())
        try:
            content, media_type = await self._pool.answer(body, kind, accept, leaving, explain=explain)
        finally:
            leaving.cancel()
        return Response(content, media_type=media_type)


def _announced_bytes(request: Request) -> int:
    """How large the body may be. Raises HTTPException when that is too much, or not told."""
    length = request.headers.get("content-length")
    if length is None and "transfer-encoding" not in request.headers:
        raise HTTPException(HTTPStatus.LENGTH_REQUIRED, "the request says no Content-Length")
    return _bounded(MAX_PAYLOAD_BYTES if length is None else int(length))


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        _bounded(len(body))
    return bytes(body)


def _bounded(body_bytes: int) -> int:
    if body_bytes > MAX_PAYLOAD_BYTES:
        sentence = f"the body has {body_bytes} bytes or more; the limit is {MAX_PAYLOAD_BYTES}"
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)
    return body_bytes


async def _tell_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - the only kind that it is told of
    sentence, headers = error.detail, dict(error.headers or {})
    if error.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        asked = f"{request.method} {request.url.path}"
        sentence = f"there is no {asked}; POST /invocations, GET /ping or GET /metrics"
    if error.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "1"
    return JSONResponse({"error": sentence}, error.status_code, headers)
