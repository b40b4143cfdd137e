"""Who may speak to the console: the browser of the person who started it, from the console's own pages.

Any page of the web can make a browser send requests to 127.0.0.1. Such a request has another Origin, or, by
DNS rebinding, another Host; it lacks the cookie, which only the opening link's random token is exchanged for.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"
OPENING_PATH = "/open"
# Own files that hold nothing of a deployment; the page that refuses needs them, too.
STATIC_PREFIX = "/static/"
_READING = {"GET", "HEAD"}
# No inline script or style, nothing of another origin, in nobody's frame.
CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'",
    *("script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' blob: data:"),
    *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
))  # fmt: skip
# A report is a page of its own with its style in it; it can run no script and ask for nothing.
REPORT_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # `no-referrer` would have browsers send `Origin: null` with the console's own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
# A page that refreshes: after a redirect of another site's link the cookie would stay away (SameSite=Strict).
_OPENED = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>dropserve console</title>'
    '<link rel="icon" href="/static/icon.svg">'
    '<meta http-equiv="refresh" content="0; url=/"><p><a href="/">Open the console</a></p></html>'
)


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Gate:
    """The console's address and its two secrets: one for the opening link, one for the cookie."""

    port: int
    token: str = field(default_factory=_secret, repr=False)
    session: str = field(default_factory=_secret, repr=False)

    @property
    def host(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://{self.host}"

    @property
    def opening_link(self) -> str:
        return f"{self.origin}{OPENING_PATH}?token={self.token}"

    @property
    def cookie_name(self) -> str:
        """With the port: a browser keeps one jar for all ports of a host."""
        return f"dropserve-console-{self.port}"

    def refusal(self, method: str, path: str, headers: Headers) -> str | None:
        """Why a request is not answered; None for one that is."""
        if headers.getlist("host") != [self.host]:
            return f"It was not sent to {self.host}."
        if not self._is_own_origin(method, headers):
            return "It comes from a page that is not the console's own."
        if path.startswith(STATIC_PREFIX) or path == OPENING_PATH:
            return None
        if not self._has_session(headers):
            return (
                "The browser has no session of this console: it was started anew, or opened without its link."
            )
        return None

    def is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    def _is_own_origin(self, method: str, headers: Headers) -> bool:
        """Of what changes something, and of a stream of events. A link from elsewhere may open a page."""
        origins, is_reading = headers.getlist("origin"), method in _READING
        if origins != [self.origin] and not (is_reading and not origins):
            return False
        if is_reading and "text/event-stream" not in headers.get("accept", ""):
            return True
        return headers.get("sec-fetch-site", "same-origin") == "same-origin"

    def _has_session(self, headers: Headers) -> bool:
        given = [_cookies(each).get(self.cookie_name, "") for each in headers.getlist("cookie")]
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self.session.encode())


def _cookies(header: str) -> Mapping[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


class Guard:
    """Lets through what the gate does; every answer gets the security headers that it has not set itself."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._guarded(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, send_with_headers)

    def _answer(self, scope: Scope) -> Response | None:
        """The gate's own answer, if the request does not go on to a page."""
        headers = Headers(scope=scope)
        path, method = scope["path"], scope["method"]
        if why := self._gate.refusal(method, path, headers):
            return _refused(why)
        if path != OPENING_PATH:
            return None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        if method != "GET" or not self._gate.is_token(given[0]):
            return _refused("The opening link's token is not this console's: it was started anew.")
        answer = HTMLResponse(_OPENED)
        answer.set_cookie(self._gate.cookie_name, self._gate.session, httponly=True, samesite="strict")
        return answer


def _refused(why: str) -> Response:
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Refused - dropserve console</title>'
        '<link rel="icon" href="/static/icon.svg">'
        '<link rel="stylesheet" href="/static/console.css"><main class="alone"><h1>Refused</h1>'
        f"<p>The console does not answer this request. {why}</p>"
        "<p>Open the link that <code>dropserve console</code> has printed.</p></main></html>",
        status_code=403,
    )
